/**
 * `ip link` for the links of all types. A link is created down and set up last. Its name stands behind `name` or `dev`: without, `ip`
 * takes `m` for `master`, and `up` for what it is to do.
 */
import type { Operation } from './commands.ts';
import { portFlags, sameGroup } from './identity.ts';
import { placeAlias } from './names.ts';
import type { BridgeLink, LinkCommon, LinkObject, MacvlanLink, Setting, VethLink, VxlanLink } from './objects.ts';

const link = (ns: string, ...args: readonly string[]): Operation => ({ tool: 'ip', ns, args: ['link', ...args] });
const add = (ns: string, name: string, ...args: readonly string[]) => link(ns, 'add', 'name', name, ...args);
const set = ({ ns, name }: LinkObject, ...args: readonly string[]) => link(ns, 'set', 'dev', name, ...args);

const flagNames = {
  learning: 'learning',
  neighSuppress: 'neigh_suppress',
  isolated: 'isolated',
  flood: 'flood',
} as const satisfies Record<(typeof portFlags)[number], string>;

export function linkCreation(o: LinkObject, host: string): Operation[] {
  switch (o.type) {
    case 'bridge':
      return [add(o.ns, o.name, ...plain(o), ...placed(o)), ...named(o), ...finish(o)];
    case 'vxlan':
      return [addVxlan(o, host), ...(o.master === undefined ? [] : [set(o, 'master', o.master)]), ...finish(o)];
    case 'veth':
      if (o.secondary) return [set(o, ...plain(o), ...master(o)), ...finish(o)];
      return [addVeth(o, host), ...finish(o)];
    case 'macvlan':
      return [addMacvlan(o, host), ...finish(o)];
    case 'loopback':
      return finish(o);
  }
}

/** A device that is created from one namespace straight into another keeps its UDP socket in the first. */
function addVxlan(o: VxlanLink, host: string): Operation {
  const { underlay = '' } = o;
  const into = o.ns === underlay ? [] : ['netns', o.ns === '' ? host : o.ns];
  const type = ['type', 'vxlan', 'id', String(o.vni), 'dstport', String(o.dstPort), 'local', o.local, 'dev', o.device];
  const group = o.group === undefined ? [] : ['group', o.group];
  const ttl = o.ttl === undefined ? [] : ['ttl', String(o.ttl)];
  return add(underlay, o.name, ...into, ...plain(o), ...type, ...group, ...ttl, o.learning ? 'learning' : 'nolearning');
}

/** An MTU that a bridge was made with gives way to its ports' least; what it is set to later does not. */
function named(o: BridgeLink): Operation[] {
  if (o.inPlaceOf === undefined) return [];
  return [set(o, 'mtu', String(o.mtu), 'alias', placeAlias(o.inPlaceOf))];
}

/** In an interface's place it floods multicast, as a plain switch does. */
function placed(o: BridgeLink): string[] {
  if (o.inPlaceOf === undefined) return ['type', 'bridge'];
  return ['type', 'bridge', 'mcast_snooping', '0'];
}

/** From inside the first end's namespace, so that creation, port and up are one batch. */
function addVeth(o: VethLink, host: string): Operation {
  const { peer } = o;
  const mac = peer.mac === undefined ? [] : ['address', peer.mac];
  const into = peer.ns === o.ns ? [] : ['netns', peer.ns === '' ? host : peer.ns];
  const other = ['peer', 'name', peer.name, 'mtu', String(peer.mtu), ...mac, ...into];
  return add(o.ns, o.name, ...numbered(o), ...plain(o), ...master(o), 'type', 'veth', ...other);
}

/** From inside its lower device's namespace. Of mode `passthru` it takes that device's MAC, whatever it is told here. */
function addMacvlan(o: MacvlanLink, host: string): Operation {
  const into = o.ns === o.lower.ns ? [] : ['netns', o.ns === '' ? host : o.ns];
  const type = ['type', 'macvlan', 'mode', ...o.mode.split(' ')];
  const { mac: _, ...rest } = o;
  const own = plain(o.mode.startsWith('passthru') ? rest : o);
  return add(o.lower.ns, o.name, ...numbered(o), 'link', o.lower.name, ...into, ...own, ...type);
}

const numbered = (o: { readonly index?: number }) => (o.index === undefined ? [] : ['index', String(o.index)]);
const grouped = (o: LinkCommon) => (o.linkGroup === undefined ? [] : ['group', String(o.linkGroup)]);
const plain = (o: LinkCommon) => {
  return ['mtu', String(o.mtu), ...(o.mac === undefined ? [] : ['address', o.mac]), ...grouped(o)];
};
const master = (o: LinkObject) => (o.master === undefined ? [] : ['master', o.master]);

function finish(o: LinkObject): Operation[] {
  return [...setPort(o, undefined), ...settingsGiven(o.ns, o.settings), ...(o.up ? [set(o, 'up')] : [])];
}

/** All of them by one command. */
export function settingsGiven(ns: string, settings: readonly Setting[] = []): Operation[] {
  if (settings.length === 0) return [];
  return [{ tool: 'sysctl', ns, args: ['-w', ...settings.map(({ key, value }) => `${key}=${value}`)] }];
}

function setPort(after: LinkObject, before: LinkObject | undefined): Operation[] {
  const flags = portFlags.flatMap((flag) => {
    const value = after.port?.[flag];
    return value === undefined || value === before?.port?.[flag] ? [] : [flagNames[flag], value ? 'on' : 'off'];
  });
  return flags.length === 0 ? [] : [set(after, 'type', 'bridge_slave', ...flags)];
}

export function linkChanges(before: LinkObject, after: LinkObject): Operation[] {
  const change = (...args: string[]) => set(after, ...args);
  const moved = before.master !== after.master;
  return [
    ...(before.up && !after.up ? [change('down')] : []),
    ...(after.type === 'bridge' && before.type === 'bridge' && after.inPlaceOf !== before.inPlaceOf
      ? named(after)
      : []),
    ...(before.mtu === after.mtu ? [] : [change('mtu', String(after.mtu))]),
    ...(after.mac === undefined || before.mac === after.mac ? [] : [change('address', after.mac)]),
    ...(sameGroup(before, after) ? [] : [change('group', String(after.linkGroup ?? 0))]),
    ...(moved ? [after.master === undefined ? change('nomaster') : change('master', after.master)] : []),
    // A port's flags start anew on another bridge.
    ...setPort(after, moved ? undefined : before),
    ...(after.up && !before.up ? [change('up')] : []),
  ];
}

export function linkDeletion(o: LinkObject): Operation[] {
  if (o.type === 'loopback') return [set(o, 'down')];
  return [link(o.ns, 'del', 'dev', o.name)];
}
