import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import { type Spawn, silentLog } from '../platform/platform.ts';
import { announceNewcomers } from './announcements.ts';
import type { LocalEndpoint } from './local-state.ts';

const mac = '02:00:00:00:00:01';
const endpoint = (id: string, network: string, path: string): LocalEndpoint => ({
  record: { id, network, mac } as EndpointRecord,
  createdAt: 0,
  sandbox: { path, interface: 'eth0' },
});

test('each is announced once in each place that it comes to, when it stands there; where others learn of it by that only', async () => {
  const links: unknown[] = [{ ifname: 'lo', flags: ['UP'], addr_info: [{ family: 'inet' }] }];
  const said: string[] = [];
  let looks = 0;
  const spawn: Spawn = async ({ argv }) => {
    if (argv.includes('show')) looks += 1;
    else said.push(argv.join(' '));
    return { code: 0, stdout: argv.includes('show') ? JSON.stringify(links) : '', stderr: '' };
  };
  const all = new Map([['before', endpoint('before', 'lan', '/run/netns/before')]]);
  const clock = heldClock();
  const stop = new AbortController();
  const networks: Record<string, Partial<NetworkRecord>> = {
    lan: { driver: 'lan' },
    group: { driver: 'overlay', discovery: 'multicast' },
    told: { driver: 'overlay', discovery: 'registry' },
  };
  const view = { network: (id: string) => networks[id] as NetworkRecord | undefined };
  const options = { state: { endpoints: all } as never, view, spawn, clock };
  const announcing = announceNewcomers({ ...options, log: silentLog }, stop.signal).catch(() => {});
  const pass = async (times = 1) => {
    for (let i = 0; i < times; i += 1) await clock.advance(500);
  };
  await pass();
  all.set('e1', endpoint('e1', 'lan', '/run/netns/c1'));
  all.set('e2', endpoint('e2', 'told', '/run/netns/c2'));
  await pass(2);
  expect([looks, said]).toEqual([2, []]);
  links.push({ ifname: 'eth0', address: mac, flags: [], addr_info: [] });
  await pass();
  links[1] = { ifname: 'eth0', address: mac, flags: ['UP'], addr_info: [{ family: 'inet' }] };
  expect(said).toEqual([]);
  await pass(3);
  const announced = (path: string) => [
    expect.stringContaining(`--net=${path} sysctl -qw net/ipv4/conf/eth0/arp_notify=1`),
    expect.stringMatching(new RegExp(`${path} .*link set dev eth0 address ${mac}`)),
  ];
  expect(said).toEqual(announced('/run/netns/c1'));
  // It was stopped and started.
  all.set('e1', endpoint('e1', 'group', '/run/netns/c3'));
  await pass(3);
  expect(said.slice(2)).toEqual(announced('/run/netns/c3'));
  expect(looks).toBe(5);
  links.length = 0;
  all.set('e1', endpoint('e1', 'lan', '/run/netns/never'));
  await pass(100);
  expect(looks).toBe(65);
  stop.abort();
  await announcing;
});
