/**
 * Which way packets go. A container sends everything to its host if that leads anywhere, or else to the first router of its segment. Hosts and
 * routers have a route to every prefix that they are not in, over the fewest hops, and by default to the outside if there is
 * one; into what is behind a NAT there is no way. The outside knows nobody beyond its segment.
 */

import type { Problems } from '../../documents/problems.ts';
import { contains, parseAddress } from '../../domain/domain.ts';
import { formatSubnet, parseSubnet } from '../../domain/subnet.ts';
import { usable } from './addressing.ts';
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

/** Refuses what the kernel would refuse half-way, and next hops that nobody can be. */
function given(name: string, node: TopologyNode, map: RoutingMap, problems: Problems): Route[] {
  const targets = new Set<string>();
  return (node.routes ?? []).flatMap(({ to: target, via }, at) => {
    const path = ['topology', 'nodes', name, 'routes', at];
    const to = destinationOf(target);
    if (targets.has(to)) problems.at([...path, 'to'], `${name} has a route to ${to} already: remove one of them`);
    else if (map.isIn(name, to)) problems.at([...path, 'to'], `${name} is in ${to} itself: remove the route to it`);
    targets.add(to);
    const { device, wrong } = map.nextHop(name, via);
    if (device !== undefined) return [{ to, via, device }];
    problems.at([...path, 'via'], `${via} is ${wrong}, so it cannot be the next hop: name a neighbour's address`);
    return [];
  });
}

/** In the form in which two of the same are told to be. */
function destinationOf(text: string): string {
  const to = text === 'default' ? text : formatSubnet(parseSubnet(text));
  return to === '0.0.0.0/0' ? 'default' : to;
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

  isIn(node: string, prefix: string): boolean {
    return this.#of(node).some(({ segment }) => segment.prefix === prefix);
  }

  /** The device that leads to a neighbour's address; or else why it is none. */
  nextHop(node: string, via: string): { readonly device?: string; readonly wrong?: string } {
    const target = parseAddress(via);
    for (const { segment, device } of this.#of(node)) {
      if (segment.prefix === undefined || !contains(parseSubnet(segment.prefix), target)) continue;
      const [first, last] = usable(parseSubnet(segment.prefix));
      if (target.value < first || target.value > last) return { wrong: "the network's or broadcast address" };
      const own = this.#of(node).some(({ address }) => parseAddress(address).value === target.value);
      return own ? { wrong: `${node}'s own` } : { device };
    }
    return { wrong: `in none of ${node}'s prefixes` };
  }

  /** The default route of whoever forwards nothing. */
  gateway(name: string, host: string | undefined): Route[] {
    const routers = this.#of(name).flatMap(({ segment, device }) =>
      this.#forwardersIn(segment)
        .filter(({ node }) => node !== name && this.#of(node).length > 1)
        .map(({ node, address }) => ({ node, route: { to: 'default', via: address, device } })),
    );
    const chosen = routers.find(({ node }) => node === host) ?? routers[0];
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

  /** Forwarders that share a segment with it. */
  *#neighbours(name: string): Generator<{ member: string; hop: Omit<Route, 'to'> }> {
    for (const { segment, device } of this.#of(name)) {
      for (const { node, address } of this.#forwardersIn(segment))
        yield { member: node, hop: { via: address, device } };
    }
  }

  /** Without those that are met at the outer side of their NAT. */
  #forwardersIn({ members }: Segment): Segment['members'] {
    return members.filter(({ node, device }) => {
      const it = this.#nodes.get(node);
      return isForwarder(it) && it?.nat !== device;
    });
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
