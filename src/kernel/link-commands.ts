/** `ip link` for the links of the three types. A link is created down and set up last. */
import type { Operation } from './commands.ts';
import { portFlags } from './identity.ts';
import type { LinkObject, VethLink, VxlanLink } from './objects.ts';

const link = (ns: string, ...args: readonly string[]): Operation => ({ tool: 'ip', ns, args: ['link', ...args] });

const flagNames = {
  learning: 'learning',
  neighSuppress: 'neigh_suppress',
  isolated: 'isolated',
  flood: 'flood',
} as const satisfies Record<(typeof portFlags)[number], string>;

export function linkCreation(o: LinkObject, host: string): Operation[] {
  switch (o.type) {
    case 'bridge':
      return [link(o.ns, 'add', o.name, ...plain(o), 'type', 'bridge'), ...finish(o)];
    case 'vxlan':
      return [
        addVxlan(o),
        ...(o.master === undefined ? [] : [link(o.ns, 'set', o.name, 'master', o.master)]),
        ...finish(o),
      ];
    case 'veth':
      if (o.secondary) return [link(o.ns, 'set', o.name, ...plain(o), ...master(o)), ...finish(o)];
      return [addVeth(o, host), ...finish(o)];
  }
}

/** A device that is created from `''` straight into another namespace keeps its UDP socket in `''`. */
function addVxlan(o: VxlanLink): Operation {
  const into = o.ns === '' ? [] : ['netns', o.ns];
  const type = ['type', 'vxlan', 'id', String(o.vni), 'dstport', String(o.dstPort), 'local', o.local, 'dev', o.device];
  const group = o.group === undefined ? [] : ['group', o.group];
  const ttl = o.ttl === undefined ? [] : ['ttl', String(o.ttl)];
  return link(
    '',
    'add',
    o.name,
    ...into,
    ...plain(o),
    ...type,
    ...group,
    ...ttl,
    o.learning ? 'learning' : 'nolearning',
  );
}

/** From inside the first end's namespace, so that creation, port and up are one batch. */
function addVeth(o: VethLink, host: string): Operation {
  const { peer } = o;
  const mac = peer.mac === undefined ? [] : ['address', peer.mac];
  const into = peer.ns === o.ns ? [] : ['netns', peer.ns === '' ? host : peer.ns];
  const other = ['peer', 'name', peer.name, 'mtu', String(peer.mtu), ...mac, ...into];
  const index = o.index === undefined ? [] : ['index', String(o.index)];
  return link(o.ns, 'add', o.name, ...index, ...plain(o), ...master(o), 'type', 'veth', ...other);
}

const plain = (o: LinkObject) => ['mtu', String(o.mtu), ...(o.mac === undefined ? [] : ['address', o.mac])];
const master = (o: LinkObject) => (o.master === undefined ? [] : ['master', o.master]);

function finish(o: LinkObject): Operation[] {
  return [...setPort(o, undefined), ...(o.up ? [link(o.ns, 'set', o.name, 'up')] : [])];
}

function setPort(after: LinkObject, before: LinkObject | undefined): Operation[] {
  const flags = portFlags.flatMap((flag) => {
    const value = after.port?.[flag];
    return value === undefined || value === before?.port?.[flag] ? [] : [flagNames[flag], value ? 'on' : 'off'];
  });
  return flags.length === 0 ? [] : [link(after.ns, 'set', after.name, 'type', 'bridge_slave', ...flags)];
}

export function linkChanges(before: LinkObject, after: LinkObject): Operation[] {
  const set = (...args: string[]) => link(after.ns, 'set', after.name, ...args);
  const moved = before.master !== after.master;
  return [
    ...(before.up && !after.up ? [set('down')] : []),
    ...(before.mtu === after.mtu ? [] : [set('mtu', String(after.mtu))]),
    ...(after.mac === undefined || before.mac === after.mac ? [] : [set('address', after.mac)]),
    ...(moved ? [after.master === undefined ? set('nomaster') : set('master', after.master)] : []),
    // A port's flags start anew on another bridge.
    ...setPort(after, moved ? undefined : before),
    ...(after.up && !before.up ? [set('up')] : []),
  ];
}

export function linkDeletion(o: LinkObject): Operation[] {
  return [link(o.ns, 'del', o.name)];
}
