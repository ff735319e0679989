import { describe, expect, test } from 'vitest';
import { type EndpointRecord, Failure, type NetworkRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { Api, TopicSnapshot, TopicValue } from '../protocol/protocol.ts';
import { Epochs } from './epochs.ts';

const network = (id: string) => ({ id, name: `name-${id}` }) as NetworkRecord;
const endpoint = (id: string, of: string) =>
  ({ id, network: of, address: '10.0.0.1', kind: 'container' }) as EndpointRecord;
const workload = (name: string, desired: string, of: string) =>
  ({ kind: 'workload', workload: { name, desired, spec: { networks: [{ network: of }] } } }) as unknown as TopicValue;

/** An agent of a former life, and servers of another. */
function scene(
  epoch: number,
  heard: number,
  refuse: { blocks?: unknown[]; endpoints?: string[]; places?: unknown[] } = {},
) {
  const asked: { method: string; params: unknown }[] = [];
  const seen = { lost: [] as unknown[], silenced: [] as string[], reports: [] as string[], entered: 0 };
  const world = { epoch, failing: false };
  const api: Api = {
    async call(method, params) {
      asked.push({ method, params });
      if (method === 'feed.snapshot') return { topic: 't', revision: world.epoch + 5, items: [], epoch: world.epoch };
      if (world.failing) throw new Failure('unavailable', 'no server');
      return { blocks: [], endpoints: [], ...refuse };
    },
    open: () => Promise.reject(new Error('no streams')),
  };
  const epochs = new Epochs({
    node: 'h1',
    api,
    heard: () => heard,
    view: { networks: () => ['a', 'b', 'c', 'd'].map(network).values() },
    endpoints: () => [endpoint('e1', 'a'), endpoint('e2', 'b')],
    own: () => [workload('web', 'running', 'name-c'), workload('old', 'removed', 'name-d')],
    addresses: {
      held: () => ({ blocks: [{ network: 'a', cidr: '10.0.0.0/28' }], reservations: [] }),
      lose: (blocks) => void seen.lost.push(...blocks),
    },
    entered: () => {
      seen.entered += 1;
    },
    silence: async ({ id }) => void seen.silenced.push(id),
    report: (message) => void seen.reports.push(message),
    log: silentLog,
  });
  return { epochs, asked, seen, world, methods: () => asked.map(({ method }) => method) };
}

describe('a host that meets another life of the cluster', () => {
  test('says once what it has, before it believes anything, then asks again', async () => {
    const { epochs, asked, methods, seen } = scene(1000, 700);
    const snapshots = await Promise.all(['cluster', 'node/h1'].map((topic) => epochs.snapshot(topic)));
    expect(snapshots.map((each: TopicSnapshot) => each.epoch)).toEqual([1000, 1000]);
    expect(methods()).toEqual(['feed.snapshot', 'feed.snapshot', 'node.claim', 'feed.snapshot', 'feed.snapshot']);
    expect(asked.find(({ method }) => method === 'node.claim')?.params).toMatchObject({
      epoch: 1000,
      networks: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      workloads: [{ name: 'web' }],
      blocks: [{ network: 'a', cidr: '10.0.0.0/28' }],
      endpoints: [{ id: 'e1' }, { id: 'e2' }],
    });
    await epochs.snapshot('cluster');
    expect(methods().filter((method) => method === 'node.claim')).toHaveLength(1);
    expect(seen.entered).toBe(1);
  });

  test('has nothing to say in the life that it knows, also after its own restart', async () => {
    for (const [epoch, heard] of [
      [0, 0],
      [0, 700],
      [1000, 1003],
    ] as const) {
      const { epochs, methods } = scene(epoch, heard);
      await epochs.snapshot('cluster');
      expect(methods()).toEqual(['feed.snapshot']);
    }
  });

  test('while nobody takes what it says there is no snapshot, and it says it again', async () => {
    const { epochs, world, methods } = scene(1000, 700);
    world.failing = true;
    await expect(epochs.snapshot('cluster')).rejects.toMatchObject({ code: 'unavailable' });
    world.failing = false;
    expect(await epochs.snapshot('cluster')).toMatchObject({ epoch: 1000 });
    expect(methods().filter((method) => method === 'node.claim')).toHaveLength(2);
    world.epoch = 2000;
    await epochs.snapshot('cluster');
    expect(methods().filter((method) => method === 'node.claim')).toHaveLength(3);
  });

  test('which endpoints are not its own any more is told by where they are, since gateways are called alike', async () => {
    const places = [{ network: 'b', address: '10.0.0.1' }];
    const { epochs, seen } = scene(1000, 700, { endpoints: ['e1', 'e2'], places });
    await epochs.snapshot('cluster');
    expect(seen.silenced).toEqual(['e2']);
  });

  test('what others have by now is silenced here, and somebody is told', async () => {
    const block = { network: 'a', cidr: '10.0.0.0/28' };
    const { epochs, seen } = scene(1000, 700, { blocks: [block], endpoints: ['e2'] });
    await epochs.snapshot('cluster');
    expect(seen).toMatchObject({ lost: [block], silenced: ['e2'] });
    expect(seen.reports).toEqual([
      expect.stringMatching(/^container e2 had 10.0.0.1, which the cluster gave to another/),
    ]);
  });
});
