/** Objects of one overlay network, and steps by their names. */
import { keyOf } from '../identity.ts';
import type { KernelObject } from '../objects.ts';
import { type Step, subjectOf } from '../steps.ts';

export const data = { ns: 'trama' } as const;
export const table = { ...data, family: 'bridge', table: 'trama' } as const;
export const veth: KernelObject = {
  ...{ kind: 'link', ...data, name: 'trv0011223344', type: 'veth', mtu: 1450, up: true, master: 'trb42' },
  peer: { ns: '', name: 'trp0011223344', mtu: 1450, mac: '02:42:0a:2a:00:05' },
  port: { learning: false, isolated: true },
};
export const farEnd: KernelObject = {
  ...{ kind: 'link', ns: '/run/netns/c1', name: 'eth0', type: 'veth', mtu: 1450, up: true, secondary: true },
  peer: { ns: 'trama', name: 'trv0011223344', mtu: 1450 },
};
export const gateway: KernelObject = {
  ...{ kind: 'link', ns: '', name: 'trg42', type: 'macvlan', index: 1073741866, mac: '02:42:0a:2a:00:01' },
  ...{ mtu: 1450, up: true, lower: { ns: 'trama', name: 'trb42' }, mode: 'passthru nopromisc' },
};
export const bridge: KernelObject = { kind: 'link', ...data, name: 'trb42', type: 'bridge', mtu: 1450, up: true };
export const vxlan: KernelObject = {
  ...{ kind: 'link', ...data, name: 'trx42', type: 'vxlan', mtu: 1450, up: true, master: 'trb42', vni: 42 },
  ...{ dstPort: 4789, local: '192.0.2.1', device: 'eth0', learning: true, group: '239.1.1.1', ttl: 8 },
};

export const names = (steps: readonly Step[]) =>
  steps.map((step) => `${step.op} ${keyOf(subjectOf(step)).split(' ').slice(0, 3).join(' ')}`);
