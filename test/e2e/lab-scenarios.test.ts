/** Labs whose hosts are machines: real engines, Trama's own server and agents, etcd; built, checked, broken off, removed. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../src/lab/lab.ts';
import { output, processesWithEnvironment, spawn } from '../../src/platform/platform.ts';
import { checkout, type LabMachine, labMachine, networkState } from '../kernel/lab-machine.ts';

let machine: LabMachine;

beforeAll(async () => {
  machine = await labMachine({ ownDisks: false });
});
afterAll(() => machine?.[Symbol.asyncDispose]());

/** Disks and control groups are this machine's, whoever else tests there: a lab's name is its own. */
const labOf = (scenario: string) => `${scenario}-${process.pid}`;

/** The file of a lab of that name. */
async function file(scenario: string, text?: string): Promise<string> {
  const path = `${machine.directory}/${scenario}.yaml`;
  const given = text ?? (await readFile(`${checkout}/lab/${scenario}.yaml`, 'utf8'));
  await writeFile(path, given.replace(/^name: .*$/m, `name: ${labOf(scenario)}`));
  return path;
}

/** Standard output of a command line that is done. */
async function trama(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.trama(...words);
  expect({ code, stderr: code === 0 ? '' : stderr + stdout }, words.join(' ')).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Of those that are listed the ones of this test. */
async function labs(): Promise<readonly { readonly name: string }[]> {
  const all = JSON.parse(await trama('lab', 'ls', '-o', 'json')) as { name: string }[];
  return all.filter(({ name }) => name.endsWith(labOf('')));
}

/** In a node of a lab. */
const inside = (scenario: string, node: string, ...argv: string[]) =>
  machine.trama('lab', 'exec', `${labOf(scenario)}/${node}`, ...argv);

interface NodeShown {
  readonly name: string;
  readonly namespace: string;
  readonly interfaces: readonly { readonly name: string; readonly cidr: string | null; readonly peer: string | null }[];
}

async function nodesOf(scenario: string): Promise<readonly NodeShown[]> {
  return JSON.parse(await trama('lab', 'inspect', labOf(scenario), '-o', 'json')).nodes;
}

async function addressOf(scenario: string, node: string): Promise<string> {
  const nodes = await nodesOf(scenario);
  return nodes.find(({ name }) => name === node)?.interfaces[0]?.cidr?.split('/')[0] ?? '';
}

/** The lab's own cables, as the kernel has them: `namespace interface` → link with its addresses. */
async function cablesOf(scenario: string, among?: ReadonlyMap<string, unknown>): Promise<Map<string, unknown>> {
  const names =
    among ??
    new Set(
      (await nodesOf(scenario)).flatMap(({ namespace, interfaces }) =>
        interfaces.filter(({ peer }) => peer !== null).map(({ name }) => `${namespace} ${name}`),
      ),
    );
  const state = (await networkState(machine)) as Record<string, { links: { ifname: string }[] }>;
  return new Map(
    Object.entries(state).flatMap(([namespace, { links }]) =>
      links
        .map((link) => [`${namespace} ${link.ifname}`, link] as const)
        .filter(([name]) => names.has(name) && name.startsWith(`trama.${labOf(scenario)}.`)),
    ),
  );
}

/** Built, checked and removed by its scripts, run by sh; of Trama they find the command alone. @param built as `up` did */
async function byItsScripts(scenario: string, built: ReadonlyMap<string, unknown>): Promise<void> {
  const path = await file(scenario);
  await trama('lab', 'script', path, '-o', 'scripts');
  const PATH = `${checkout}/bin:${process.env.PATH}`;
  const sh = async (script: string) =>
    expect(await machine.run('env', '-i', `PATH=${PATH}`, 'sh', `scripts/${script}`), script).toMatchObject({
      code: 0,
    });
  await sh('network_setup.sh');
  await sh('network_setup.sh');
  expect(built.size).toBeGreaterThan(1);
  expect(await cablesOf(scenario, built)).toEqual(built);
  await trama('lab', 'test', path);
  await sh('network_delete.sh');
  expect(await traces(scenario)).toEqual([]);
  await sh('network_delete.sh');
}

/** Whatever is left of a lab on this machine. */
async function traces(scenario: string): Promise<string[]> {
  const lab = labOf(scenario);
  const groups = await output(spawn, {
    argv: ['find', '/sys/fs/cgroup', '-maxdepth', '2', '-name', `trama-labs-${lab}`],
  });
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(lab));
  return [
    ...(await machine.namespaces()).filter((name) => name.startsWith(`trama.${lab}.`)),
    ...(await processesWithEnvironment(`TRAMA_TOPOLOGY=${lab}`)).map((pid) => `process ${pid}`),
    ...groups.split('\n').filter(Boolean),
    ...mounts,
    ...[`/var/tmp/trama-labs/${lab}`].filter(existsSync),
    ...(await machine.run('ls', '/run/trama-labs')).stdout.split('\n').filter((name) => name === lab),
  ];
}

async function down(scenario: string): Promise<void> {
  await trama('lab', 'down', labOf(scenario));
  expect(await traces(scenario)).toEqual([]);
}

