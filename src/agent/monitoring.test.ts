import { expect, test } from 'vitest';
import { total } from '../../test/exposition.ts';
import { type Clock, Metrics, type Spawn, silentLog } from '../platform/platform.ts';
import type { Readiness } from '../protocol/protocol.ts';
import { createFigures } from './figures.ts';
import { type MonitoringParts, monitor } from './monitoring.ts';

/** A host in order; what a test changes in it, changes what is told. */
function host() {
  const state = {
    now: 1_000_000,
    leaving: false,
    membership: { connected: true, refused: false, registered: true, message: '' },
    fresh: new Set(['cluster', 'node/h1']),
    progress: { topics: 2, behind: 0, revision: 7, heardAt: 1_000_000 },
    engine: async () => ({ available: true, message: 'Docker 1' }),
    commands: [] as string[],
    /** What nft says, by table. */
    tables: new Map<string, string>(),
  };
  const clock: Clock = { now: () => state.now, sleep: (ms) => (ms === 2000 ? slow.promise : new Promise(() => {})) };
  const slow = Promise.withResolvers<void>();
  const spawn: Spawn = async ({ argv }) => {
    state.commands.push(argv.join(' '));
    const stdout = state.tables.get(`${argv.at(-2)} ${argv.at(-1)}`);
    return stdout === undefined ? { code: 1, stdout: '', stderr: 'No such file' } : { code: 0, stdout, stderr: '' };
  };
  const metrics = new Metrics();
  const network = { id: 'n1', name: 'app' };
  const parts = {
    agent: { spawn, clock, runtime: { status: () => state.engine() } },
    ...{ node: 'h1', metrics },
    membership: {
      get connected() {
        return state.membership.connected;
      },
      get refused() {
        return state.membership.refused;
      },
      get registered() {
        return state.membership.registered;
      },
      status: () => ({ message: state.membership.message }),
    },
    clone: {
      isFresh: (topic: string) => state.fresh.has(topic),
      items: () => new Map([1, 2, 3].map((each) => [String(each), {}])),
      progress: () => state.progress,
    },
    view: { networks: () => [network].values(), network: (id: string) => (id === 'n1' ? network : undefined) },
    wiring: { attached: () => [network] },
    addresses: { counts: () => [{ network: 'n1', used: 2, free: 61, resting: 1 }].values() },
    workloads: { wanted: () => new Map([['web', {}]]) },
    state: {
      endpoints: { values: () => ['n1', 'n1', 'gone'].map((each) => ({ record: { network: each } })).values() },
    },
    leaving: () => state.leaving,
  } as unknown as MonitoringParts;
  return { state, metrics, readiness: monitor(parts), engineIsSlow: () => slow.resolve() };
}

const why = (readiness: Readiness): string => (readiness.ready ? '' : readiness.why);

test('readiness needs all of: a server, registration, what it says, and the engine', async () => {
  const { state, readiness } = host();
  expect(await readiness()).toEqual({ ready: true });
  const lacks = async (break_: () => void, mend: () => void, sentence: string) => {
    break_();
    expect(why(await readiness())).toContain(sentence);
    mend();
    expect(await readiness()).toEqual({ ready: true });
  };
  const { membership } = state;
  const set = (values: Partial<typeof membership>) => () => void Object.assign(membership, values);
  await lacks(
    set({ connected: false, message: 'no server has answered yet' }),
    set({ connected: true, message: '' }),
    'no server answers: no server has answered yet; containers that run are not touched',
  );
  await lacks(
    set({ connected: false, refused: true, message: 'unknown key' }),
    set({ connected: true, refused: false }),
    'refuse this host: unknown key',
  );
  await lacks(set({ registered: false }), set({ registered: true }), 'have not been told yet');
  for (const topic of ['cluster', 'node/h1'])
    await lacks(
      () => void state.fresh.delete(topic),
      () => void state.fresh.add(topic),
      'what belongs to this host',
    );
  await lacks(
    () => void Object.assign(state.progress, { heardAt: state.now - 21_000 }),
    () => void Object.assign(state.progress, { heardAt: state.now }),
    'for 21 s',
  );
  await lacks(
    () => void Object.assign(state, { leaving: true }),
    () => void Object.assign(state, { leaving: false }),
    'leaving',
  );
});

test('an engine that is gone, or says nothing, is not there', async () => {
  const { state, readiness, engineIsSlow } = host();
  state.engine = async () => ({ available: false, message: 'Docker is not running' });
  expect(why(await readiness())).toBe('Docker is not running');
  state.engine = () => new Promise(() => {});
  state.now += 5000;
  state.progress = { ...state.progress, heardAt: state.now };
  const asked = readiness();
  engineIsSlow();
  expect(why(await asked)).toBe('the container engine has not answered for 2 s');
});

