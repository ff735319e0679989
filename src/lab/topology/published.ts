/** Ports of hosts that lead to containers, whoever publishes them: the lab's nat, Docker, or an agent. */

import type { Problems } from '../../documents/problems.ts';
import type { TopologyNode } from './schema.ts';

interface PublishedPort {
  readonly protocol: 'tcp' | 'udp';
  /** The host's. */
  readonly port: number;
  readonly targetPort: number;
}

export const portsOf = ({ ports }: TopologyNode): PublishedPort[] =>
  (ports ?? []).map((text) => {
    const [, port, targetPort, protocol = 'tcp'] = /^(\d+):(\d+)(?:\/(tcp|udp))?$/.exec(text) ?? [];
    return { protocol: protocol as 'tcp' | 'udp', port: Number(port), targetPort: Number(targetPort) };
  });

/** A port of a host leads to one container. */
export function checkPublished(nodes: ReadonlyMap<string, TopologyNode>, problems: Problems): void {
  const holders = new Map<string, string>();
  for (const [name, node] of nodes) {
    for (const [at, { protocol, port }] of portsOf(node).entries()) {
      if (node.host === undefined) continue;
      const key = `${node.host} ${port}/${protocol}`;
      const holder = holders.get(key);
      if (holder !== undefined) {
        const sentence = `${node.host}'s ${port}/${protocol} leads to ${holder} already: publish another port of ${node.host}`;
        problems.at(['topology', 'nodes', name, 'ports', at], sentence);
      }
      holders.set(key, name);
    }
  }
}
