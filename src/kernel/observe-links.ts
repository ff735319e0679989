/** Listings of `ip -j` and `bridge -j` as objects. */
import { canonicalDestination } from './identity.ts';
import { floodMac, isOwnLink, isSecondEnd, otherEnd } from './names.ts';
import type { AddressObject, FdbObject, LinkObject, NeighbourObject, RouteObject } from './objects.ts';

/** An element of `ip -j -d addr`; only what is used. */
interface LinkListing {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address?: string;
  readonly master?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Readonly<Record<string, unknown>>;
    readonly info_slave_data?: Readonly<Record<string, unknown>>;
  };
  readonly addr_info?: readonly {
    readonly family: string;
    readonly local: string;
    readonly prefixlen: number;
    readonly scope: string;
  }[];
}

/** Our links and their addresses. What the kernel gives by itself, link-local IPv6, is left out. */
export function readLinks(ns: string, listing: readonly unknown[]): (LinkObject | AddressObject)[] {
  return (listing as readonly LinkListing[]).flatMap((entry) => {
    const link = readLink(ns, entry);
    if (link === undefined) return [];
    const addresses = (entry.addr_info ?? [])
      .filter(({ family, scope }) => family === 'inet' || (family === 'inet6' && scope !== 'link'))
      .map(({ local, prefixlen }) => {
        return { kind: 'address', ns, device: entry.ifname, cidr: `${local}/${prefixlen}` } as const;
      });
    return [link, ...addresses];
  });
}

function readLink(ns: string, entry: LinkListing): LinkObject | undefined {
  const type = entry.linkinfo?.info_kind;
  if (!isOwnLink(entry.ifname, type)) return undefined;
  const port = entry.linkinfo?.info_slave_data;
  const common = {
    kind: 'link',
    ns,
    name: entry.ifname,
    mtu: entry.mtu,
    up: entry.flags.includes('UP'),
    ...(entry.address === undefined ? {} : { mac: entry.address }),
    ...(entry.master === undefined ? {} : { master: entry.master }),
    ...(port === undefined ? {} : { port: readPort(port) }),
  } as const;
  if (type === 'bridge') return { ...common, type };
  if (type === 'vxlan') return { ...common, type, ...readVxlan(entry.linkinfo?.info_data ?? {}) };
  const second = isSecondEnd(entry.ifname);
  // Where the other end is cannot be read; by convention the second end's first is on the host.
  const peer = { ns: '', name: otherEnd(entry.ifname), mtu: entry.mtu };
  return { ...common, type: 'veth', peer, ...(second ? { secondary: true } : {}) };
}

const readPort = (data: Readonly<Record<string, unknown>>) => ({
  learning: data.learning === true,
  neighSuppress: data.neigh_suppress === true,
  isolated: data.isolated === true,
  flood: data.flood === true,
});

/** `device` cannot be read once the VXLAN device stands in another namespace than its underlay's. */
const readVxlan = (data: Readonly<Record<string, unknown>>) => ({
  vni: Number(data.id),
  dstPort: Number(data.port),
  local: String(data.local ?? data.local6 ?? ''),
  device: '',
  learning: data.learning === true,
  ...(data.group === undefined ? {} : { group: String(data.group) }),
  ...(data.ttl === undefined ? {} : { ttl: Number(data.ttl) }),
});

interface RouteListing {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly prefsrc?: string;
}

/** @param listing routes with our protocol number. */
export function readRoutes(ns: string, listing: readonly unknown[]): RouteObject[] {
  return (listing as readonly RouteListing[]).map((route) => ({
    kind: 'route',
    ns,
    destination: canonicalDestination(route.dst),
    ...(route.gateway === undefined ? {} : { via: route.gateway }),
    device: route.dev ?? '',
    ...(route.prefsrc === undefined ? {} : { source: route.prefsrc }),
  }));
}

interface NeighbourListing {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  readonly state?: readonly string[];
}

/** Permanent entries on our links. */
export function readNeighbours(
  ns: string,
  listing: readonly unknown[],
  links: readonly LinkObject[],
): NeighbourObject[] {
  const own = new Set(links.map(({ name }) => name));
  return (listing as readonly NeighbourListing[]).flatMap(({ dst, dev, lladdr, state }) =>
    own.has(dev) && lladdr !== undefined && state?.includes('PERMANENT')
      ? [{ kind: 'neighbour', ns, device: dev, address: dst, mac: lladdr }]
      : [],
  );
}

interface ForwardingListing {
  readonly mac: string;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly state?: string;
  readonly dst?: string;
  readonly vlan?: number;
}

/**
 * Entries that somebody made: permanent ones in VXLAN devices' own tables (without the multicast group's, which the
 * kernel makes), static ones in bridges' tables, and permanent ones there, which make a bridge swallow frames, unless
 * the MAC is a port's or the bridge's own. Learned entries, and the copies per VLAN that a bridge keeps, are left out.
 */
export function readForwarding(ns: string, listing: readonly unknown[], links: readonly LinkObject[]): FdbObject[] {
  const byName = new Map(links.map((link) => [link.name, link]));
  const ownMacs = new Set(links.map(({ mac }) => mac));
  return (listing as readonly ForwardingListing[]).flatMap((entry): FdbObject[] => {
    const link = byName.get(entry.ifname);
    if (link === undefined || entry.vlan !== undefined) return [];
    const common = { kind: 'fdb', ns, device: entry.ifname, mac: entry.mac } as const;
    if (entry.flags.includes('self')) {
      const made = link.type === 'vxlan' && entry.state === 'permanent' && entry.dst !== undefined;
      if (!made || (entry.mac === floodMac && entry.dst === link.group)) return [];
      return [{ ...common, table: 'self', destination: entry.dst }];
    }
    const made = entry.state === 'static' || (entry.state === 'permanent' && !ownMacs.has(entry.mac));
    return entry.master !== undefined && made ? [{ ...common, table: 'master' }] : [];
  });
}
