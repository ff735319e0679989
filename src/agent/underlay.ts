/** Which address of the host is its place on the underlay, and what else the server must know of it. */
import { Failure, type HostInterface, mayBePlace, routeProtocol } from '../domain/domain.ts';
import { output, type Spawn } from '../platform/platform.ts';

export interface Underlay {
  readonly address: string;
  readonly interface: string;
  /** Bytes. */
  readonly mtu: number;
  /** Which was taken, and why; a sentence. */
  readonly reason: string;
  /** Subnets the host has routes to, in CIDR: not the default route, not Trama's own. */
  readonly routes: readonly string[];
  /** Those that people name: no container's, none of Trama's or of a Docker network. */
  readonly interfaces: readonly HostInterface[];
  /** The port of `interface`, if that is a bridge of Trama's in its place. */
  readonly port?: string;
}

interface RouteLine {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly protocol?: string;
  readonly type?: string;
}

interface LinkLine {
  readonly ifname: string;
  readonly ifalias?: string;
  readonly mtu: number;
  readonly flags?: readonly string[];
  readonly link_type?: string;
  readonly address?: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info: readonly {
    readonly family: string;
    readonly local?: string;
    readonly prefixlen?: number;
    readonly scope?: string;
    readonly secondary?: boolean;
  }[];
}

/** Prefix of every interface that Trama makes. */
const ownInterface = /^tr[bxghvpuwm]/;
/** A bridge in the place of an interface, which its alias names. */
const ownPlace = /^trl\d+$/;
const placeMark = 'in-place-of:';

/** Docker's bridges and its containers' ends. */
const engineInterface = /^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|veth[0-9a-f]{7})$/;

/**
 * @param wanted an address of this host to use instead of the default route's.
 * @throws Failure('invalid') when `wanted` is not an address of the host, or nothing was asked for, there is no default
 * route, and several interfaces could be meant.
 * @param former of a host that is there already
 */
export async function findUnderlay(spawn: Spawn, wanted?: string, former?: Former): Promise<Underlay> {
  const [routeText, linkText] = await Promise.all([
    output(spawn, { argv: ['ip', '-j', '-4', 'route', 'show', 'table', 'main'] }),
    output(spawn, { argv: ['ip', '-j', '-d', 'address', 'show'] }),
  ]);
  return chooseUnderlay(parseList<RouteLine>(routeText), parseList<LinkLine>(linkText), wanted, former);
}

/** The pure half of `findUnderlay`. */
export function chooseUnderlay(
  routes: readonly RouteLine[],
  links: readonly LinkLine[],
  wanted?: string,
  former?: Former,
): Underlay {
  const chosen = wanted === undefined ? byDefaultRoute(routes, links, former) : byAddress(links, wanted);
  const place = links.find(({ ifname }) => ifname === chosen.interface);
  const port = place && placeOf(place);
  return {
    ...chosen,
    routes: subnetsOf(routes),
    interfaces: interfacesOf(routes, links),
    ...(port === undefined ? {} : { port }),
  };
}

/** What was taken before. */
export type Former = Pick<Underlay, 'address' | 'reason'>;

type Chosen = Omit<Underlay, 'routes' | 'interfaces' | 'port'>;

function byAddress(links: readonly LinkLine[], wanted: string): Chosen {
  const link = links.find((link) => link.addr_info.some((info) => info.local === wanted));
  if (link === undefined) {
    const own = links.flatMap((link) => inet(link).map((info) => `${info.local} (${link.ifname})`)).join(', ');
    throw new Failure('invalid', `${wanted} is not an address of this host; it has ${own}`);
  }
  return {
    address: wanted,
    interface: link.ifname,
    mtu: link.mtu,
    reason: `address ${wanted} of ${link.ifname}, as asked for`,
  };
}

