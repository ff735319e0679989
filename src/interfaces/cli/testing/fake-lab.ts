/** A lab as the tools would show it. */
import type { LabStep, LabView } from '../lab-tools.ts';

export const fakeLab: LabView = {
  name: 'nat',
  status: 'up',
  file: 'nat.yaml',
  nodes: [
    {
      ...{ name: 'host', kind: 'host', host: null, namespace: 'trama.nat.host', runs: [], image: null },
      interfaces: [
        { name: 'br0', cidr: '192.168.2.1/24', mac: '02:00:c0:a8:02:01', bridge: null, peer: null },
        { name: 'p1', cidr: null, mac: null, bridge: 'br0', peer: 'p1:eth0' },
      ],
      routes: [],
    },
    {
      ...{ name: 'p1', kind: 'container', host: 'host', namespace: 'trama.nat.p1', runs: [], image: null },
      interfaces: [{ name: 'eth0', cidr: '192.168.2.2/24', mac: '02:00:c0:a8:02:02', bridge: null, peer: 'host:p1' }],
      routes: ['default via 192.168.2.1 dev eth0'],
    },
  ],
  links: [{ ends: ['p1:eth0', 'host:p1'], up: true, rate: 10_000_000, loss: 5 }],
};

export const fakeLabSteps: readonly LabStep[] = [
  { sentence: 'Create the network namespace trama.nat.p1: the container p1.', commands: ['ip netns add trama.nat.p1'] },
  { sentence: 'Set up the loopback in namespace trama.nat.p1.', commands: ['ip -n trama.nat.p1 link set dev lo up'] },
];
