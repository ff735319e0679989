import { describe, expect, test } from 'vitest';
import { readIpEvent, readNftEvent } from './events.ts';
import { markOf } from './names.ts';
import type { KernelObject } from './objects.ts';
import { DeltaTracker } from './tracker.ts';

const tracker = new DeltaTracker();
const table = { ns: 'trama', family: 'inet', table: 'trama' } as const;
tracker.desire('a', [
  {
    ...{ kind: 'link', ns: 'trama', name: 'trv0011223344', type: 'veth', mtu: 1450, up: true, master: 'trb42' },
    peer: { ns: '', name: 'trp0011223344', mtu: 1450 },
  },
  {
    ...{ kind: 'link', ns: 'trama', name: 'trx42', type: 'vxlan', mtu: 1450, up: true, vni: 42, dstPort: 4789 },
    ...{ local: '192.0.2.1', device: 'eth0', learning: true, group: '239.1.1.1' },
  },
  { kind: 'link', ns: 'trama', name: 'trb42', type: 'bridge', mtu: 1450, up: true, mac: '02:42:00:00:00:01' },
  { kind: 'fdb', ns: 'trama', device: 'trb42', mac: '02:42:00:00:00:01', table: 'self' },
  { kind: 'fdb', ns: 'trama', device: 'trx42', mac: '02:42:00:00:00:0b', table: 'self', destination: '192.0.2.9' },
  { kind: 'fdb', ns: 'trama', device: 'trx42', mac: '02:42:00:00:00:0b', table: 'master' },
  { kind: 'neighbour', ns: 'trama', device: 'trb42', address: '10.42.0.8', mac: '02:42:00:00:00:0a' },
  { kind: 'address', ns: 'trama', device: 'trg42', cidr: '10.44.0.1/24' },
  { kind: 'route', ns: 'trama', destination: '10.97.0.0/16', device: 'trg42' },
  { kind: 'nft-table', ...table },
  { kind: 'nft-element', ...table, set: 's', key: ['trv0011223355', '02:42:00:00:00:07', '10.42.0.7'] },
  { kind: 'nft-map-element', ...table, map: 'm', key: ['tcp', '80'], value: ['10.42.0.7', '8080'] },
  { kind: 'nft-chain', ...table, name: 'c', rules: ['accept'] },
  { kind: 'iptables', ns: 'trama', table: 'filter', chain: 'DOCKER-USER', rule: ['-j', 'ACCEPT'] },
] satisfies KernelObject[]);

const port =
  '55: trv0011223344@if8: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1450 qdisc noqueue master trb42 state LOWERLAYERDOWN group default \\    link/ether ae:74:28:92:c8:57 brd ff:ff:ff:ff:ff:ff link-netns kx1';

/** Lines as iproute2 6.1 prints them. */
const ipLines: readonly (readonly [string, boolean | undefined])[] = [
  [port, false],
  [port.replace(',UP', ''), true],
  [port.replace('1450', '1400'), true],
  [port.replace('group default', 'group 7'), true],
  [port.replace(' master trb42', ''), true],
  [`Deleted ${port}`, true],
  [port.replace('trv0011223344', 'trv00000000ff'), true],
  [`Deleted ${port.replace('trv0011223344', 'trv00000000ff')}`, false],
  [port.replace('trv0011223344', 'trp0011223344'), undefined],
  [port.replace('trv0011223344', 'eth0'), undefined],
  ['192.0.2.9 dev trx42 lladdr 02:42:00:00:00:0b NOARP PERMANENT ', false],
  ['192.0.2.8 dev trx42 lladdr 02:42:00:00:00:0b NOARP PERMANENT ', true],
  ['Deleted 192.0.2.9 dev trx42 lladdr 02:42:00:00:00:0b NOARP PERMANENT ', true],
  ['Deleted 192.0.2.9 dev trx42 lladdr 02:42:00:00:00:0c NOARP PERMANENT ', false],
  ['192.0.2.9 dev trx42 lladdr 02:42:00:00:00:0c NOARP PERMANENT ', true],
  ['239.1.1.1 dev trx42 lladdr 00:00:00:00:00:00 NOARP PERMANENT ', undefined],
  ['192.0.2.9 dev trx42 lladdr 02:42:00:00:00:0c REACHABLE ', undefined],
  ['dev trx42 lladdr 02:42:00:00:00:0b NOARP ', false],
  ['Deleted dev trx42 lladdr 02:42:00:00:00:0b NOARP ', true],
  ['dev trb42 lladdr 02:42:00:00:00:01 PERMANENT ', false],
  ['Deleted dev trb42 lladdr 02:42:00:00:00:01 PERMANENT ', true],
  ['dev trb42 lladdr 02:42:00:00:00:02 PERMANENT ', true],
  ['Deleted dev trb42 lladdr 02:42:00:00:00:02 PERMANENT ', false],
  ['dev trv0011223344 lladdr ae:74:28:92:c8:57 PERMANENT ', undefined],
  ['dev trv0011223344 lladdr ae:74:28:92:c8:57 REACHABLE ', undefined],
  ['Deleted dev if55 lladdr ae:74:28:92:c8:57 PERMANENT ', undefined],
  ['10.42.0.8 dev trb42 lladdr 02:42:00:00:00:0a PERMANENT ', false],
  ['10.42.0.8 dev trb42 lladdr 02:42:00:00:00:0f PERMANENT ', true],
  ['10.42.0.8 dev trb42 FAILED ', true],
  ['Deleted 10.42.0.8 dev trb42 FAILED ', true],
  ['10.42.0.9 dev trb42 lladdr 02:42:00:00:00:0f STALE ', undefined],
  ['10.42.0.9 dev trb42 lladdr 02:42:00:00:00:0f PERMANENT ', true],
  ['10.42.0.9 dev docker0 lladdr 02:42:00:00:00:0f PERMANENT ', undefined],
  ['ff02::1:ff9d:3f56 dev trb42 lladdr 33:33:ff:9d:3f:56 NOARP ', undefined],
  ['4: trg42    inet 10.44.0.1/24 scope global trg42\\       valid_lft forever preferred_lft forever', false],
  ['Deleted 4: trg42    inet 10.44.0.1/24 scope global trg42\\       valid_lft forever', true],
  ['4: trg42    inet 10.45.0.1/24 scope global trg42\\       valid_lft forever', true],
  ['4: eth0    inet 10.45.0.1/24 scope global eth0\\       valid_lft forever', undefined],
  ['4: trg42    inet6 fe80::1/64 scope link \\       valid_lft forever', undefined],
  ['10.97.0.0/16 dev trg42 proto 84 scope link ', false],
  ['Deleted 10.97.0.0/16 dev trg42 proto 84 scope link ', true],
  ['10.97.0.0/16 via 10.44.0.2 dev trg42 proto 84 ', true],
  ['10.97.0.0/16 dev eth0 proto static scope link ', true],
  ['10.96.0.0/16 dev trg42 proto 84 scope link ', true],
  ['Deleted 10.96.0.0/16 dev trg42 proto 84 scope link ', false],
  ['10.44.0.0/24 dev trg42 proto kernel scope link src 10.44.0.1 ', undefined],
  ['local 10.44.0.1 dev trg42 table local proto kernel scope host src 10.44.0.1 ', undefined],
  ['10.97.0.0/16 dev trg42 table 100 proto 84 scope link ', undefined],
  ['nonsense', undefined],
  ['', undefined],
];