describe('modes', () => {
  test('each of Docker’s modes is as the file says; inside is the engine’s own', async () => {
    await trama('lab', 'up', await file('modes'));
    await trama('lab', 'test', labOf('modes'));
    expect((await inside('modes', 'host', 'docker', 'ps', '-q')).stdout.split('\n').filter(Boolean)).toHaveLength(8);
    expect((await inside('modes', 'host', 'hostname')).stdout).toBe('host\n');
    expect((await inside('modes', 'tools', 'ps')).stdout).toMatch(/ 1 root .*httpd -f/);
    expect(await inside('modes', 'web', 'sh', '-c', 'exit 7')).toMatchObject({ code: 7 });
    const set = await machine.trama('lab', 'set', `${labOf('modes')}/web:eth0`, 'down');
    expect(set).toMatchObject({ code: 1, stderr: expect.stringContaining("web:eth0 is no link of the lab's own") });
    const web = await addressOf('modes', 'web');
    expect((await inside('modes', 'web', 'ip', '-o', '-4', 'addr', 'show', 'eth0')).stdout).toContain(` ${web}/16 `);
    expect(await trama('lab', 'graph', labOf('modes'))).toContain(`${web}/16`);
  });

  test('frames are seen where Docker has made the interfaces, and of a container that was started again', async () => {
    const frames = `${machine.directory}/frames.pcap`;
    await trama('lab', 'exec', `${labOf('modes')}/host`, 'docker', 'restart', '-t', '0', 'db');
    const db = await addressOf('modes', 'db');
    const place = `${labOf('modes')}/db:eth0`;
    const capture = machine.start(`${checkout}/bin/trama`, 'lab', 'capture', place, '-w', frames);
    await eventually('there are packets', async () => {
      await inside('modes', 'web', 'ping', '-c1', '-W1', db);
      return (await machine.run('tcpdump', '-n', '-r', frames)).stdout.includes(`${db}: ICMP echo request`);
    });
    await machine.run('sh', '-c', 'kill -INT $(pgrep tcpdump)');
    expect(await capture.ended).toBe(0);
  });

  test('a container that has ended fails whatever names it, also where silence is expected', async () => {
    const host = (...argv: string[]) => trama('lab', 'exec', `${labOf('modes')}/host`, ...argv);
    await host('docker', 'kill', 'db', 'open');
    const { code, stdout } = await machine.trama('lab', 'test', labOf('modes'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL +outside → web, db, shop: not reached\n +db does not run\n/);
    expect(stdout).toMatch(/PASS +shop, stock → shop, stock, outside: reached/);
    await host('docker', 'start', 'db', 'open');
    await trama('lab', 'test', labOf('modes'));
  });

  test('the cable of a host is pulled, and plugged in again', async () => {
    const page = () => inside('modes', 'outside', 'busybox', 'wget', '-qO-', 'http://198.51.100.1:8080/');
    await trama('lab', 'set', `${labOf('modes')}/host:eth0`, 'down');
    expect((await page()).code).not.toBe(0);
    await trama('lab', 'set', `${labOf('modes')}/host:eth0`, 'up');
    expect(await page()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  describe('beside it', () => {
    const wired = (image: string) => `name: x
topology:
  nodes:
    h1: {kind: host, prefix: 192.168.2.0/24, nat: wan}
    h2: {kind: host, prefix: 192.168.3.0/24, attach: p2p}
    p1: {kind: container, host: h1, image: "${image}", ports: ["8000:80"], cmd: httpd -f}
    p2: {kind: container, host: h1, image: "trama/busybox:1", cmd: [sleep, "1000000"]}
    p3: {kind: container, host: h2, image: "trama/busybox:1", cmd: httpd -f}
    bare: {kind: container, host: h2}
    outside: {kind: outside}
  links:
    - {endpoints: ["h1:wan", "outside:eth0"], prefix: 198.51.100.0/24}
    - {endpoints: ["h1:lan", "h2:lan"], prefix: 10.0.0.0/30}
validate:
  - ping: {from: containers, to: containers}
  - ping: {from: [p1, p2], to: outside}
  - http: {from: outside, to: h1, port: 8000, body: from the image}
  - http: {from: p2, to: p3, body: hello}
  - hops: {from: p1, to: p3, expect: 3}
`;

    test('a missing image is refused before anything is built', async () => {
      const { code, stderr } = await machine.trama('lab', 'up', await file('wired', wired('no/such:1')));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /wired\.yaml:6: topology\.nodes\.p1\.image: .* no\/such:1.* take trama\/busybox:1, which the lab makes/,
      );
      expect(await traces('wired')).toEqual([]);
    });

    test('containers of an image of this machine are wired by the lab, on a bridge and by links of their own', async () => {
      const host = (...argv: string[]) => trama('lab', 'exec', `${labOf('modes')}/host`, ...argv);
      await host('docker', 'exec', 'db', 'sh', '-c', 'echo from the image >/www/index.html');
      await host('docker', 'commit', 'db', 'pages:1');
      const init = (await readFile(`/var/tmp/trama-labs/${labOf('modes')}/host/ready`, 'utf8')).trim();
      const withDocker = (...words: string[]) =>
        machine.run('env', `DOCKER_HOST=unix:///proc/${init}/root/run/docker.sock`, `${checkout}/bin/trama`, ...words);
      expect(await withDocker('lab', 'up', await file('wired', wired('pages:1')))).toMatchObject({ code: 0 });
      await trama('lab', 'test', labOf('wired'));
      await trama('lab', 'set', `${labOf('wired')}/p1:eth0`, 'loss', '100%');
      expect(await inside('wired', 'p2', 'ping', '-c1', '-W1', '192.168.2.2')).toMatchObject({ code: 1 });
      await trama('lab', 'set', `${labOf('wired')}/p1:eth0`, 'loss', '0');
      expect(await inside('wired', 'p2', 'ping', '-c1', '-W1', '192.168.2.2')).toMatchObject({ code: 0 });
      await down('wired');
      expect(await labs()).toMatchObject([{ name: labOf('modes'), status: 'up' }]);
    });
  });

  test('is gone without a trace; its scripts build the same', async () => {
    const built = await cablesOf('modes');
    await down('modes');
    await byItsScripts('modes', built);
  });
});

describe('clusters', () => {
  test('one whose builder is killed among its daemons is removed by down', async () => {
    const builder = machine.start(`${checkout}/bin/trama`, 'lab', 'up', await file('master'));
    const log = `/var/tmp/trama-labs/${labOf('master')}/h1/log/agent-1.log`;
    await eventually('the first agent is started', async () => existsSync(log));
    await machine.output('sh', '-c', 'kill -9 $(pgrep -f "[t]rama.ts lab up")');
    await builder.ended;
    expect(await labs()).toMatchObject([{ name: labOf('master'), status: 'broken' }]);
    await down('master');
  });

  test('master: each host has a block of its own, and a route to each other’s', async () => {
    await trama('lab', 'up', await file('master'));
    await trama('lab', 'test', labOf('master'));
    const routes = async (host: string) => {
      const { stdout } = await inside('master', host, 'ip', 'route', 'show', 'proto', '84');
      return [...stdout.matchAll(/^(\S+)\/26 via (\S+)/gm)].map(([, block, via]) => ({ block, via }));
    };
    const [h1, h2, h3] = await Promise.all(['h1', 'h2', 'h3'].map(routes));
    expect(h1?.map(({ via }) => via).sort()).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(h1?.find(({ via }) => via === '10.0.0.3')).toEqual(h2?.find(({ via }) => via === '10.0.0.3'));
    expect(h3?.find(({ via }) => via === '10.0.0.2')).toEqual(h1?.find(({ via }) => via === '10.0.0.2'));
    const built = await cablesOf('master');
    await down('master');
    await byItsScripts('master', built);
  });

  test('cluster: built by up, and by its scripts; removed by what down would do', async () => {
    const path = await file('cluster');
    await trama('lab', 'up', path);
    await trama('lab', 'test', labOf('cluster'));
    const built = await cablesOf('cluster');
    await machine.output('sh', '-ec', await trama('lab', 'down', labOf('cluster'), '--dry-run'));
    await trama('lab', 'down', labOf('cluster'));
    expect(await traces('cluster')).toEqual([]);
    await byItsScripts('cluster', built);
  });

  test('cluster-etcd: loses a server, a member of etcd, and a host behind a link that lets nothing pass', async () => {
    await trama('lab', 'up', await file('cluster-etcd'));
    await trama('lab', 'test', labOf('cluster-etcd'));
    const built = await cablesOf('cluster-etcd');
    const on = (host: string, ...argv: string[]) => inside('cluster-etcd', host, ...argv);
    const { servers } = JSON.parse((await on('h2', 'trama', 'info', '-o', 'json')).stdout);
    expect(servers.map(({ id }: { id: string }) => id)).toEqual([1, 2, 3].map((i) => `10.0.0.${i}:4701`));
    expect(await on('h2', 'pkill', '-9', 'etcd')).toMatchObject({ code: 0 });
    expect(await on('h1', 'pkill', '-9', '-f', 'trama.ts server')).toMatchObject({ code: 0 });
    await eventually(
      'h1 is served by another',
      async () => (await on('h1', 'trama', 'network', 'create', 'n')).code === 0,
    );
    const link = `${labOf('cluster-etcd')}/h2:eth0`;
    await trama('lab', 'set', link, 'loss', '100%');
    const status = async () =>
      JSON.parse((await on('h3', 'trama', 'node', 'inspect', 'h2', '-o', 'json')).stdout) as { status: string };
    await eventually('it is missed', async () => (await status()).status === 'down');
    // The agent there has looked after its kernel since: what the lab has put there is none of its business.
    expect((await on('h2', 'nft', 'list', 'tables')).stdout).toContain('table netdev lab');
    await trama('lab', 'set', link, 'loss', '0');
    await eventually('it is back', async () => (await status()).status === 'ready');
    await down('cluster-etcd');
    await byItsScripts('cluster-etcd', built);
  });
});
