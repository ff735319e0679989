import { expect, test } from 'vitest';
import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import { Leftovers } from './leftovers.ts';
import type { LocalEndpoint } from './local-state.ts';

const network = { id: 'n1', name: 'app' } as NetworkRecord;
const record = (id: string, address: string, mac = `02:42:${address}`) =>
  ({ id, network: 'n1', address, mac, kind: 'container' }) as EndpointRecord;
const sandbox = { path: '/proc/self/ns/net', interface: 'eth0' };
const goneSandbox = { ...sandbox, path: '/run/docker/netns/gone' };

/** @param attached what the engine says that its containers have; null: it does not answer */
function scene(endpoints: LocalEndpoint[], attached: readonly string[] | null = []) {
  const there = new Map(endpoints.map((each) => [each.record.id, each]));
  const [ended, released]: [string[], string[]] = [[], []];
  const clock = { time: 0, now: () => clock.time, sleep: () => new Promise<void>((done) => setImmediate(done)) };
  const leftovers = new Leftovers({
    wiring: {
      containersIn: () => [...there.values()],
      endpoint: (id) => there.get(id),
      removeEndpoint: async (id) => void there.delete(id),
    },
    addresses: { releaseUnused: (_, address) => void released.push(address) },
    former: { ended: ({ id }) => void ended.push(id) },
    attached: () => (attached === null ? new Promise(() => {}) : Promise.resolve(new Set(attached))),
    clock,
  });
  return { leftovers, there, clock, ended, released, ids: () => [...there.keys()] };
}

const left = (id: string, address: string, mac?: string) => ({ record: record(id, address, mac), createdAt: 0 });

test('an endpoint in no sandbox that the engine does not have goes, and the address stays for the one that comes', async () => {
  const { leftovers, ended, released, ids } = scene([left('old', '10.42.0.5'), left('other', '10.42.0.6')]);
  await leftovers.end(network, record('new', '10.42.0.5'));
  expect(ids()).toEqual(['other']);
  expect({ ended, released }).toEqual({ ended: ['old'], released: [] });
});

test('one that left its sandbox, which the disk does not tell yet, goes too; not where the engine has it still', async () => {
  const { leftovers, ended, ids } = scene(
    [
      { ...left('old', '10.42.0.5'), sandbox: goneSandbox },
      { ...left('had', '10.42.0.5'), sandbox: goneSandbox },
    ],
    ['had'],
  );
  await leftovers.end(network, record('new', '10.42.0.5'));
  expect({ ended, ids: ids() }).toEqual({ ended: ['old'], ids: ['had'] });
});

test('one that only has the MAC goes too, and its address is given back', async () => {
  const { leftovers, released, ids } = scene([left('old', '10.42.0.5', '02:11:22:33:44:55')]);
  await leftovers.end(network, record('new', '10.42.0.9', '02:11:22:33:44:55'));
  expect(ids()).toEqual([]);
  expect(released).toEqual(['10.42.0.5']);
});

test('itself, one that stands in a sandbox, and one that the engine has stay', async () => {
  const standing = { ...left('standing', '10.42.0.5'), sandbox };
  const { leftovers, ids } = scene([standing, left('had', '10.42.0.5'), left('new', '10.42.0.5')], ['had']);
  await leftovers.end(network, record('new', '10.42.0.5'));
  expect(ids()).toEqual(['standing', 'had', 'new']);
});

test('one that came into its sandbox while the engine was asked stays', async () => {
  const { leftovers, there, ids } = scene([left('old', '10.42.0.5')]);
  const ending = leftovers.end(network, record('new', '10.42.0.5'));
  there.set('old', { ...left('old', '10.42.0.5'), sandbox });
  await ending;
  expect(ids()).toEqual(['old']);
});

test('one that may be on its way into its sandbox is not ended, and the other is refused for now', async () => {
  const { leftovers, clock, ids } = scene([left('coming', '10.42.0.5')]);
  leftovers.creating('coming');
  clock.time = 29_999;
  const refused = leftovers.end(network, record('new', '10.42.0.5'));
  await expect(refused).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('10.42.0.5') });
  clock.time = 30_000;
  leftovers.creating('new');
  await leftovers.end(network, record('new', '10.42.0.5'));
  expect(ids()).toEqual([]);
});

test('while the engine does not answer, nothing is ended, and the other is refused for now', async () => {
  const { leftovers, ids } = scene([left('old', '10.42.0.5')], null);
  await expect(leftovers.end(network, record('new', '10.42.0.5'))).rejects.toMatchObject({ code: 'unavailable' });
  expect(ids()).toEqual(['old']);
});