test.each(ipLines)('ip monitor: %s', (line, wrong) => {
  expect(readIpEvent('trama', line, tracker)?.wrong).toBe(wrong);
});

const element = {
  element: {
    family: 'inet',
    table: 'trama',
    name: 's',
    elem: { set: [{ concat: ['trv0011223355', '02:42:00:00:00:07', '10.42.0.7'] }] },
  },
};
const entry = (address: string, port = 80) => ({
  element: {
    family: 'inet',
    table: 'trama',
    name: 'm',
    elem: { set: [[{ concat: ['tcp', port] }, { concat: [address, 8080] }]] },
  },
});
const rule = (comment?: string) => ({
  rule: { family: 'inet', table: 'trama', chain: 'c', handle: 5, comment, expr: [{ accept: null }] },
});
const forward = (expr: object[]) => ({
  rule: { family: 'ip', table: 'filter', chain: 'DOCKER-USER', handle: 2, expr },
});

describe('nft -j monitor', () => {
  test.each([
    [{ add: element }, [false]],
    [{ delete: element }, [true]],
    [{ add: entry('10.42.0.7') }, [false]],
    [{ add: entry('10.42.0.8') }, [true]],
    [{ add: entry('10.42.0.7', 81) }, [true]],
    [{ delete: entry('10.42.0.8') }, [true]],
    [{ delete: entry('10.42.0.7', 81) }, [false]],
    [{ add: rule(markOf('accept')) }, [false]],
    [{ delete: rule(markOf('accept')) }, [true]],
    [{ delete: rule(markOf('drop')) }, [false]],
    [{ add: rule(markOf('drop')) }, [true]],
    [{ insert: rule() }, [true]],
    [{ delete: { table: { family: 'inet', name: 'trama', handle: 1 } } }, [true]],
    [{ add: { table: { family: 'inet', name: 'trama', handle: 1 } } }, [false]],
    [{ add: { table: { family: 'ip', name: 'docker', handle: 1 } } }, []],
    [{ add: { set: { family: 'inet', name: 'x', table: 'trama', type: 'ipv4_addr', handle: 1 } } }, [true]],
    [{ delete: { chain: { family: 'inet', name: 'c', table: 'trama', handle: 1 } } }, [true]],
    [{ delete: forward([{ xt: { type: 'match', name: 'comment' } }]) }, [true]],
    [{ delete: forward([{ accept: null }]) }, []],
    [{ insert: forward([{ xt: { type: 'match', name: 'comment' } }]) }, []],
  ])('%j', (event, wrong) => {
    expect(readNftEvent('trama', JSON.stringify(event), tracker).map((one) => one.wrong)).toEqual(wrong);
  });

  test('what is no event is none', () => {
    expect(readNftEvent('trama', '# new generation 15 by process 11548 (nft)', tracker)).toEqual([]);
  });
});
