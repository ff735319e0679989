/** What nodes say after a restore, and what nobody gets before. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Cluster, type Node, refusal, spec } from '../../test/server/cluster.ts';
import { type BlockRecord, isFailure, type NetworkRecord, type WorkloadRecord } from '../domain/domain.ts';
import { systemClock } from '../platform/platform.ts';
import type { Params, TopicSnapshot } from '../protocol/protocol.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { shiftedStore } from '../store/shifted-store.ts';
import type { Store } from '../store/store.ts';
import { dump } from './backup/dump.ts';
import { readBackup } from './backup/lines.ts';
import { restoreBackup } from './backup/restore.ts';
import { readEpoch } from './epoch.ts';
import { allOf, networkKey, workloadKey } from './keys.ts';
import { read, readAll } from './records.ts';
import type { Server } from './server.ts';

type Claim = Params<'node.claim'>;

async function backupOf({ store, keys }: Cluster): Promise<Buffer> {
  const { epoch, shift } = await readEpoch(store);
  const parts: string[] = [];
  const header = { epoch, time: 1, trama: '0.1.0', keys };
  for await (const line of dump(store, { shift, header, now: () => 1 })) parts.push(line);
  return Buffer.from(parts.join(''));
}

/** A server over a new store with the backup's content. */
async function restored(cluster: Cluster, backup: Buffer): Promise<{ server: Server; store: Store; epoch: number }> {
  const inner = createMemoryStore({ clock: systemClock });
  const bytes = async function* () {
    yield backup;
  };
  const verified = await readBackup('x', bytes());
  await restoreBackup(inner, 'x', verified, bytes, { exclusive: true, force: false, clock: systemClock });
  const { epoch, shift } = await readEpoch(inner);
  const store = shiftedStore(inner, shift);
  return { server: await cluster.server(store), store, epoch };
}

const nothing = { networks: [], workloads: [], blocks: [], reservations: [], endpoints: [] };
const claim = (node: Node, epoch: number, has: Partial<Claim> = {}) =>
  node.ask('node.claim', { epoch, ...nothing, ...has });
const back = (cluster: Cluster, server: Server, { name, address, keys }: Node) =>
  cluster.rejoin(server, name, address, keys);
const blocksIn = async (store: Store) => (await readAll<BlockRecord>(store, allOf('blocks'))).map(({ value }) => value);

async function twoNodes() {
  const cluster = await Cluster.create();
  const server = await cluster.server();
  const h1 = await cluster.node(server, 'h1', '10.0.0.1');
  const h2 = await cluster.node(server, 'h2', '10.0.0.2');
  const { nodes: _, containers: __, ...app } = await h1.ask('network.create', { name: 'app', subnet: '10.42.0.0/24' });
  return { cluster, server, h1, h2, app: app as NetworkRecord };
}

