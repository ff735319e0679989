/**
 * Which way packets go. A container sends everything to its host, or else to the first router of its segment. Hosts and
 * routers have a route to every prefix that they are not in, over the fewest hops, and by default to the outside if there is
 * one; into what is behind a NAT there is no way. The outside knows nobody beyond its segment.
 */

import type { Problems } from '../../documents/problems.ts';
import { contains, parseAddress, parseSubnet } from '../../domain/domain.ts';
import type { Wiring } from './cables.ts';
import type { Route, Segment } from './model.ts';
import type { TopologyNode } from './schema.ts';

interface Attachment {
  readonly segment: Segment;
  readonly device: string;
  readonly address: string;
}

export const isForwarder = (node: TopologyNode | undefined): boolean =>
  node?.kind === 'host' || node?.kind === 'router';

export function findRoutes(wiring: Wiring, segments: readonly Segment[], problems: Problems): Map<string, Route[]> {
  const map = new RoutingMap(wiring.nodes, segments);
  const routes = new Map<string, Route[]>();
  for (const [name, node] of wiring.nodes) {
    if (node.routes !== undefined) routes.set(name, given(name, node, map, problems));
    else if (isForwarder(node)) routes.set(name, map.everywhere(name));
    else if (node.kind === 'container' || node.kind === 'linux' || node.kind === undefined) {
      routes.set(name, map.gateway(name, node.host));
    }
  }
  return routes;
}

function given(name: string, node: TopologyNode, map: RoutingMap, problems: Problems): Route[] {
  return (node.routes ?? []).flatMap(({ to, via }, at) => {
    const device = map.deviceTowards(name, via);
    if (device !== undefined) return [{ to, via, device }];
    const path = ['topology', 'nodes', name, 'routes', at, 'via'];
    problems.at(
      path,
      `${via} is in none of ${name}'s prefixes, so it cannot be the next hop: name a neighbour's address`,
    );
    return [];
  });
}

class RoutingMap {
  readonly #nodes: ReadonlyMap<string, TopologyNode>;
  readonly #attachments = new Map<string, Attachment[]>();

  constructor(nodes: ReadonlyMap<string, TopologyNode>, segments: readonly Segment[]) {
    this.#nodes = nodes;
    for (const segment of segments) {
      for (const { node, device, address } of segment.members) {
        const all = this.#attachments.get(node) ?? [];
        this.#attachments.set(node, [...all, { segment, device, address }]);
      }
    }
  }

  #of(node: string): readonly Attachment[] {
    return this.#attachments.get(node) ?? [];
  }

  deviceTowards(node: string, address: string): string | undefined {
    const target = parseAddress(address);
    return this.#of(node).find(({ segment }) => segment.prefix && contains(parseSubnet(segment.prefix), target))
      ?.device;
  }

  /** The default route of whoever forwards nothing. */
  gateway(name: string, host: string | undefined): Route[] {
    const routers = this.#of(name).flatMap(({ segment, device }) =>
      segment.members
        .filter(({ node }) => node !== name && isForwarder(this.#nodes.get(node)) && this.#of(node).length > 1)
        .map(({ node, address }) => ({ node, route: { to: 'default', via: address, device } })),
    );
    const chosen = host === undefined ? routers[0] : routers.find(({ node }) => node === host);
    return chosen === undefined ? [] : [chosen.route];
  }

  /** Of a forwarder: to every prefix, and by default to the outside. Breadth first, so over the fewest hops. */
  everywhere(name: string): Route[] {
    const known = new Set(this.#prefixesAt(name));
    const routes: Route[] = [];
    let outside = this.#outsideOf(name);
    const visited = new Set([name]);
    const edge: { readonly node: string; readonly first?: Omit<Route, 'to'> }[] = [{ node: name }];
    for (const { node, first } of edge) {
      for (const { member, hop } of this.#neighbours(node)) {
        if (visited.has(member)) continue;
        visited.add(member);
        const way = first ?? hop;
        const added = this.#prefixesAt(member).filter((prefix) => !known.has(prefix));
        for (const to of added) {
          known.add(to);
          routes.push({ to, ...way });
        }
        if (this.#outsideOf(member) !== undefined) outside ??= { to: 'default', ...way };
        edge.push({ node: member, first: way });
      }
    }
    return outside === undefined ? routes : [...routes, outside];
  }

  /** Forwarders that share a segment with it, without those that it meets at the outer side of their NAT. */
  *#neighbours(name: string): Generator<{ member: string; hop: Omit<Route, 'to'> }> {
    for (const { segment, device } of this.#of(name)) {
      for (const { node, device: theirs, address } of segment.members) {
        const other = this.#nodes.get(node);
        if (isForwarder(other) && other?.nat !== theirs) yield { member: node, hop: { via: address, device } };
      }
    }
  }

  /** What is reached by way of a node: the prefixes that it is in; of its containers' own links the one they are cut from. */
  #prefixesAt(name: string): string[] {
    const node = this.#nodes.get(name);
    const prefixes = this.#of(name).map(({ segment, device }) => {
      const ofContainer = node?.attach === 'p2p' && this.#nodes.get(device)?.host === name;
      return ofContainer ? node?.prefix : segment.prefix;
    });
    return [...new Set(prefixes)].filter((prefix) => prefix !== undefined);
  }

  #outsideOf(name: string): Route | undefined {
    for (const { segment, device } of this.#of(name)) {
      const outside = segment.members.find(({ node }) => this.#nodes.get(node)?.kind === 'outside');
      if (outside !== undefined) return { to: 'default', via: outside.address, device };
    }
    return undefined;
  }
}
