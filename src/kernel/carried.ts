/**
 * What stands on an interface of the host's and goes with its place (`UplinkObject`): addresses, routes, permanent neighbours. As
 * `ip -j` lists them, and as arguments of `ip` for another interface. Pure.
 *
 * Left out is what the kernel makes by itself: connected and local routes, link-local and temporary IPv6 addresses; and routes of
 * Trama's own, which follow the host's place by themselves.
 */
import { Failure, routeProtocol } from '../domain/domain.ts';

/** Of `ip -j addr`, `addr_info`. */
export interface CarriedAddress {
  readonly family: string;
  readonly local: string;
  /** The other end, of a point-to-point address. */
  readonly address?: string;
  readonly prefixlen: number;
  readonly broadcast?: string;
  readonly scope: string;
  readonly metric?: number;
  readonly label?: string;
  readonly noprefixroute?: boolean;
  readonly mngtmpaddr?: boolean;
  readonly nodad?: boolean;
  readonly temporary?: boolean;
  /** Seconds; 2^32-1: for ever. */
  readonly valid_life_time?: number;
  readonly preferred_life_time?: number;
}

/** Of `ip -j -d route`. */
export interface CarriedRoute {
  readonly type?: string;
  readonly dst: string;
  readonly src?: string;
  readonly tos?: string;
  readonly gateway?: string;
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  readonly table?: string;
  readonly protocol?: string;
  readonly scope?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly flags?: readonly string[];
  readonly metrics?: readonly Readonly<Record<string, unknown>>[];
  /** Seconds. */
  readonly expires?: number;
  readonly pref?: string;
  readonly nexthops?: readonly {
    readonly gateway?: string;
    readonly via?: { readonly family: string; readonly host: string };
    readonly dev?: string;
    readonly weight?: number;
    readonly flags?: readonly string[];
  }[];
}

export interface CarriedNeighbour {
  readonly dst: string;
  readonly lladdr: string;
}

export interface Carried {
  readonly addresses: readonly CarriedAddress[];
  /** Their interface is called as that which they are carried for, wherever they are now. */
  readonly routes: readonly CarriedRoute[];
  readonly neighbours: readonly CarriedNeighbour[];
}

export const nothingCarried: Carried = { addresses: [], routes: [], neighbours: [] };

/** Neighbours are of no use where there is nothing else. */
export const isEmpty = ({ addresses, routes }: Carried): boolean => addresses.length + routes.length === 0;

/** @param listed of one interface */
export function carriedAddresses(listed: readonly CarriedAddress[]): CarriedAddress[] {
  return listed.filter(({ family, scope, temporary }) => family === 'inet' || (scope !== 'link' && !temporary));
}

/** Those by way of an interface, also in part. @param listed of all tables */
export function carriedRoutes(listed: readonly CarriedRoute[], device: string, as = device): CarriedRoute[] {
  const own = (dev: string | undefined) => dev === device;
  return listed
    .filter(({ dev, nexthops }) => own(dev) || nexthops?.some((hop) => own(hop.dev)))
    .filter(({ protocol, table }) => protocol !== 'kernel' && protocol !== routeProtocol && table !== 'local')
    .map((route) => ({
      ...route,
      ...(own(route.dev) ? { dev: as } : {}),
      ...(route.nexthops === undefined
        ? {}
        : { nexthops: route.nexthops.map((hop) => (own(hop.dev) ? { ...hop, dev: as } : hop)) }),
    }));
}

const addressKey = ({ family, local, address = '', prefixlen }: CarriedAddress) =>
  `${family} ${local} ${address} ${prefixlen}`;
const routeKey = (route: CarriedRoute) => {
  const { dst, src = '', tos = '', table = 'main', metric = 0 } = route;
  return [isSix(route), dst, src, tos, table, metric].join(' ');
};

/** A default route without a gateway does not say it otherwise. */
const isSix = ({ dst, gateway = '', pref }: CarriedRoute): boolean =>
  pref !== undefined || `${dst} ${gateway}`.includes(':');

/** Everything that one of them has; of what several have, the first one's counts. An address lives as long as any of them says: it was renewed. */
export function united(...all: readonly Carried[]): Carried {
  const first = <T>(each: readonly T[], key: (one: T) => string) => {
    const found = new Map<string, T>();
    for (const one of each) if (!found.has(key(one))) found.set(key(one), one);
    return [...found.values()];
  };
  const addresses = all.flatMap(({ addresses }) => addresses);
  return {
    addresses: first(addresses, addressKey).map((each) => {
      const same = addresses.filter((other) => addressKey(other) === addressKey(each));
      const { valid_life_time: valid, preferred_life_time: preferred } = longestLived(same) ?? each;
      return { ...each, ...lives({ valid, preferred }) };
    }),
    routes: first(
      all.flatMap(({ routes }) => routes),
      routeKey,
    ),
    neighbours: first(
      all.flatMap(({ neighbours }) => neighbours),
      ({ dst }) => dst,
    ),
  };
}

