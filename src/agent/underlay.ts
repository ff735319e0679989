/** Which address of the host is its place on the underlay, and what else the server must know of it. */
import { Failure } from '../domain/domain.ts';
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
}

interface RouteLine {
  readonly dst: string;
  readonly dev?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly protocol?: string;
  readonly type?: string;
}

interface LinkLine {
  readonly ifname: string;
  readonly mtu: number;
  readonly addr_info: readonly {
    readonly family: string;
    readonly local?: string;
    readonly scope?: string;
    readonly secondary?: boolean;
  }[];
}

/** Prefix of every interface that Trama makes. */
const ownInterface = /^tr[bxghvp]/;

/**
 * @param wanted an address of this host to use instead of the default route's.
 * @throws Failure('invalid') when `wanted` is not an address of the host, or nothing was asked for and there is no default route.
 */
export async function findUnderlay(spawn: Spawn, wanted?: string): Promise<Underlay> {
  const [routeText, linkText] = await Promise.all([
    output(spawn, { argv: ['ip', '-j', '-4', 'route', 'show', 'table', 'main'] }),
    output(spawn, { argv: ['ip', '-j', '-4', 'address', 'show'] }),
  ]);
  return chooseUnderlay(parseList<RouteLine>(routeText), parseList<LinkLine>(linkText), wanted);
}

/** The pure half of `findUnderlay`. */
export function chooseUnderlay(routes: readonly RouteLine[], links: readonly LinkLine[], wanted?: string): Underlay {
  const chosen = wanted === undefined ? byDefaultRoute(routes, links) : byAddress(links, wanted);
  return { ...chosen, routes: subnetsOf(routes) };
}

function byAddress(links: readonly LinkLine[], wanted: string): Omit<Underlay, 'routes'> {
  const link = links.find((link) => link.addr_info.some((info) => info.local === wanted));
  if (link === undefined) {
    const own = links.flatMap((link) => link.addr_info.map((info) => `${info.local} (${link.ifname})`)).join(', ');
    throw new Failure('invalid', `${wanted} is not an address of this host; it has ${own}`);
  }
  return {
    address: wanted,
    interface: link.ifname,
    mtu: link.mtu,
    reason: `address ${wanted} of ${link.ifname}, as asked for`,
  };
}

function byDefaultRoute(routes: readonly RouteLine[], links: readonly LinkLine[]): Omit<Underlay, 'routes'> {
  const route = routes
    .filter((route) => route.dst === 'default' && route.dev !== undefined)
    .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))[0];
  if (route === undefined) {
    throw new Failure(
      'invalid',
      'this host has no default route to tell its address by: say which address to use with --address IP',
    );
  }
  const link = links.find((link) => link.ifname === route.dev);
  const info = link?.addr_info.find((info) => info.scope === 'global' && !info.secondary) ?? link?.addr_info[0];
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

function subnetsOf(routes: readonly RouteLine[]): string[] {
  const subnets = routes
    .filter((route) => route.dst !== 'default' && !(route.dev !== undefined && ownInterface.test(route.dev)))
    .filter((route) => route.type === undefined || route.type === 'unicast')
    .map((route) => (route.dst.includes('/') ? route.dst : `${route.dst}/32`));
  return [...new Set(subnets)].sort();
}

/** iproute2 prints nothing at all, instead of `[]`, for an empty list. */
function parseList<T>(text: string): T[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
}
