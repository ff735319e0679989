/** Listings of `ip -j` and `bridge -j` as objects. */
import { dataNamespace } from '../domain/domain.ts';
import { canonicalDestination } from './identity.ts';
import { floodMac, isOwnLink, isPlace, isSecondEnd, lowerName, otherEnd, placeOfAlias } from './names.ts';
import type { AddressObject, FdbObject, LinkObject, NeighbourObject, RouteObject, UplinkObject } from './objects.ts';

/** An element of `ip -j -d addr`; only what is used. */
interface LinkListing {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly link?: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address?: string;
  readonly master?: string;
  readonly group?: string;
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

/**
 * Our links and their addresses. What the kernel gives by itself, link-local IPv6, is left out; so is what stands on a bridge that
 * has taken an interface's place.
 */
export function readLinks(ns: string, listing: readonly unknown[]): (LinkObject | AddressObject | UplinkObject)[] {
  return (listing as readonly LinkListing[]).flatMap((entry): (LinkObject | AddressObject | UplinkObject)[] => {
    const link = readLink(ns, entry);
    if (link === undefined) return [];
    if (link.type === 'bridge' && isPlace(link.name)) {
      const device = link.inPlaceOf ?? foreignPort(listing as readonly LinkListing[], link.name);
      return device === undefined ? [link] : [link, { kind: 'uplink', ns, device, bridge: link.name }];
    }
    const addresses = (entry.addr_info ?? [])
      .filter(({ family, scope }) => family === 'inet' || (family === 'inet6' && scope !== 'link'))
      .map(({ local, prefixlen }) => {
        return { kind: 'address', ns, device: entry.ifname, cidr: `${local}/${prefixlen}` } as const;
      });
    return [link, ...addresses];
  });
}

/** The port of a bridge that is none of ours. */
function foreignPort(listing: readonly LinkListing[], bridge: string): string | undefined {
  const ports = listing.filter(({ master }) => master === bridge);
  return ports.find(({ ifname, linkinfo }) => !isOwnLink(ifname, linkinfo?.info_kind))?.ifname;
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
    ...readGroup(entry.group),
    ...(entry.master === undefined ? {} : { master: entry.master }),
    ...(port === undefined ? {} : { port: readPort(port) }),
  } as const;
  if (type === 'bridge') {
    const inPlaceOf = isPlace(entry.ifname) ? placeOfAlias(entry.ifalias) : undefined;
    return { ...common, type, ...(inPlaceOf === undefined ? {} : { inPlaceOf }) };
  }
  if (type === 'vxlan') return { ...common, type, ...readVxlan(entry.linkinfo?.info_data ?? {}) };
  if (type === 'macvlan') {
    const mode = readMode(entry.linkinfo?.info_data ?? {});
    // What it stands on is told by name within one namespace only; one that shares a MAC stands on a bridge of ours, by convention.
    const lower = mode.startsWith('passthru')
      ? { ns: dataNamespace, name: lowerName(entry.ifname) }
      : { ns: '', name: ns === '' ? (entry.link ?? '') : '' };
    return { ...common, type, lower, mode };
  }
  const second = isSecondEnd(entry.ifname);
  // Where the other end is cannot be read; by convention the second end's first is on the host.
  const peer = { ns: '', name: otherEnd(entry.ifname), mtu: entry.mtu };
  return { ...common, type: 'veth', peer, ...(second ? { secondary: true } : {}) };
}

/** Its name, if the machine has one for it, else its number. */
export function readGroup(text = 'default'): { readonly linkGroup?: number } {
  return text === 'default' || text === '0' ? {} : { linkGroup: Number(text) };
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

const readMode = ({ mode, nopromisc }: Readonly<Record<string, unknown>>) =>
  nopromisc === true ? `${mode} nopromisc` : String(mode);

interface RouteListing {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly prefsrc?: string;
  /** Absent for unicast. */
  readonly type?: string;
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
    ...(route.type === 'local' ? { local: true } : {}),
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
  const own = new Set(links.map(({ name }) => name).filter((name) => !isPlace(name)));
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
 * the MAC is a port's own. The bridge's own is among them: without that entry nothing reaches it. Learned entries, and the copies per VLAN that a bridge keeps, are left out.
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
    if (entry.master === entry.ifname) {
      // What else a bridge in an interface's place takes for its own is the host's.
      const told = entry.state === 'permanent' && (entry.mac === link.mac || !isPlace(link.name));
      return told ? [{ ...common, table: 'self' }] : [];
    }
    const made = entry.state === 'static' || (entry.state === 'permanent' && !ownMacs.has(entry.mac));
    return entry.master !== undefined && made ? [{ ...common, table: 'master' }] : [];
  });
}
