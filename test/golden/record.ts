/**
 * Writes down what this Trama says and keeps, for later ones to be tested against: `node test/golden/record.ts 0.1`. Once for
 * each release, when it is released; what is written then is never changed (docs/adr/0014-versions.md).
 *
 *     store.jsonl    what is in the store: {"k":KEY,"v":VALUE}
 *     answers.json   what people are told of that
 *     calls.jsonl    what agents and command lines ask, and what they are answered
 *     feed.jsonl     deltas, as agents hear them
 *     wire.jsonl     how a client introduces itself, and the headers of messages
 *     agent/         the state directory of the agent of h1
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgent } from '../../src/agent/create-agent.ts';
import type { Bus, BusClientOptions } from '../../src/bus/bus.ts';
import { spokenVersions } from '../../src/bus/session/versions.ts';
import type { Header } from '../../src/bus/session/wire.ts';
import { parseJoin } from '../../src/domain/domain.ts';
import { silentLog, systemClock } from '../../src/platform/platform.ts';
import { ask, clusterTopic, networkTopic, nodeTopic } from '../../src/protocol/protocol.ts';
import { startServing } from '../../src/server/backup/serving.ts';
import { nodeKey, root } from '../../src/server/keys.ts';
import { prefixRange } from '../../src/store/store.ts';
import { agentOptions, FakeEngine } from '../server/agent-host.ts';
import { Cluster, spec, until } from '../server/cluster.ts';

interface Call {
  readonly method: string;
  readonly params: unknown;
  readonly result: unknown;
}

const [release = ''] = process.argv.slice(2);
if (!/^\d+\.\d+$/.test(release)) throw new Error('which release is it? node test/golden/record.ts 0.1');
const target = join(import.meta.dirname, release);
const directory = await mkdtemp(join(tmpdir(), 'golden-'));
const calls: Call[] = [];
/** The clocks of daemons keep no process from ending. */
const awake = setInterval(() => {}, 1000);

/** Writes down what every client of the bus asks. */
function listening(bus: Bus): Bus {
  return {
    ...bus,
    async connect(options: BusClientOptions) {
      const client = await bus.connect(options);
      const call = client.call.bind(client);
      client.call = async (method, params, more) => {
        const result = await call(method, params, more);
        if (!calls.some((each) => each.method === method)) calls.push({ method, params, result });
        return result;
      };
      return client;
    },
  };
}

const cluster = await Cluster.create();
const serving = await startServing(cluster.store, {
  ...{ clock: systemClock, log: silentLog, id: 'one', exclusive: true, trama: `${release}.0`, onLost: () => {} },
});
const server = await cluster.server();
const engine = new FakeEngine();
const { token } = await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
await ask(server, 'token.create', { uses: 3, ttlMs: 3_600_000 });
const agent = await createAgent({
  ...agentOptions(join(directory, 'agent'), listening(cluster.bus), engine),
  join: parseJoin(`${token}@10.255.0.1:${server.ports.requests}`, server.ports.requests),
});
engine.made = (dockerNetworkId, network) =>
  agent.plugin.createNetwork({ dockerNetworkId, network, internal: false, ipv6: false, options: {} });
agent.run();

const app = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
await ask(server, 'network.create', { name: 'local', driver: 'bridge', subnet: '10.43.0.0/16' });
await ask(server, 'network.create', { name: 'all', discovery: 'multicast', subnet: '10.44.0.0/16', internal: true });
await until('the engine has them', () => engine.networks.size === 3);

