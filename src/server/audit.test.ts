import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cluster, facts, spec } from '../../test/server/cluster.ts';
import { type Log, silentLog } from '../platform/platform.ts';
import { ask, methods, streams } from '../protocol/protocol.ts';
import type { AuditEntry } from './audit.ts';
import type { Server } from './server.ts';

/** A method stands in one of these two lists; who adds one decides in which. */
const changing = [
  'node.join',
  'node.drain',
  'node.leave',
  'node.remove',
  'token.create',
  'token.remove',
  'user.create',
  'user.remove',
  'network.create',
  'network.remove',
  'network.connect',
  'network.disconnect',
  'workload.run',
  'workload.start',
  'workload.stop',
  'workload.remove',
  'store.backup',
  'workload.exec',
  'workload.attach',
  'workload.debug',
  'workload.archive',
  'workload.extract',
];
const quiet = [
  ...[
    'node.register',
    'node.heartbeat',
    'node.return',
    'node.event',
    'node.list',
    'node.inspect',
    'network.list',
    'network.inspect',
  ],
  ...[
    'feed.snapshot',
    'feed.missed',
    'request.withdraw',
    'block.lease',
    'block.release',
    'address.reserve',
    'address.release',
    'address.yield',
  ],
  ...['endpoint.put', 'endpoint.delete', 'endpoint.sync', 'workload.list', 'workload.inspect', 'workload.wait'],
  ...['workload.report', 'workload.logs', 'container.inspect', 'container.start', 'container.stop', 'container.remove'],
  ...['container.connect', 'container.disconnect', 'network.ensure', 'image.login', 'agent.status', 'agent.leave'],
  ...[
    'agent.drift',
    'agent.probe',
    'agent.reach',
    'node.probe',
    'cluster.clock',
    'cluster.version',
    'cluster.servers',
    'token.list',
    'user.list',
    'user.inspect',
    'node.claim',
    'cluster.watch',
    'cluster.events',
    'node.happened',
    'workload.stats',
    'image.list',
    'registry.list',
    'agent.images',
    'agent.registry',
    'workload.path',
    'container.stats',
    'container.path',
  ],
];

