/**
 * The demo: three simulated hosts with real Docker Engines, one network over them, two containers on each, and who
 * reaches whom. Stays until Ctrl-C; with `--once` it ends, with 0 only if everybody reaches everybody.
 */
import { toFailure } from '../domain/domain.ts';
import {
  containerSource,
  createLab,
  hostSource,
  type LabCluster,
  labImage,
  probe,
  type Reachability,
  reachabilityTable,
  startCluster,
} from '../lab/lab.ts';
import { untilSignal } from '../platform/platform.ts';

const began = Date.now();
const print = (line = ''): void => void process.stdout.write(`${line}\n`);
const step = (what: string) => print(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${what}`);

interface Listed {
  readonly name: string;
  readonly node: string;
  readonly networks: readonly { readonly address: string }[];
}

async function build(resources: AsyncDisposableStack): Promise<{ cluster: LabCluster; result: Reachability }> {
  const lab = resources.use(await createLab());
  step('underlay of three hosts, and an outside beyond their gateway');
  const cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'], onStep: step });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  step('network app, 10.42.0.0/16');
  const names = cluster.hosts.flatMap((host) =>
    [1, 2].map((number) => ({ host: host.name, name: `c${number}-${host.name}` })),
  );
  await Promise.all(
    names.map(async ({ host, name }) => {
      await cluster.trama('run', '-d', '--name', name, '--node', host, '--network', 'app', labImage, 'httpd', '-f');
      step(`container ${name} on ${host}`);
    }),
  );
  const containers = await cluster.json<Listed[]>('ps');
  const sources = containers.map((each) =>
    containerSource(cluster.host(each.node), each.name, each.networks[0]?.address ?? ''),
  );
  const hosts = cluster.hosts.map(hostSource);
  const outside = { name: 'outside', address: lab.outside.address };
  const [fromContainers, fromHosts] = await Promise.all([
    probe(sources, [...sources, ...hosts, outside]),
    probe(hosts, sources),
  ]);
  step('everybody has pinged everybody');
  const result = merge(fromContainers, fromHosts);
  print(`\n${await cluster.trama('node', 'ls')}\n${await cluster.trama('ps')}`);
  for (const line of reachabilityTable(fromContainers)) print(`  ${line}`);
  print();
  for (const line of reachabilityTable(fromHosts)) print(`  ${line}`);
  print(
    `\n${result.missing.length === 0 ? 'Everybody reaches everybody.' : `Not reached: ${result.missing.join(', ')}`}`,
  );
  return { cluster, result };
}

function merge(a: Reachability, b: Reachability): Reachability {
  return { ...a, missing: [...a.missing, ...b.missing] };
}

async function demo(once: boolean): Promise<number> {
  let code = 1;
  await untilSignal(async (resources, _signal, stop) => {
    resources.defer(() => step('cleaned up'));
    const { cluster, result } = await build(resources);
    code = result.missing.length === 0 ? 0 : 1;
    if (once) {
      stop();
      return;
    }
    print(`\nIt stays until Ctrl-C. In another terminal, on a simulated host:`);
    for (const host of cluster.hosts)
      print(`  sudo nsenter --target ${host.init} --mount --net --uts --pid    # ${host.name}: docker ps, ip addr, …`);
    print(`  there: ${process.cwd()}/bin/trama ps`);
  });
  return code;
}

const args = process.argv.slice(2);
if (args.some((arg) => arg !== '--once')) {
  process.stderr.write('usage: sudo npm run demo [-- --once]\n');
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await demo(args.includes('--once'));
  } catch (error) {
    process.stderr.write(`demo: ${toFailure(error).message}\n`);
    process.exitCode = 1;
  }
}