test('the engine is asked anew after a while, not each time', async () => {
  const { state, readiness } = host();
  let asked = 0;
  const answer = state.engine;
  state.engine = () => {
    asked += 1;
    return answer();
  };
  for (let i = 0; i < 5; i += 1) await readiness();
  expect(asked).toBe(1);
  state.now += 5000;
  await readiness();
  expect(asked).toBe(2);
});

test('figures are of this host', async () => {
  const { state, metrics } = host();
  state.now += 3000;
  const text = await metrics.text(silentLog);
  const figure = (name: string, labels = {}) => total(text, name, labels);
  expect(figure('trama_connected')).toBe(1);
  expect(figure('trama_registered')).toBe(1);
  expect(figure('trama_engine_available')).toBe(1);
  expect(figure('trama_endpoints', { network: 'app' })).toBe(2);
  expect(figure('trama_endpoints', { network: 'gone' })).toBe(1);
  expect(figure('trama_known_endpoints', { network: 'app' })).toBe(3);
  expect(figure('trama_addresses', { network: 'app', state: 'resting' })).toBe(1);
  expect(figure('trama_feed_revision')).toBe(7);
  expect(figure('trama_feed_silence_seconds')).toBe(3);
  expect(figure('trama_workloads')).toBe(1);
});

const rule = (chain: string, packets?: number) => ({
  rule: { chain, expr: [...(packets === undefined ? [] : [{ counter: { packets, bytes: 9 } }]), { drop: null }] },
});

test('drops are those of our filters, read when asked for and not more often than needed', async () => {
  const { state, metrics } = host();
  const told = async (filter: string) =>
    total(await metrics.text(silentLog), 'trama_dropped_packets_total', { filter });
  expect(await told('spoofed')).toBe(0);
  state.now += 5000;
  state.commands.length = 0;
  const inet = [rule('vxlan', 3), rule('vxlan', 4), rule('leaving', 1), rule('entering', 2), rule('nat', 99)];
  state.tables.set('inet trama', JSON.stringify({ nftables: inet }));
  state.tables.set(
    'bridge trama',
    JSON.stringify({ nftables: [rule('port', 5), rule('input', 8), rule('ingress'), rule('output', 2)] }),
  );
  expect(await told('foreign-vxlan')).toBe(7);
  expect(await told('forward')).toBe(3);
  expect(await told('spoofed')).toBe(5);
  expect(await told('foreign-frame')).toBe(2);
  expect(state.commands).toEqual([
    'nft --terse --json list table inet trama',
    'nsenter --net=/run/netns/trama nft --terse --json list table bridge trama',
  ]);
});

test('what is done is counted as it is done', async () => {
  const figures = createFigures();
  const created = { op: 'create', after: { kind: 'namespace', name: 'trama' } } as const;
  figures.pass({
    looked: true,
    seconds: 0.2,
    outcome: { applied: [created, created], failed: [] },
    repairs: [created],
  });
  const failed = [{ step: created, message: 'no' }];
  figures.pass({ looked: false, seconds: 0.001, outcome: { applied: [], failed }, repairs: [] });
  for (const what of ['applied', 'applied', 'seen', 'gap', 'snapshot'] as const) figures.feed(what);
  figures.question('forwarded', 0.02);
  const handler = figures.over({ call: async () => 1, open: () => Promise.reject(new Error('no')) });
  const context = { peer: { kind: 'node', key: '' }, deadline: 0, id: '' } as const;
  expect(await handler.call('network.ensure', {}, context)).toBe(1);
  await handler.open('workload.exec', {}, context).catch(() => {});
  await figures.request('made up', async () => 1);
  const text = await figures.metrics.text(silentLog);
  const figure = (name: string, labels = {}) => total(text, name, labels);
  expect(figure('trama_reconcile_duration_seconds_count', { kind: 'full' })).toBe(1);
  expect(figure('trama_reconcile_duration_seconds_sum', { kind: 'change' })).toBe(0.001);
  expect(figure('trama_kernel_steps_total', { operation: 'create' })).toBe(2);
  expect(figure('trama_kernel_failed_steps')).toBe(1);
  expect(figure('trama_repairs_total', { kind: 'namespace' })).toBe(1);
  expect(figure('trama_feed_messages_total', { outcome: 'applied' })).toBe(2);
  expect(figure('trama_feed_gaps_total')).toBe(1);
  expect(figure('trama_feed_snapshots_total')).toBe(1);
  expect(figure('trama_dns_answer_duration_seconds_bucket', { outcome: 'forwarded', le: '0.025' })).toBe(1);
  expect(figure('trama_requests_total', { method: 'network.ensure', outcome: 'ok' })).toBe(1);
  expect(figure('trama_requests_total', { method: 'workload.exec', outcome: 'internal' })).toBe(1);
  expect(figure('trama_requests_total', { method: 'unknown' })).toBe(1);
});