let cluster: Cluster;
let server: Server;
let lines: string[];
let logged: string[];
beforeEach(async () => {
  cluster = await Cluster.create();
  [lines, logged] = [[], []];
  const log: Log = {
    ...silentLog,
    with: () => log,
    info: (message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`),
  };
  server = await cluster.server(cluster.store, log, { audit: (line) => lines.push(line) });
});
afterEach(() => cluster[Symbol.asyncDispose]());

const entries = () => lines.map((line) => JSON.parse(line) as AuditEntry);
const taken = () => entries().map(({ who, method, subject, outcome }) => ({ who, method, subject, outcome }));

describe('which requests leave a line', () => {
  test('every method there is has been thought of', () => {
    const all = [...Object.keys(methods), ...Object.keys(streams)];
    expect([...changing, ...quiet].sort()).toEqual(all.sort());
  });

  test.each(changing)('%s: exactly one, refused or not', async (method) => {
    const params = { name: 'x', network: 'x', container: 'x' };
    const begin = Object.hasOwn(streams, method) ? server.open(method, params) : server.call(method, params);
    const outcome = await begin.then(
      () => 'ok',
      (error: { code: string }) => error.code,
    );
    expect(entries().map((each) => [each.method, each.outcome])).toEqual([[method, outcome]]);
    expect(logged.filter((line) => line.startsWith('audit '))).toHaveLength(1);
  });

  test.each(quiet)('%s: none', async (method) => {
    const begin = Object.hasOwn(streams, method) ? server.open(method, {}) : server.call(method, {});
    await begin.catch(() => {});
    expect(lines).toEqual([]);
  });

  test('none for what was only to be shown, none for what no server knows', async () => {
    await ask(server, 'network.create', { name: 'app', dryRun: true });
    await server.call('network.destroy', { name: 'app' }).catch(() => {});
    expect(lines).toEqual([]);
    // Who says so to what does not know the word, has it done.
    await server.call('token.create', { uses: 1, ttlMs: 60_000, dryRun: true });
    expect(taken().map(({ method }) => method)).toEqual(['token.create']);
  });
});

describe('what a line tells', () => {
  test('who, what, and how it ended', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    await node.ask('network.create', { name: 'app', subnet: '10.42.0.0/16' });
    const made = await node.ask('workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    await ask(server, 'node.drain', { name: 'h1', drained: true });
    await ask(server, 'network.remove', { name: 'app' }).catch(() => {});
    const network = entries()[2]?.subject.id;
    expect(taken()).toEqual([
      { who: 'local', method: 'token.create', subject: { uses: 1, ttlMs: 3_600_000 }, outcome: 'ok' },
      { who: 'token', method: 'node.join', subject: { node: 'h1', address: '10.0.0.1' }, outcome: 'ok' },
      {
        who: 'node:h1',
        method: 'network.create',
        subject: { network: 'app', id: network, driver: 'overlay', subnet: '10.42.0.0/16' },
        outcome: 'ok',
      },
      {
        who: 'node:h1',
        method: 'workload.run',
        subject: { container: 'web', id: made.id, node: 'h1', image: 'busybox' },
        outcome: 'ok',
      },
      { who: 'local', method: 'node.drain', subject: { node: 'h1', drained: true }, outcome: 'ok' },
      { who: 'local', method: 'network.remove', subject: { network: 'app' }, outcome: 'conflict' },
    ]);
    expect(network).toMatch(/^[0-9a-f]{12}$/);
    expect(Math.abs(Date.parse(entries()[0]?.time ?? '') - cluster.clock.now())).toBeLessThan(10_000);
  });

  test('the id of the request, however it came; a second try of it is the same request', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1');
    lines.length = 0;
    await node.client.call('node.drain', { name: 'h1', drained: true }, { id: 'one' });
    await node.client.call('node.drain', { name: 'h1', drained: true }, { id: 'one' });
    await server.call('node.drain', { name: 'h1', drained: false }, { id: 'two' });
    expect(entries().map((each) => each.request)).toEqual(['one', 'two']);
  });

  test('a node that has no right to it is written down, too', async () => {
    const client = await cluster.connect(server, await cluster.token(server));
    await client.call('network.create', { name: 'app' }).catch(() => {});
    expect(taken().at(-1)).toEqual({
      who: 'token',
      method: 'network.create',
      subject: { network: 'app' },
      outcome: 'denied',
    });
  });

  test('no secrets: neither tokens nor logins nor environments nor commands', async () => {
    const node = await cluster.node(server, 'h1', '10.0.0.1', {
      handler: { call: async () => ({}), open: () => Promise.reject(new Error('no')) },
    });
    const { token } = await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
    const more = { env: ['PASSWORD=swordfish-1'], command: ['login', 'swordfish-2'], labels: { key: 'swordfish-3' } };
    await node.ask('workload.run', { name: 'web', node: 'h1', spec: spec([], more), registryAuth: 'swordfish-4' });
    const bad = { ...more, env: ['swordfish-5\0'] };
    await node.ask('workload.run', { name: 'bad', node: 'h1', spec: spec([], bad) }).catch(() => {});
    const exec = { name: 'web', command: ['swordfish-6'], tty: false, stdin: false, env: ['A=swordfish-7'] };
    await node.client.open('workload.exec', exec).catch(() => {});
    await cluster.node(server, 'h2', '10.0.0.2');
    const all = [...lines, ...logged].join('\n');
    expect(lines.filter((line) => line.includes('workload.'))).toHaveLength(3);
    expect(all).not.toContain('swordfish');
    expect(all).not.toContain(token);
    expect(all).not.toContain(token.slice(-20));
  });

  test('what callers make up is cut and left out', async () => {
    await server.call('node.drain', { name: 'x'.repeat(5000), drained: { deep: 1 } }).catch(() => {});
    await server.call('workload.run', { spec: 'none', node: ['h1'] }).catch(() => {});
    await server.call('network.remove', null).catch(() => {});
    expect(entries().map(({ subject }) => subject)).toEqual([{ node: 'x'.repeat(200) }, {}, {}]);
  });
});

test('a line that cannot be kept keeps nobody from working', async () => {
  const errors: string[] = [];
  const log: Log = { ...silentLog, with: () => log, error: (message) => void errors.push(message) };
  const other = await cluster.server(cluster.store, log, {
    audit: () => {
      throw new Error('ENOSPC');
    },
  });
  await ask(other, 'network.create', { name: 'app' });
  expect(errors).toEqual([expect.stringContaining('audit line')]);
});

test('the facts of a joining host are told without its key', async () => {
  const keys = cluster.bus.generateKeys();
  const entry = await cluster.connect(server, await cluster.token(server));
  await ask(entry, 'node.join', { ...facts('h1', '10.0.0.1'), key: keys.publicKey });
  expect(lines.join('')).not.toContain(keys.publicKey);
});