describe('after a restore', () => {
  test('nothing is given away before every node of the backup has told what it has, or was given up', async () => {
    const { cluster, h1, h2, app } = await twoNodes();
    await using _ = cluster;
    const { server, epoch } = await restored(cluster, await backupOf(cluster));
    const [one, two] = [await back(cluster, server, h1), await back(cluster, server, h2)];
    const asking = () => [
      one.ask('block.lease', { network: app.id }),
      one.ask('address.reserve', { network: app.id, address: '10.42.0.9' }),
      one.ask('network.create', { name: 'other' }),
      one.ask('workload.run', { spec: spec() }),
    ];
    for (const call of asking()) expect(await refusal(call)).toMatch(/^unavailable: .* h1 and h2 have not told yet/);
    const put = one.ask('endpoint.put', { endpoint: one.endpoint(app, '10.42.0.33') });
    expect(await refusal(put)).toMatch(/^unavailable: node h1 has not told yet/);
    await claim(one, epoch);
    for (const call of asking()) expect(await refusal(call)).toMatch(/^unavailable: .* h2 has not told yet/);
    await two.client[Symbol.asyncDispose]();
    await server.call('node.remove', { name: 'h2', force: true });
    for (const call of asking()) await call;
  });

  test('what was made after the backup and is in use comes back; a later wish counts; a claim counts once', async () => {
    const { cluster, h1, h2, app } = await twoNodes();
    await using _ = cluster;
    const web = await h1.ask('workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    const backup = await backupOf(cluster);
    const block = await h1.ask('block.lease', { network: app.id });
    await h1.ask('address.reserve', { network: app.id, address: '10.42.0.9' });
    const [late] = [await h1.ask('network.create', { name: 'late', subnet: '10.43.0.0/24' })];
    await h1.ask('workload.run', { name: 'db', node: 'h1', spec: spec(['late']) });
    await h1.ask('workload.stop', { name: 'web' });
    const former = cluster.store;
    const workloads = (await readAll<WorkloadRecord>(former, allOf('workloads'))).map(({ value }) => value);
    const lateRecord = (await read<NetworkRecord>(former, networkKey(late.id)))?.value as NetworkRecord;

    const { server, store, epoch } = await restored(cluster, backup);
    const [one, two] = [await back(cluster, server, h1), await back(cluster, server, h2)];
    const held = { blocks: [block], reservations: [{ network: app.id, address: '10.42.0.9' }] };
    const inBlock = one.endpoint(
      app,
      block.cidr.replace(/\d+\/28$/, (text) => `${Number.parseInt(text, 10) + 3}`),
    );
    const endpoints = [inBlock, one.endpoint(app, '10.42.0.9')];
    const has = { networks: [lateRecord], workloads, ...held, endpoints } as unknown as Partial<Claim>;
    expect(await claim(one, epoch - 1, has)).toEqual({ blocks: [], endpoints: [], places: [] });
    expect(await blocksIn(store)).toEqual([]);
    expect(await claim(one, epoch, has)).toEqual({ blocks: [], endpoints: [], places: [] });
    expect(await blocksIn(store)).toEqual([block]);
    expect((await readAll(store, allOf('endpoints'))).length).toBe(2);
    expect((await one.ask('network.inspect', { name: 'late' })).subnet).toBe('10.43.0.0/24');
    const wanted = (await readAll<WorkloadRecord>(store, allOf('workloads'))).map(({ value }) => value);
    expect(wanted.map(({ name, desired }) => [name, desired])).toEqual([
      ['db', 'running'],
      ['web', 'stopped'],
    ]);
    expect(wanted.find(({ name }) => name === 'web')?.id).toBe(web.id);
    await claim(two, epoch);
    // Removed since: said again, it is not there again.
    await one.ask('workload.remove', { name: 'db', force: true });
    await one.ask('workload.report', { status: gone(workloads.find(({ name }) => name === 'db') as WorkloadRecord) });
    await claim(one, epoch, has);
    expect(await read(store, workloadKey('db'))).toBeUndefined();
  });

  test('what has its place since goes before the backup’s: a network, a name, a block, an address', async () => {
    const { cluster, h1, h2, app } = await twoNodes();
    await using _ = cluster;
    const block = await h1.ask('block.lease', { network: app.id });
    await h1.ask('workload.run', { name: 'web', node: 'h1', spec: spec() });
    const backup = await backupOf(cluster);
    // After it: the block went from h1 to h2, web was made anew there, and another network has app's subnet.
    const { server, store, epoch } = await restored(cluster, backup);
    const [one, two] = [await back(cluster, server, h1), await back(cluster, server, h2)];
    const old = (await read<WorkloadRecord>(store, workloadKey('web')))?.value as WorkloadRecord;
    const web = { ...old, id: 'b'.repeat(12), node: 'h2', createdAt: old.createdAt + 1 };
    const has = { blocks: [block], workloads: [web] } as unknown as Partial<Claim>;
    expect(await claim(two, epoch, has)).toEqual({ blocks: [], endpoints: [], places: [] });
    expect((await blocksIn(store)).map(({ node }) => node)).toEqual(['h2']);
    expect((await read<WorkloadRecord>(store, workloadKey('web')))?.value.node).toBe('h2');
    // Whoever says the same later is told that it is another's, endpoints included.
    const mine = one.endpoint(
      app,
      block.cidr.replace(/\d+\/28$/, (text) => `${Number.parseInt(text, 10) + 1}`),
    );
    const newer = { ...app, id: 'c'.repeat(12), name: 'newer', vni: app.vni + 9, createdAt: app.createdAt + 1 };
    const refused = await claim(one, epoch, { blocks: [block], endpoints: [mine], networks: [newer] } as never);
    expect(refused.endpoints).toEqual([mine.id]);
    expect(refused.places).toEqual([{ network: mine.network, address: mine.address }]);
    // Nor does a network go that somebody has claimed to be in.
    expect(await networksIn(store)).toEqual(['app', 'bridge']);

    const again = await restored(cluster, backup);
    const [third, fourth] = [await back(cluster, again.server, h1), await back(cluster, again.server, h2)];
    await claim(fourth, again.epoch, { networks: [newer] } as never);
    expect(await networksIn(again.store)).toEqual(['bridge', 'newer']);
    expect((await claim(third, again.epoch, { blocks: [block] } as never)).blocks).toHaveLength(1);
    expect(await blocksIn(again.store)).toEqual([]);
  });

  test('a snapshot says which life it is of, and whether all have told; a mirror of before is told to take a new one', async () => {
    const { cluster, h1, h2 } = await twoNodes();
    await using _ = cluster;
    const before = (await h1.ask('feed.snapshot', { topic: 'cluster' })) as TopicSnapshot;
    const { server, epoch } = await restored(cluster, await backupOf(cluster));
    const [one, two] = [await back(cluster, server, h1), await back(cluster, server, h2)];
    expect(before.epoch).toBe(0);
    expect(epoch).toBeGreaterThan(before.revision);
    expect(await one.ask('feed.snapshot', { topic: 'cluster' })).toMatchObject({ epoch, settled: false });
    expect(await one.ask('feed.snapshot', { topic: 'node/h1' })).toMatchObject({ epoch, settled: true });
    expect(await one.ask('feed.missed', { topic: 'cluster', since: before.revision })).toEqual({});
    expect(await one.ask('feed.missed', { topic: 'cluster', since: epoch - 1 })).toEqual({});
    await claim(one, epoch);
    const { revision } = await one.ask('feed.snapshot', { topic: 'cluster' });
    await claim(two, epoch);
    expect(await one.ask('feed.snapshot', { topic: 'cluster' })).toMatchObject({ epoch, settled: true });
    cluster.clock.step(2000);
    expect(await one.ask('node.heartbeat', { topics: { cluster: revision } })).toMatchObject({ stale: ['cluster'] });
  });

  test('a server over the store that was left gives nothing to whoever has heard of the new one', async () => {
    const { cluster, server, h1, app } = await twoNodes();
    await using _ = cluster;
    const { epoch } = await restored(cluster, await backupOf(cluster));
    const heard = epoch + 1;
    const lease = h1.ask('block.lease', { network: app.id, heard });
    expect(await refusal(lease)).toMatch(/^conflict: this server stands over a store that the cluster has left/);
    const reserve = h1.ask('address.reserve', { network: app.id, address: '10.42.0.9', heard });
    expect(await refusal(reserve)).toMatch(/^conflict: this server stands over/);
    expect(server.cluster).toMatch(/^[0-9a-f]{32}$/);
  });

  test('whatever was leased and given back since the backup: each block is exactly whose it was, nobody else gets it', async () => {
    const step = fc.tuple(fc.constantFrom('lease', 'release'), fc.nat(2));
    const history = fc.tuple(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 12 }));
    await fc.assert(
      fc.asyncProperty(history, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), async ([then, since], order) => {
        await using cluster = await Cluster.create();
        const server = await cluster.server();
        const nodes: Node[] = [];
        for (const at of [1, 2, 3]) nodes.push(await cluster.node(server, `h${at}`, `10.0.0.${at}`));
        const app = await nodes[0]?.ask('network.create', { name: 'app', subnet: '10.42.0.0/26' });
        const network = app?.id ?? '';
        const held = nodes.map((): string[] => []);
        const perform = async (steps: typeof then) => {
          for (const [kind, at] of steps) {
            const [node, own] = [nodes[at] as Node, held[at] as string[]];
            // All that there is may be leased by then.
            if (kind === 'lease') own.push(...(await node.ask('block.lease', { network }).then(cidrOf, noneLeft)));
            else if (own.length > 0) await node.ask('block.release', { network, cidr: own.shift() as string });
          }
        };
        await perform(then);
        const backup = await backupOf(cluster);
        await perform(since);
        const { server: second, store, epoch } = await restored(cluster, backup);
        for (const at of order) {
          const node = await back(cluster, second, nodes[at] as Node);
          const blocks = (held[at] as string[]).map((cidr) => ({ network, cidr }));
          expect((await claim(node, epoch, { blocks })).blocks).toEqual([]);
        }
        const expected = held.flatMap((cidrs, at) => cidrs.map((cidr) => `${cidr} h${at + 1}`));
        expect((await blocksIn(store)).map(({ cidr, node }) => `${cidr} ${node}`).sort()).toEqual(expected.sort());
      }),
      { numRuns: 25 },
    );
  });
});

const cidrOf = ({ cidr }: { cidr: string }) => [cidr];

function noneLeft(error: unknown): string[] {
  if (isFailure(error, 'exhausted')) return [];
  throw error;
}

const networksIn = async (store: Store) =>
  (await readAll<NetworkRecord>(store, allOf('networks'))).map(({ value }) => value.name).sort();

const gone = ({ name, id, node, generation }: WorkloadRecord) => ({
  ...{ name, id, node, generation: generation + 1 },
  phase: 'removing' as const,
  message: 'gone',
  networks: [],
});
