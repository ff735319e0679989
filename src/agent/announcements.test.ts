import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import { type Spawn, silentLog } from '../platform/platform.ts';
import { announceNewcomers } from './announcements.ts';
import type { LocalEndpoint } from './local-state.ts';

const mac = '02:00:00:00:00:01';
const address = '10.98.0.7';
const networks: Record<string, Partial<NetworkRecord>> = {
  lan: { driver: 'lan' },
  group: { driver: 'overlay', discovery: 'multicast' },
  told: { driver: 'overlay', discovery: 'registry' },
};

/** A host with containers whose namespaces all have these interfaces. */
async function scene(...before: readonly LocalEndpoint[]) {
  const links: unknown[] = [{ ifname: 'lo', flags: ['UP'], addr_info: [{ local: '127.0.0.1' }] }];
  const said: string[] = [];
  const count = { looks: 0 };
  const spawn: Spawn = async ({ argv }) => {
    if (argv.includes('show')) count.looks += 1;
    else said.push(argv.join(' ').replace(/.*(netns.c\d+).* neigh /, '$1 '));
    return { code: 0, stdout: argv.includes('show') ? JSON.stringify(links) : '', stderr: '' };
  };
  const clock = heldClock();
  const all = new Map(before.map((each) => [each.record.id, { ...each, createdAt: clock.now() + each.createdAt }]));
  const put = (id: string, network: string, path: string) => all.set(id, endpoint(id, network, path, clock.now()));
  const stop = new AbortController();
  const view = { network: (id: string) => networks[id] as NetworkRecord | undefined };
  const options = { state: { endpoints: all } as never, view, spawn, clock, log: silentLog };
  const announcing = announceNewcomers(options, stop.signal).catch(() => {});
  const pass = async (times = 1) => {
    for (let i = 0; i < times; i += 1) await clock.advance(500);
  };
  const comes = (place: number, from: string, what = address) => {
    links[place] = { ifname: `eth${place - 1}`, address: mac, flags: [from], addr_info: [{ local: what }] };
  };
  const end = async () => {
    stop.abort();
    await announcing;
  };
  return { links, said, count, all, put, pass, comes, [Symbol.asyncDispose]: end };
}

const endpoint = (id: string, network: string, path: string, createdAt = 0): LocalEndpoint => ({
  record: { id, network, mac, address } as EndpointRecord,
  createdAt,
  sandbox: { path, interface: 'eth0' },
});

const asks = (where: string, device = 'eth0') => `netns/${where} replace ${address} dev ${device} nud none use`;
const forgets = (where: string, device = 'eth0') => `netns/${where} del ${address} dev ${device}`;

test('each is announced once in each place that it comes to, when it stands there; where others learn of it by that only', async () => {
  await using host = await scene();
  host.put('e1', 'lan', '/run/netns/c1');
  host.put('e2', 'told', '/run/netns/c2');
  await host.pass(2);
  host.comes(1, 'DOWN');
  await host.pass();
  // Another network's, with the same MAC.
  host.comes(1, 'UP', '10.99.0.7');
  await host.pass();
  expect([host.count.looks, host.said]).toEqual([4, []]);
  host.comes(2, 'UP');
  await host.pass();
  expect(host.said).toEqual([asks('c1', 'eth1')]);
  await host.pass(20);
  expect(host.said).toEqual([asks('c1', 'eth1'), forgets('c1', 'eth1')]);
  // It was stopped and started.
  host.put('e1', 'group', '/run/netns/c3');
  await host.pass(20);
  expect(host.said.slice(2)).toEqual([asks('c3', 'eth1'), forgets('c3', 'eth1')]);
  expect(host.count.looks).toBe(6);
});

test('one that never comes is not waited for without end', async () => {
  await using host = await scene();
  host.put('e1', 'lan', '/run/netns/c1');
  await host.pass(100);
  expect([host.count.looks, host.said]).toEqual([60, []]);
});

test('an agent that comes back announces who has come just before it ended, and nobody else', async () => {
  const [old, young] = [endpoint('e1', 'lan', '/run/netns/c1', -60_000), endpoint('e2', 'lan', '/run/netns/c2', -2000)];
  await using host = await scene(old, young);
  host.comes(1, 'UP');
  await host.pass(20);
  expect(host.said).toEqual([asks('c2'), forgets('c2')]);
});
