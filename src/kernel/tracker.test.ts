import { describe, expect, test } from 'vitest';
import { keyOf } from './identity.ts';
import type { FdbObject, KernelObject } from './objects.ts';
import { plan } from './order.ts';
import { DeltaTracker } from './tracker.ts';

const namespace: KernelObject = { kind: 'namespace', name: 'trama' };
const link: KernelObject = {
  ...{ kind: 'link', ns: 'trama', name: 'trx1', type: 'vxlan', mtu: 1450, up: true, vni: 1, dstPort: 4789 },
  ...{ local: '192.0.2.1', device: 'eth0', learning: false },
};
const entry = (last: number, destination = '192.0.2.2'): FdbObject => ({
  ...{ kind: 'fdb', ns: 'trama', device: 'trx1', table: 'self', destination },
  mac: `02:42:00:00:${(last >> 8).toString(16).padStart(2, '0')}:${(last & 255).toString(16).padStart(2, '0')}`,
});

describe('DeltaTracker', () => {
  test('what is desired and not observed is created, the other way round deleted, what differs changed', () => {
    const tracker = new DeltaTracker();
    tracker.desire('a', [entry(1), entry(2)]);
    tracker.observed([entry(2, '192.0.2.9'), entry(3)]);
    expect(Object.fromEntries(tracker.pending())).toEqual({
      [keyOf(entry(1))]: 'create',
      [keyOf(entry(2))]: 'change',
      [keyOf(entry(3))]: 'delete',
    });
    tracker.noted(entry(1));
    tracker.noted(entry(2));
    tracker.gone(keyOf(entry(3)));
    expect(tracker.pending().size).toBe(0);
  });

  test('a thing stays until its last owner lets go', () => {
    const tracker = new DeltaTracker();
    tracker.observed([namespace]);
    tracker.desire('a', [namespace]);
    tracker.desire('b', [namespace]);
    tracker.release('a');
    expect(tracker.pending().size).toBe(0);
    tracker.release('b');
    expect([...tracker.pending().values()]).toEqual(['delete']);
  });

  test('owners that disagree are told apart; the later one counts, and the earlier one again after it', () => {
    const tracker = new DeltaTracker();
    expect(tracker.desire('a', [entry(1, '192.0.2.2')])).toEqual([]);
    expect(tracker.desire('b', [entry(1, '192.0.2.3')])).toEqual([{ key: keyOf(entry(1)), winner: 'b', loser: 'a' }]);
    expect(tracker.desired(keyOf(entry(1)))).toMatchObject({ destination: '192.0.2.3' });
    tracker.release('b');
    expect(tracker.desired(keyOf(entry(1)))).toMatchObject({ destination: '192.0.2.2' });
  });

  test('an owner’s new wish replaces its old one', () => {
    const tracker = new DeltaTracker();
    tracker.desire('a', [entry(1), entry(2)]);
    tracker.desire('a', [entry(2), entry(3)]);
    expect([...tracker.pending().keys()].sort()).toEqual([keyOf(entry(2)), keyOf(entry(3))].sort());
  });

  test('what stands on a link is gone with it', () => {
    const tracker = new DeltaTracker();
    tracker.desire('a', [link, entry(1)]);
    tracker.observed([link, entry(1), entry(2)]);
    tracker.gone(keyOf(link));
    expect(Object.fromEntries(tracker.pending())).toEqual({ [keyOf(link)]: 'create', [keyOf(entry(1))]: 'create' });
  });

  test.each([100, 10_000])('one endpoint’s change costs the same among %i', (count) => {
    const tracker = new DeltaTracker();
    tracker.desire('network', [namespace, link]);
    for (let i = 0; i < count; i += 1) tracker.desire(`endpoint/${i}`, [entry(i)]);
    tracker.observed([namespace, link, ...Array.from({ length: count }, (_, i) => entry(i))]);
    const before = tracker.operations;
    tracker.desire('endpoint/5', [entry(5, '192.0.2.77')]);
    const steps = plan(tracker);
    for (const step of steps) if (step.op !== 'delete') tracker.noted(step.after);
    tracker.release('endpoint/6');
    for (const step of plan(tracker)) if (step.op === 'delete') tracker.gone(keyOf(step.before));
    expect(steps).toHaveLength(1);
    expect(tracker.pending().size).toBe(0);
    expect(tracker.operations - before).toBe(4);
  });
});

describe('keyOf', () => {
  test('several VTEPs share the flood MAC, and no other', () => {
    const flood = (destination: string) => keyOf({ ...entry(0, destination), mac: '00:00:00:00:00:00' });
    expect(flood('192.0.2.2')).not.toBe(flood('192.0.2.3'));
    expect(keyOf(entry(1, '192.0.2.2'))).toBe(keyOf(entry(1, '192.0.2.3')));
  });

  test('one thing has one key however it is written', () => {
    const route = { kind: 'route', ns: '', device: 'trg1' } as const;
    expect(keyOf({ ...route, destination: '0.0.0.0/0' })).toBe(keyOf({ ...route, destination: 'default' }));
    expect(keyOf({ ...route, destination: '10.0.0.1' })).toBe(keyOf({ ...route, destination: '10.0.0.1/32' }));
    expect(keyOf({ ...entry(1), mac: '02:42:00:00:00:0A' })).toBe(keyOf(entry(10)));
  });

  test('a link is itself in its namespace only', () => {
    expect(keyOf(link)).not.toBe(keyOf({ ...link, ns: '' } as KernelObject));
  });
});
