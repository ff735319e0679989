import { describe, expect, test } from 'vitest';
import { operationsOf } from './commands.ts';
import type { KernelObject } from './objects.ts';
import { inOrder } from './order.ts';
import { schedule } from './schedule.ts';

const link = { kind: 'link', mtu: 1500, up: true } as const;
const namespace = (name: string): KernelObject => ({ kind: 'namespace', name });
const bridge = (ns: string): KernelObject => ({ ...link, ns, name: 'br0', type: 'bridge' });
const address = (ns: string, device: string): KernelObject => ({ kind: 'address', ns, device, cidr: '10.0.0.1/24' });

/** A container's interface whose other end is a port of a host's bridge. */
const plugged = (container: string, host: string): KernelObject[] => [
  { ...link, ns: container, name: 'eth0', type: 'veth', peer: { ns: host, name: container, mtu: 1500 } },
  {
    ...link,
    ns: host,
    name: container,
    type: 'veth',
    master: 'br0',
    secondary: true,
    peer: { ns: container, name: 'eth0', mtu: 1500 },
  },
];

/** Levels of batches, each told by its tool, namespace and number of operations. */
function levelsOf(objects: readonly KernelObject[]): string[][] {
  const steps = inOrder(objects.map((after) => ({ op: 'create', after })));
  const placed = steps.flatMap((step, index) => operationsOf(step).map((operation) => ({ operation, step: index })));
  return schedule(placed, steps).map((level) =>
    level.map((batch) => `${batch[0]?.operation.tool} ${batch[0]?.operation.ns} ${batch.length}`).sort(),
  );
}

describe('schedule', () => {
  test('containers of one host are made at once, each by one process, after its bridge and before its ports', () => {
    const containers = ['c1', 'c2', 'c3'];
    const objects = [
      ...['h', ...containers].map(namespace),
      bridge('h'),
      ...containers.flatMap((name) => [...plugged(name, 'h'), address(name, 'eth0')]),
    ];
    expect(levelsOf(objects)).toEqual([...[['netns  4'], ['ip h 2'], ['ip c1 3', 'ip c2 3', 'ip c3 3'], ['ip h 6']]]);
  });

  test('what is done in one namespace by different tools keeps its order', () => {
    const forward: KernelObject = { kind: 'sysctl', ns: 'h', key: 'net/ipv4/ip_forward', value: '1' };
    const table: KernelObject = { kind: 'nft-table', ns: 'h', family: 'ip', table: 'trama' };
    expect(levelsOf([namespace('h'), bridge('h'), table, forward, address('h', 'br0')])).toEqual([
      ...[['netns  1'], ['sysctl h 1'], ['nft h 1'], ['ip h 3']],
    ]);
  });

  test('the number of levels does not grow with the number of hosts', () => {
    const objects = (count: number) => {
      const hosts = Array.from({ length: count }, (_, at) => `h${at}`);
      return [namespace('s'), bridge('s'), ...hosts.map(namespace), ...hosts.flatMap((name) => plugged(name, 's'))];
    };
    expect(levelsOf(objects(50)).length).toBe(levelsOf(objects(2)).length);
  });
});