const longestLived = (some: readonly CarriedAddress[]): CarriedAddress | undefined =>
  some.toSorted((a, b) => (b.valid_life_time ?? forever) - (a.valid_life_time ?? forever))[0];

/** What is there now, with the names and flags that its addresses had on the interface itself: in its place they have others. */
export function labelledAs(now: Carried, former: Carried): Carried {
  const before = new Map(former.addresses.map((each) => [addressKey(each), each]));
  return {
    ...now,
    addresses: now.addresses.map(({ label: _, nodad, ...each }) => {
      const known: Pick<CarriedAddress, 'label' | 'nodad'> = before.get(addressKey(each)) ?? (nodad ? { nodad } : {});
      return {
        ...each,
        ...(known.label === undefined ? {} : { label: known.label }),
        ...(known.nodad ? { nodad: true } : {}),
      };
    }),
  };
}

/** Whether they are the same but for the time that is left of them; one that was renewed is another. */
export function sameCarried(now: Carried, former: Carried): boolean {
  const timeless = (_key: string, value: unknown) =>
    ['valid_life_time', 'preferred_life_time', 'expires', 'used', 'age', 'flags'].includes(_key) ? undefined : value;
  if (JSON.stringify(now, timeless) !== JSON.stringify(former, timeless)) return false;
  const renewed = (some: number | undefined, other: number | undefined) => (some ?? 0) > (other ?? 0) + renewal;
  return !now.addresses.some((each, i) => renewed(each.valid_life_time, former.addresses[i]?.valid_life_time));
}

/** Seconds. */
const renewal = 60;

/** What is left of lifetimes some time later. What has come to its end meanwhile is left out. */
export function aged(carried: Carried, seconds: number): Carried {
  if (seconds <= 0) return carried;
  const left = (life: number | undefined) =>
    life === undefined || life === forever ? life : Math.max(0, Math.floor(life - seconds));
  return {
    ...carried,
    addresses: carried.addresses
      .map((each) => ({
        ...each,
        ...lives({ valid: left(each.valid_life_time), preferred: left(each.preferred_life_time) }),
      }))
      .filter((each) => each.valid_life_time !== 0),
    routes: carried.routes
      .map((each) => (each.expires === undefined ? each : { ...each, expires: left(each.expires) ?? 0 }))
      .filter((each) => each.expires !== 0),
  };
}

const forever = 2 ** 32 - 1;

function lives({ valid, preferred }: { valid: number | undefined; preferred: number | undefined }) {
  return {
    ...(valid === undefined ? {} : { valid_life_time: valid }),
    ...(preferred === undefined ? {} : { preferred_life_time: preferred }),
  };
}

/**
 * Of IPv6 the kernel lists the newest first: added so, they are listed as they were. Taken away the other way round, those that are
 * left stay first.
 */
export function asAdded(addresses: readonly CarriedAddress[]): CarriedAddress[] {
  const of = (family: string) => addresses.filter((each) => each.family === family);
  return [...of('inet'), ...of('inet6').reverse()];
}

/**
 * @param at the interface itself: there an address has its name, and IPv6 looks whether somebody else has it. In its place that is
 * known: it was not given up.
 */
export function addressAddition(entry: CarriedAddress, device: string, at: 'itself' | 'place'): string[] {
  const { valid_life_time: valid = forever, preferred_life_time: preferred = forever } = entry;
  const words = (name: string, value: string | number | undefined) => (value === undefined ? [] : [name, `${value}`]);
  const life = (seconds: number) => (seconds === forever ? 'forever' : `${seconds}`);
  return [
    ...['addr', 'replace', ...addressWords(entry), 'dev', device],
    ...words('brd', entry.broadcast),
    ...words('scope', entry.scope),
    ...words('metric', entry.metric),
    ...(at === 'itself' && isLabelOf(entry.label, device) ? words('label', entry.label) : []),
    ...(entry.noprefixroute ? ['noprefixroute'] : []),
    ...(entry.mngtmpaddr ? ['mngtmpaddr'] : []),
    ...(entry.family === 'inet6' && (at === 'place' || entry.nodad) ? ['nodad'] : []),
    ...(valid === forever ? [] : ['valid_lft', life(valid), 'preferred_lft', life(preferred)]),
  ];
}