const h2 = await cluster.node(server, 'h2', '10.0.0.2');
const topics = [clusterTopic, networkTopic(app.id), nodeTopic('h2')];
for (const topic of topics) h2.client.subscribe(topic);
await ask(server, 'workload.run', {
  name: 'web',
  node: 'h2',
  spec: spec(['app'], {
    command: ['sleep', '100'],
    env: ['A=b'],
    ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    restart: 'unless-stopped',
    onNodeLoss: 'reschedule',
    hostname: 'web',
    labels: { team: 'blue' },
  }),
});
const h2Asks = async <M extends Parameters<typeof h2.ask>[0]>(method: M, params: Parameters<typeof h2.ask<M>>[1]) => {
  const result = await h2.ask(method, params);
  calls.push({ method, params, result });
};
const block = await h2.ask('block.lease', { network: app.id });
const [base = ''] = block.cidr.split('/');
const address = (last: number) => base.replace(/\d+$/, (first) => `${Number(first) + last}`);
await h2Asks('address.reserve', { network: app.id, address: '10.42.9.9' });
const web = {
  ...h2.endpoint(app, address(2)),
  aliases: ['www'],
  ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' as const }],
};
await h2Asks('endpoint.put', { endpoint: web });
await h2Asks('endpoint.put', { endpoint: h2.endpoint(app, address(3)) });
await h2Asks('endpoint.delete', { network: app.id, address: address(3), id: `endpoint-${address(3)}` });
const { id } = await ask(server, 'workload.inspect', { name: 'web' });
const networks = [{ network: app.id, address: web.address, mac: web.mac }];
const status = { name: 'web', id, node: 'h2', generation: 1, phase: 'running' as const, message: '', networks };
await h2Asks('workload.report', { status: { ...status, containerId: 'c1', startedAt: 1_700_000_000_000 } });
await h2Asks('node.event', { kind: 'repair', message: 'put back a forwarding entry', time: 1_700_000_000_000 });
await h2Asks('node.heartbeat', { topics: { [clusterTopic]: 1 } });
for (const topic of topics) await h2Asks('feed.snapshot', { topic });
await agent.plugin.createEndpoint({ dockerNetworkId: 'docker-app', endpointId: 'e'.repeat(64), options: {} });
const told = async () => (await ask(server, 'network.inspect', { name: 'app' })).nodes.length === 2;
await until('the endpoints of h1 are told', told);
await ask(server, 'node.drain', { name: 'h2', drained: true });

// One that fell silent.
await cluster.node(server, 'h3', '10.0.0.3');
const h3 = JSON.parse((await cluster.store.get(nodeKey('h3')))?.value ?? '');
const health = { state: 'down', since: 1_700_000_000_000, reason: 'its host 10.0.0.3 does not answer' };
await cluster.store.transact([], [{ op: 'put', key: nodeKey('h3'), value: JSON.stringify({ ...h3, health }) }]);
await until('all is heard', () => h2.feed.at(-1)?.data.includes('"fenced":true') ?? false);

// Not what is known of nodes by hearing from them.
const answers = {
  'node.list': (await ask(server, 'node.list', {})).map(
    ({ status: _, lastSeen: __, events: ___, cpu: _____, memory: ______, ...node }) => node,
  ),
  'network.list': await ask(server, 'network.list', {}),
  'workload.list': (await ask(server, 'workload.list', {})).map(({ status: _, message: __, ...rest }) => rest),
};
await agent[Symbol.asyncDispose]();
const { entries } = await cluster.store.range(prefixRange(root));

const hello = { version: spokenVersions.lowest, highest: spokenVersions.highest, publicKey: h2.keys.publicKey };
const headers: Header[] = [
  { t: 'request', id: 'r1', method: 'node.list', left: 10_000 },
  { t: 'answer', id: 'r1' },
  { t: 'failure', id: 'r1', code: 'not-found', message: 'there is no node h9' },
  { t: 'open', id: 'client-1', method: 'workload.logs', left: 10_000 },
  { t: 'opened', id: 'client-1' },
  { t: 'data', id: 'client-1', channel: 1 },
  { t: 'credit', id: 'client-1', cost: 65_536 },
  { t: 'end', id: 'client-1' },
  { t: 'reset', id: 'client-1', code: 'unavailable', message: 'the container is gone' },
  { t: 'ping' },
  { t: 'pong' },
  { t: 'metrics' },
  { t: 'beat' },
  { t: 'bye' },
];

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const lines = (values: readonly unknown[]) => `${values.map((value) => JSON.stringify(value)).join('\n')}\n`;
await writeFile(join(target, 'store.jsonl'), lines(entries.map(({ key, value }) => ({ k: key, v: value }))));
await writeFile(join(target, 'answers.json'), `${JSON.stringify(answers, null, 2)}\n`);
await writeFile(join(target, 'calls.jsonl'), lines(calls));
await writeFile(join(target, 'feed.jsonl'), lines(h2.feed));
await writeFile(join(target, 'wire.jsonl'), lines([{ ...hello, nonce: '00'.repeat(16) }, ...headers]));
await cp(join(directory, 'agent'), join(target, 'agent'), { recursive: true });
await rm(directory, { recursive: true, force: true });
await serving[Symbol.asyncDispose]();
await cluster[Symbol.asyncDispose]();
clearInterval(awake);
