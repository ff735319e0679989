import { describe, expect, test } from 'vitest';
import { keyOf } from './identity.ts';
import type { KernelObject } from './objects.ts';
import { plan } from './order.ts';
import { bridge, data, farEnd, gateway, names, table, veth, vxlan } from './testing/objects.ts';
import { DeltaTracker } from './tracker.ts';

describe('a plan', () => {
  test('a link that cannot be altered is made anew with all on it, and what nobody wants on it is not mourned', () => {
    const entry = (mac: string) =>
      ({ kind: 'fdb', ...data, device: 'trx42', mac, table: 'self', destination: '192.0.2.2' }) as const;
    const tracker = new DeltaTracker();
    tracker.desire('a', [bridge, vxlan, entry('02:00:00:00:00:01')]);
    const old = { ...vxlan, local: '192.0.2.9' } as KernelObject;
    tracker.observed([bridge, old, entry('02:00:00:00:00:01'), entry('02:00:00:00:00:02')]);
    expect(names(plan(tracker))).toEqual(
      ['delete link trama trx42', 'create link trama trx42', 'create fdb trama trx42'].map((name) =>
        name.split(' ').slice(0, 4).join(' '),
      ),
    );
  });

  test('a second end that is missing takes its first with it', () => {
    const tracker = new DeltaTracker();
    tracker.desire('a', [veth, farEnd]);
    tracker.observed([veth]);
    expect(names(plan(tracker))).toEqual([
      'delete link trama trv0011223344',
      'create link trama trv0011223344',
      'create link /run/netns/c1 eth0',
    ]);
  });

  const standing: readonly KernelObject[] = [
    bridge,
    gateway,
    { kind: 'address', ns: '', device: 'trg42', cidr: '10.42.0.1/16' },
    { kind: 'neighbour', ...data, device: 'trb42', address: '10.42.0.7', mac: '02:42:0a:2a:00:07' },
  ];

  test('a gateway goes with its bridge, and comes back with it and all on it', () => {
    const tracker = new DeltaTracker();
    tracker.desire('a', standing);
    tracker.observed(standing);
    tracker.gone(keyOf(bridge));
    expect(names(plan(tracker))).toEqual([
      ...['create link trama trb42', 'create link - trg42', 'create address - trg42', 'create neighbour trama trb42'],
    ]);
    tracker.observed(standing.slice(0, 1));
    expect(names(plan(tracker))).toEqual([
      'create link - trg42',
      'create address - trg42',
      'create neighbour trama trb42',
    ]);
  });

  test('in place of the pair that a gateway once was it is made in one pass', () => {
    const pair: readonly KernelObject[] = [
      {
        ...{ kind: 'link', ns: '', name: 'trg42', type: 'veth', mtu: 1450, up: true },
        peer: { ns: '', name: 'trh42', mtu: 1450 },
      },
      {
        ...{ kind: 'link', ...data, name: 'trh42', type: 'veth', mtu: 1450, up: true, secondary: true },
        ...{ master: 'trb42', peer: { ns: '', name: 'trg42', mtu: 1450 } },
      },
      { kind: 'fdb', ...data, device: 'trh42', mac: '02:42:0a:2a:00:01', table: 'master' },
    ];
    const tracker = new DeltaTracker();
    tracker.desire('a', standing);
    tracker.observed([...standing.filter((object) => object !== gateway), ...pair]);
    expect(names(plan(tracker))).toEqual(['delete link - trg42', 'create link - trg42', 'create address - trg42']);
  });

  test('of another mode, in which it may be handed what is for others, it is made anew', () => {
    const tracker = new DeltaTracker();
    tracker.desire('a', standing);
    tracker.observed(standing.map((object) => (object === gateway ? { ...gateway, mode: 'passthru' } : object)));
    expect(names(plan(tracker))).toEqual(['delete link - trg42', 'create link - trg42', 'create address - trg42']);
  });

  test('with a link’s MAC go its neighbour entries, and are made again', () => {
    const now = standing.map((object) =>
      object.kind === 'link' ? ({ ...object, mac: '02:42:0a:2a:00:02' } as KernelObject) : object,
    );
    const tracker = new DeltaTracker();
    tracker.desire('a', now);
    tracker.observed(standing.map((object) => (object === bridge ? { ...bridge, mac: '02:42:0a:2a:00:01' } : object)));
    expect(names(plan(tracker))).toEqual([
      'change link trama trb42',
      'change link - trg42',
      'create neighbour trama trb42',
    ]);
  });

  test('what goes with its container is not deleted by itself', () => {
    const tracker = new DeltaTracker();
    tracker.observed([
      { kind: 'namespace', name: 'trama' },
      { kind: 'nft-table', ...table },
      { kind: 'nft-set', ...table, name: 'ports', type: 'type ifname' },
      bridge,
      gateway,
      { kind: 'address', ns: '', device: 'trg42', cidr: '10.42.0.1/16' },
    ]);
    expect(names(plan(tracker))).toEqual(['delete link trama trb42', 'delete namespace trama']);
  });
});
