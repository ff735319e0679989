/** How large a frame of a container may be: a bridge drops what its way out does not take, and tells nobody. */

import type { Draft } from './cables.ts';
import type { LabNode, Port } from './model.ts';

/** @param cables by their index in the ports */
export function withMtus(nodes: readonly LabNode[], cables: readonly Draft[]): LabNode[] {
  /** Of the cable of a container to its host, the host. */
  const hostOf = ({ cable }: Port) => (cables[cable]?.path[1] === 'nodes' ? cables[cable].ends[1].node : undefined);
  const limits = new Map(
    nodes.map((node) => {
      const uplinks = node.ports.filter((port) => port.master !== undefined && hostOf(port) === undefined);
      return [node.name, Math.min(...[...uplinks, ...(node.vxlan ? [node.vxlan] : [])].map(({ mtu }) => mtu))];
    }),
  );
  const limited = <T extends { readonly mtu: number }>(one: T, host = ''): T => {
    return { ...one, mtu: Math.min(one.mtu, limits.get(host) ?? one.mtu) };
  };
  return nodes.map((node) => ({
    ...node,
    ports: node.ports.map((port) => limited(port, hostOf(port))),
    ...(node.bridge === undefined ? {} : { bridge: limited(node.bridge, node.name) }),
  }));
}