function byDefaultRoute(routes: readonly RouteLine[], links: readonly LinkLine[], former?: Former): Chosen {
  const route = routes
    .filter((route) => route.dst === 'default' && route.dev !== undefined)
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))[0];
  if (route === undefined) return withoutRoute(links, former);
  const link = links.find((link) => link.ifname === route.dev);
  const own = link?.addr_info.filter((info) => info.family === 'inet') ?? [];
  const info = own.find((info) => info.scope === 'global' && !info.secondary) ?? own[0];
  const address = route.prefsrc ?? info?.local;
  if (link === undefined || address === undefined) {
    throw new Failure(
      'invalid',
      `${route.dev} has the default route but no IPv4 address: say which to use with --address IP`,
    );
  }
  return {
    address,
    interface: link.ifname,
    mtu: link.mtu,
    reason: `address ${address} of ${link.ifname}, which has the default route`,
  };
}

/**
 * In a LAN without a way out there is nothing to choose from where a host has one interface. A host that has a place keeps it while its
 * default route is gone: that may come back, and what is left may be any network's.
 */
function withoutRoute(links: readonly LinkLine[], former?: Former): Chosen {
  const still = former && links.find((link) => inet(link).some(({ local }) => local === former.address));
  if (former !== undefined && still !== undefined)
    return { address: former.address, interface: still.ifname, mtu: still.mtu, reason: former.reason };
  const places = links
    .filter(({ ifname, link_type }) => link_type === 'ether' && mayBePlace(ifname))
    .filter(({ flags }) => flags?.includes('LOWER_UP'))
    .flatMap((link) => {
      const info = inet(link).find(({ scope, secondary }) => scope === 'global' && !secondary);
      return info?.local === undefined ? [] : [{ link, address: info.local }];
    });
  const [first, ...others] = places;
  if (former === undefined && first !== undefined && others.length === 0) {
    const { address, link } = first;
    return {
      ...{ address, interface: link.ifname, mtu: link.mtu },
      reason: `address ${address} of ${link.ifname}, the only one that this host has`,
    };
  }
  throw new Failure(
    'invalid',
    'this host has no default route to tell its address by: say which address to use with --address IP',
  );
}

const inet = (link: LinkLine) => link.addr_info.filter(({ family }) => family === 'inet');

/** Whose place a bridge of ours has. */
const placeOf = ({ ifname, ifalias }: LinkLine): string | undefined =>
  ownPlace.test(ifname) && ifalias?.startsWith(placeMark) ? ifalias.slice(placeMark.length) : undefined;

/** One whose place is taken is told of as it would be without that. */
function interfacesOf(routes: readonly RouteLine[], links: readonly LinkLine[]): HostInterface[] {
  const named = links.filter(
    ({ ifname, link_type }) =>
      link_type === 'ether' && ![ownInterface, ownPlace, engineInterface].some((pattern) => pattern.test(ifname)),
  );
  return named
    .map((link) => {
      const place = links.find((each) => placeOf(each) === link.ifname);
      const where = place?.ifname ?? link.ifname;
      const gateway = routes.find(({ dst, dev }) => dst === 'default' && dev === where)?.gateway;
      return {
        name: link.ifname,
        mac: (link.address ?? '').toLowerCase(),
        mtu: link.mtu,
        up: link.flags?.includes('LOWER_UP') ?? false,
        ...(link.linkinfo?.info_kind === 'bridge' ? { bridge: true } : {}),
        ...(link.master === undefined || link.master === place?.ifname ? {} : { master: link.master }),
        addresses: inet(place ?? link).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
        ...(gateway === undefined ? {} : { gateway }),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function subnetsOf(routes: readonly RouteLine[]): string[] {
  const subnets = routes
    .filter((route) => route.dst !== 'default' && !(route.dev !== undefined && ownInterface.test(route.dev)))
    .filter((route) => route.protocol !== routeProtocol)
    .filter((route) => route.type === undefined || route.type === 'unicast')
    .map((route) => (route.dst.includes('/') ? route.dst : `${route.dst}/32`));
  return [...new Set(subnets)].sort();
}

/** iproute2 prints nothing at all, instead of `[]`, for an empty list. */
function parseList<T>(text: string): T[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
}

/** As a message carries it. */
export const toldOf = (each: HostInterface) => ({ ...each, addresses: [...each.addresses] });
