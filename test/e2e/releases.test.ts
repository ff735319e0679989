/** Releases side by side as real processes: this one, and two made up from copies of it with a further protocol and further forms of the store. */
import { readFileSync } from 'node:fs';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  type Started,
  startCluster,
  untilReady,
} from '../../src/lab/lab.ts';
import { repository } from '../../src/lab/machine.ts';

let lab: Lab;
let cluster: LabCluster;
let store: readonly string[];

interface Release {
  readonly version: string;
  readonly protocol: string;
  /** As `src/server/schema.ts` has it. */
  readonly schema: string;
}

const step = (to: number, needs: number, field: string) =>
  `{ to: ${to}, needs: ${needs}, range: { start: '/trama/nodes/', end: '/trama/nodes0' }, convert: (node) => ({ ...(node as object), ${field}: true }) }`;

const thisOne: string = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).version;
const [major, minor] = thisOne.split('.').map(Number);
const [next, later] = [1, 2].map((more) => `${major}.${(minor ?? 0) + more}.0`) as [string, string];

const releases = {
  next: {
    version: next,
    protocol: '{ lowest: 1, highest: 2 }',
    schema: `{ version: 2, steps: [${step(2, 1, 'added')}] }`,
  },
  later: {
    version: later,
    protocol: '{ lowest: 2, highest: 3 }',
    schema: `{ version: 3, steps: [${step(2, 1, 'added')}, ${step(3, 2, 'turned')}] }`,
  },
} as const satisfies Record<string, Release>;

/** A copy of this checkout with other numbers. */
async function makeUp(name: keyof typeof releases): Promise<void> {
  const { version, protocol, schema } = releases[name];
  const root = join(lab.directory, name);
  for (const part of ['bin', 'src', 'package.json'])
    await cp(join(repository, part), join(root, part), { recursive: true });
  await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
  const change = async (file: string, from: RegExp, to: string) => {
    const text = await readFile(join(root, file), 'utf8');
    expect(text, file).toMatch(from);
    await writeFile(join(root, file), text.replace(from, to));
  };
  await change('package.json', /"version": "[^"]+"/, `"version": "${version}"`);
  await change('src/bus/session/versions.ts', /(spokenVersions: VersionRange = )\{[^}]*\}/, `$1${protocol}`);
  await change('src/server/schema.ts', /(ownSchema: Schema = )\{[^}]*\}/, `$1${schema}`);
}

const program = (name: keyof typeof releases) => join(lab.directory, name, 'bin', 'trama');

async function startEtcd([host]: readonly LabHost[]): Promise<readonly string[]> {
  const { address, name } = host as LabHost;
  const [clients, peers] = [`http://${address}:2379`, `http://${address}:2380`];
  await (host as LabHost).start(
    [
      ...(['etcd', '--name', name, '--data-dir', '/var/lib/etcd-of-lab', '--log-level', 'error'] as const),
      ...['--listen-client-urls', clients, '--advertise-client-urls', clients, '--listen-peer-urls', peers],
      ...['--initial-advertise-peer-urls', peers, '--initial-cluster', `${name}=${peers}`],
      ...['--max-request-bytes=2097152', '--auto-compaction-mode=revision', '--auto-compaction-retention=10000'],
    ],
    { name: 'etcd' },
  );
  // Two servers may be tried on one host.
  store = ['--store', `etcd://${address}`, '--http-port', 'none'];
  await eventually('etcd answers', async () => (await etcdctl('get', 'x')).code === 0);
  return store;
}

const etcdctl = (...args: string[]) => {
  const h1 = lab.hosts.get('h1') as LabHost;
  return h1.run(['etcdctl', '--endpoints', `http://${h1.address}:2379`, ...args], { env: { ETCDCTL_API: '3' } });
};
const schemaNow = async () => {
  const { stdout } = await etcdctl('get', '--print-value-only', '--prefix', '');
  const line = stdout.split('\n').find((each) => each.includes('"needs"')) ?? 'null';
  return JSON.parse(line) as { version: number; needs: number; trama: string };
};

const serve = (host: string, release?: keyof typeof releases): Promise<Started> =>
  release === undefined
    ? cluster.host(host).startServer(store)
    : cluster.host(host).start([program(release), 'server', ...store], { name: 'server' });
const isServing = (server: Started) =>
  eventually('the server is ready', async () => (await server.output()).includes('server ready'));
const versions = () => cluster.json<{ version: string; agent: string; server: string }>('version');
type Node = { readonly name: string; readonly version: string; readonly skew: string };
const nodes = () => cluster.json<Node[]>('node', 'ls');

beforeAll(async () => {
  lab = await createLab();
  const hostOptions = { docker: false };
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'], hostOptions, serverArguments: startEtcd });
  await Promise.all([makeUp('next'), makeUp('later')]);
});

afterAll(() => lab?.[Symbol.asyncDispose]());

test('one after the other, servers and then agents are replaced; who is too old is told what to do', async () => {
  const version = thisOne;
  expect(await versions()).toEqual({ version, agent: version, server: version });

  // The next release over the same store, beside this one.
  const second = await serve('h2', 'next');
  await isServing(second);
  expect(await schemaNow()).toEqual({ version: 2, needs: 1, trama: next });
  await cluster.trama('network', 'create', 'app');

  // The release after that cannot come as long as one of two before is there.
  const early = await serve('h2', 'later');
  expect(await early.ended).toBe(1);
  expect(await early.output()).toMatch(
    /servers of an older Trama cannot read, and h1 \(process \d+\) runs one: upgrade/,
  );
  expect(await schemaNow()).toMatchObject({ version: 2, needs: 1 });

  // The first server is replaced: agents of this release and the next speak what they have in common.
  cluster.server.kill('SIGTERM');
  await cluster.server.ended;
  cluster.server = await serve('h1', 'next');
  await isServing(cluster.server);
  await untilReady(cluster);
  expect(await versions()).toEqual({ version, agent: version, server: next });
  expect((await nodes()).map(({ skew }) => skew)).toEqual(['', '']);
  const agent = cluster.agents.get('h2');
  agent?.kill('SIGTERM');
  await agent?.ended;
  cluster.agents.set('h2', await cluster.host('h2').start([program('next'), 'agent'], { name: 'agent' }));
  await eventually('h2 runs the next', async () =>
    (await nodes()).some((node) => node.name === 'h2' && node.version === next),
  );
  await untilReady(cluster);

  // And now the one after it, whose protocol the agent of h1 does not speak any more.
  second.kill('SIGTERM');
  cluster.server.kill('SIGTERM');
  await Promise.all([second.ended, cluster.server.ended]);
  cluster.server = await serve('h1', 'later');
  await isServing(cluster.server);
  expect(await schemaNow()).toEqual({ version: 3, needs: 2, trama: later });
  const refused = await serve('h2');
  expect(await refused.ended).toBe(1);
  expect(await refused.output()).toMatch(
    /brought to schema 2 by Trama (\S+), and Trama \S+ on this host reads up to schema 1: install \1 or newer here/,
  );
  await eventually('the agent of h1 says why', async () =>
    ((await cluster.agents.get('h1')?.output()) ?? '').includes('Trama on this host is too old for the server'),
  );
  const { code, stderr } = await cluster.host('h1').trama('network', 'ls');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/too old .* Upgrade Trama on this host/) });
  const seen = await cluster.host('h2').output([program('later'), 'node', 'ls']);
  const line = (name: string) => seen.split('\n').find((each) => each.startsWith(`${name} `));
  expect(line('h2')).toContain(` ${next} `);
  expect(line('h1')).toContain(` ${thisOne} (skew)`);
});
