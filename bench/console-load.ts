/**
 * Fills the server of this host as if a busy cluster stood behind it: nodes that only speak, and containers that they say are
 * running. `console-load.ts NODES CONTAINERS`; prints `filled` and goes on being those nodes until it is killed.
 */

import { createZeroMqBus } from '../src/bus/zeromq/zeromq.ts';
import { encodeBase64Url, parseToken } from '../src/domain/domain.ts';
import { connectLocalApi } from '../src/interfaces/local/client.ts';
import { serverSocket } from '../src/main/sockets.ts';
import { silentLog, systemClock } from '../src/platform/platform.ts';
import { ask } from '../src/protocol/protocol.ts';

const ports = { requests: 4701, feed: 4702 };
const heartbeatMs = 1000;
const metricsMs = 10_000;
/** Requests at once. */
const lanes = 16;

const [nodes = 3, containers = 1000] = process.argv.slice(2).map(Number);
const api = connectLocalApi({ socketPaths: [serverSocket] });
const bus = createZeroMqBus({ log: silentLog });

/** What is asked of an agent about its engine: what containers use. */
const engine = {
  async call(_: string, params: unknown) {
    const now = systemClock.now();
    return (params as { containers: string[] }).containers.map((container) => ({
      ...{ container, time: now, cpu: (now / 7000) % 1, memory: { used: 2 ** 28, limit: 2 ** 30 }, pids: 3 },
      ...{ network: { received: now % 1e9, sent: now % 1e8 }, block: { read: 0, written: 0 } },
    }));
  },
  open: () => Promise.reject(new Error('there are no streams here')),
};

async function join(number: number) {
  const { token } = await ask(api, 'token.create', { uses: 1, ttlMs: 60_000 });
  const { secret, serverKey: key } = parseToken(token);
  const [name, keys] = [`h${number}`, bus.generateKeys()];
  const facts = {
    ...{ name, address: `127.0.1.${number}`, interface: 'lo', underlayMtu: 1500, routes: [] },
    ...{ engine: 'docker 20.10.24', version: '0.1.0' },
  };
  const server = { host: '127.0.0.1', ports, key };
  const entry = await bus.connect({ server, keys: bus.keysFromSecret(encodeBase64Url(secret)) });
  await ask(entry, 'node.join', { ...facts, key: keys.publicKey });
  await entry[Symbol.asyncDispose]();
  const client = await bus.connect({ server, keys, handler: engine });
  await ask(client, 'node.register', facts);
  const beat = () => void ask(client, 'node.heartbeat', { topics: {} }).catch(() => {});
  let load = 0;
  const measure = () => {
    load = (load + 0.07) % 1;
    const memory = { used: 2 ** 30 * (1 + number), total: 8 * 2 ** 30 };
    const traffic = { received: 1e6 * load, sent: 1e5 * load };
    client.pushMetrics({ cpu: load, memory, traffic, containers: Math.ceil(containers / nodes) });
  };
  measure();
  setInterval(beat, heartbeatMs);
  setInterval(measure, metricsMs);
  return { name, client };
}

const joined = await Promise.all(Array.from({ length: nodes }, (_, i) => join(i + 1)));
if (containers > 0) {
  await ask(api, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
}

async function run(number: number): Promise<void> {
  const node = joined[number % joined.length];
  if (node === undefined) return;
  const spec = {
    ...{ image: 'nginx:1.27', command: [], env: [], networks: [{ network: 'app', aliases: [] }], ports: [] },
    ...({ restart: 'no', tty: false, stdin: false, labels: { tier: number % 2 === 0 ? 'web' : 'db' } } as const),
  };
  const name = `web-${String(number).padStart(4, '0')}`;
  const made = await ask(api, 'workload.run', { name, node: node.name, spec }, { deadlineMs: 60_000 });
  const address = `10.42.${1 + (number >> 8)}.${number & 255}`;
  await ask(node.client, 'workload.report', {
    status: {
      ...{ name, id: made.id, node: node.name, generation: 1, phase: 'running', message: '' },
      ...{ startedAt: systemClock.now(), networks: [{ network: 'app', address, mac: '02:42:0a:2a:00:01' }] },
    },
  });
}

let next = 0;
const lane = async () => {
  while (next < containers) await run(next++);
};
await Promise.all(Array.from({ length: lanes }, lane));
process.stdout.write('filled\n');