/** The kernel refuses others. */
const isLabelOf = (label: string | undefined, device: string): boolean =>
  label !== undefined && (label === device || label.startsWith(`${device}:`));

export function addressDeletion(entry: CarriedAddress, device: string): string[] {
  return ['addr', 'del', ...addressWords(entry), 'dev', device];
}

function addressWords({ local, address, prefixlen }: CarriedAddress): string[] {
  return address === undefined ? [`${local}/${prefixlen}`] : [local, 'peer', `${address}/${prefixlen}`];
}

/** What an entry may have that is understood; `flags` are of the moment but for `onlink`. */
const known = new Set<string>([
  ...['type', 'dst', 'src', 'tos', 'gateway', 'via', 'dev', 'table', 'protocol', 'scope', 'prefsrc', 'metric', 'flags'],
  ...['metrics', 'expires', 'pref', 'nexthops', 'error', 'used', 'age'],
  // Of a next-hop object: where it leads is told beside it.
  ...['nhid', 'nh_info'],
]);
const knownMetrics = [
  ...['mtu', 'advmss', 'window', 'ssthresh', 'cwnd', 'reordering', 'hoplimit', 'initcwnd', 'initrwnd'],
  ...['quickack', 'fastopen_no_cookie'],
];
const knownOfHops = ['gateway', 'via', 'dev', 'weight', 'flags'];

function strangeIn(route: CarriedRoute): string | undefined {
  const others = (of: readonly object[] | undefined, told: readonly string[]) =>
    (of ?? []).flatMap((each) => Object.keys(each)).filter((key) => !told.includes(key));
  const strange = [
    ...Object.keys(route).filter((key) => !known.has(key)),
    ...others(route.nexthops, knownOfHops),
    ...others(route.metrics, knownMetrics),
  ];
  return strange[0];
}

/** Of a kind that can be written down again. */
export const isMovable = (route: CarriedRoute): boolean => strangeIn(route) === undefined;

/** @throws Failure `invalid` for one that is not movable */
export function routeReplacement(route: CarriedRoute, from: string, to: string): string[] {
  const strange = strangeIn(route);
  if (strange !== undefined) {
    throw new Failure(
      'invalid',
      `the route to ${route.dst} by ${from} has ${strange}, which Trama cannot move: take it away, or give a bridge as the parent`,
    );
  }
  const six = isSix(route);
  const words = (name: string, value: string | number | undefined) => (value === undefined ? [] : [name, `${value}`]);
  const hop = (each: Pick<CarriedRoute, 'gateway' | 'via' | 'dev'>) => [
    ...words('via', each.gateway),
    ...(each.via === undefined ? [] : ['via', each.via.family, each.via.host]),
    ...words('dev', each.dev === from ? to : each.dev),
  ];
  const onlink = (flags: readonly string[] = []) => (flags.includes('onlink') ? ['onlink'] : []);
  return [
    ...['route', 'replace', ...(route.type === undefined || route.type === 'unicast' ? [] : [route.type])],
    six && route.dst === 'default' ? '::/0' : route.dst,
    ...words('from', route.src),
    ...words('tos', route.tos),
    ...(route.nexthops === undefined ? hop(route) : []),
    ...words('table', route.table),
    ...words('proto', route.protocol),
    ...(six ? [] : words('scope', route.scope)),
    ...words('src', route.prefsrc),
    ...words('metric', route.metric),
    ...(route.metrics ?? []).flatMap((all) =>
      knownMetrics.flatMap((name) => words(name, typeof all[name] === 'number' ? all[name] : undefined)),
    ),
    ...(route.nexthops === undefined ? onlink(route.flags) : []),
    ...words('expires', route.expires),
    ...(six ? words('pref', route.pref) : []),
    ...(route.nexthops ?? []).flatMap((each) => [
      'nexthop',
      ...hop(each),
      ...words('weight', each.weight),
      ...onlink(each.flags),
    ]),
  ];
}

/** Those without a gateway first: by way of them the others' gateways are reached. */
export function inReach(routes: readonly CarriedRoute[]): CarriedRoute[] {
  const direct = ({ gateway, via, nexthops }: CarriedRoute) => (gateway ?? via ?? nexthops) === undefined;
  return [...routes.filter(direct), ...routes.filter((route) => !direct(route))];
}
