import { parseSubnet, subnetSize } from '../../../domain/subnet.ts';
import type { NetworkView } from '../../../protocol/views.ts';
import { age } from '../../cli/text.ts';
import type { Table } from './column.ts';
import { addressOrder } from './containers.ts';

/** Addresses: of containers and of the nodes themselves, and those that are left. */
export function usage({ subnet, nodes, containers }: NetworkView): { readonly used: number; readonly free: number } {
  const used = containers.length + nodes.filter(({ gateway }) => gateway !== '').length;
  // Neither the network's own address nor that of broadcasts.
  return { used, free: Math.max(0, Number(subnetSize(parseSubnet(subnet))) - 2 - used) };
}

/** One address in ten is left, or less. */
function isNearlyFull(network: NetworkView): boolean {
  const { used, free } = usage(network);
  return free < (used + free) / 10;
}

export const networkTable: Table<NetworkView> = {
  id: ({ name }) => name,
  isProblem: isNearlyFull,
  columns: [
    { id: 'name', title: 'column.name', key: 'N', rank: 0, least: 12, text: ({ name }) => name, style: () => 'strong' },
    { id: 'driver', title: 'column.driver', key: 'D', rank: 4, least: 7, text: ({ driver }) => driver },
    {
      ...{ id: 'subnet', title: 'column.subnet', key: 'I', rank: 1, least: 18 },
      text: ({ subnet }) => subnet,
      order: ({ subnet }) => addressOrder(subnet.split('/')[0] ?? ''),
    },
    {
      ...{ id: 'used', title: 'column.used', key: 'U', rank: 2, least: 6, align: 'right' },
      text: (network) => `${usage(network).used}`,
      order: (network) => usage(network).used,
    },
    {
      ...{ id: 'free', title: 'column.free', key: 'F', rank: 3, least: 8, align: 'right' },
      text: (network) => `${usage(network).free}`,
      order: (network) => usage(network).free,
      style: (network) => (isNearlyFull(network) ? 'bad' : 'plain'),
    },
    {
      ...{ id: 'containers', title: 'column.containers', key: 'C', rank: 5, least: 10, align: 'right' },
      text: ({ containers }) => `${containers.length}`,
      order: ({ containers }) => containers.length,
    },
    {
      ...{ id: 'nodes', title: 'column.nodes', key: 'H', rank: 6, least: 10 },
      text: ({ nodes }) => nodes.map(({ node }) => node).join(' '),
      order: ({ nodes }) => nodes.length,
    },
    {
      ...{ id: 'mtu', title: 'column.mtu', key: 'M', rank: 7, least: 5, align: 'right' },
      text: ({ mtu }) => `${mtu}`,
      order: ({ mtu }) => mtu,
    },
    {
      ...{ id: 'age', title: 'column.age', key: 'A', rank: 8, least: 3, align: 'right' },
      text: ({ createdAt }, { now }) => age(createdAt, now),
      order: ({ createdAt }) => createdAt,
    },
  ],
};
