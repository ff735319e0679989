/** What a step does, as arguments of `ip`, `bridge`, `tc`, `nft`, `conntrack`, `iptables` and `sysctl`. Nothing here runs anything. */
import { Failure, routeProtocol } from '../domain/domain.ts';
import { byKind, iptablesMark, type Of, type PerKind } from './identity.ts';
import { linkChanges, linkCreation, linkDeletion } from './link-commands.ts';
import { floodMac } from './names.ts';
import {
  chainStatements,
  elementStatement,
  mapElementAddition,
  mapElementDeletion,
  mapStatement,
  setStatement,
} from './nft-text.ts';
import type { IptablesObject, KernelObject } from './objects.ts';
import type { Step } from './steps.ts';
import { placeGivenBack, placeTaken } from './uplink-commands.ts';

/** A UDP port of one of the host's addresses, or of all of them. */
export type UdpPort = readonly [port: string] | readonly [port: string, address: string];

/** One invocation of a tool in one namespace; those that follow one another there go into one batch. */
export type Operation =
  | {
      readonly tool: 'ip' | 'bridge' | 'tc' | 'iptables' | 'sysctl';
      readonly ns: string;
      readonly args: readonly string[];
      /** Those of one `together` end at the first that fails, except those that are `tried` at their end. */
      readonly together?: string;
      readonly tried?: true;
    }
  /** Forgets what connection tracking knows of datagrams to a port of the host's, see `forget.ts`. */
  | { readonly tool: 'conntrack'; readonly ns: string; readonly args: UdpPort }
  /** Waits until what is sent by a device is sent, at most a second. */
  | { readonly tool: 'carrier'; readonly ns: string; readonly args: readonly [device: string] }
  /** `ip netns …` */
  | { readonly tool: 'netns'; readonly ns: ''; readonly args: readonly string[] }
  /** Applied together or not at all. `admits`: what comes after it, other than of nft, need not wait for it. */
  | { readonly tool: 'nft'; readonly ns: string; readonly statements: readonly string[]; readonly admits?: true };

/**
 * @param host how `ip` finds the host's own namespace from inside another: a pid in it, or a path. Pid 1 normally is.
 */
export function operationsOf(step: Step, host = '1'): readonly Operation[] {
  const operations =
    step.op === 'create'
      ? byKind(creations(host), step.after)
      : step.op === 'delete'
        ? byKind(deletions, step.before)
        : changes(step.before, step.after, host);
  for (const operation of operations) refuseUnsafe(operation);
  return operations;
}

const ip = (ns: string, ...args: readonly string[]): Operation => ({ tool: 'ip', ns, args });
const tc = (ns: string, verb: string, device: string, ...discipline: readonly string[]): Operation => {
  return { tool: 'tc', ns, args: ['qdisc', verb, 'dev', device, 'root', ...discipline] };
};
const nft = (ns: string, ...statements: readonly string[]): Operation => ({ tool: 'nft', ns, statements });

const creations = (host: string): PerKind<readonly Operation[]> => ({
  namespace: (o) => [{ tool: 'netns', ns: '', args: ['netns', 'add', o.name] }],
  link: (o) => linkCreation(o, host),
  uplink: placeTaken,
  qdisc: (o) => [tc(o.ns, 'replace', o.device, ...bucket(o))],
  address: (o) => [ip(o.ns, 'addr', 'replace', o.cidr, 'dev', o.device)],
  route: routeCreation,
  neighbour: (o) => [ip(o.ns, 'neigh', 'replace', o.address, 'lladdr', o.mac, 'dev', o.device, 'nud', 'permanent')],
  fdb: (o) => [fdbOperation(o.mac === floodMac ? 'append' : 'replace', o)],
  'nft-table': (o) => [nft(o.ns, `add table ${o.family} ${o.table}`)],
  'nft-set': (o) => [nft(o.ns, setStatement(o))],
  'nft-element': (o) => [{ ...nft(o.ns, elementStatement('add', o)), ...(o.admits ? { admits: true } : {}) }],
  'nft-map': (o) => [nft(o.ns, mapStatement(o))],
  'nft-map-element': (o) => [nft(o.ns, mapElementAddition(o)), ...forgotten(o)],
  'nft-chain': (o) => [nft(o.ns, ...chainStatements(o))],
  iptables: (o) => [iptables('-I', o)],
  sysctl: (o) => [{ tool: 'sysctl', ns: o.ns, args: ['-w', `${o.key}=${o.value}`] }],
});

const deletions: PerKind<readonly Operation[]> = {
  namespace: (o) => [{ tool: 'netns', ns: '', args: ['netns', 'del', o.name] }],
  link: linkDeletion,
  uplink: placeGivenBack,
  qdisc: (o) => [tc(o.ns, 'del', o.device)],
  address: (o) => [ip(o.ns, 'addr', 'del', o.cidr, 'dev', o.device)],
  route: (o) => [ip(o.ns, 'route', 'del', ...routeArguments(o))],
  neighbour: (o) => [ip(o.ns, 'neigh', 'del', o.address, 'dev', o.device)],
  fdb: (o) => [fdbOperation('del', o)],
  'nft-table': (o) => [nft(o.ns, `delete table ${o.family} ${o.table}`)],
  'nft-set': (o) => [nft(o.ns, `delete set ${o.family} ${o.table} ${o.name}`)],
  'nft-element': (o) => [nft(o.ns, elementStatement('delete', o))],
  'nft-map': (o) => [nft(o.ns, `delete map ${o.family} ${o.table} ${o.name}`)],
  'nft-map-element': (o) => [nft(o.ns, mapElementDeletion(o)), ...forgotten(o)],
  'nft-chain': (o) => {
    const chain = `${o.family} ${o.table} ${o.name}`;
    return [nft(o.ns, `flush chain ${chain}`, `delete chain ${chain}`)];
  },
  iptables: (o) => [iptables('-D', o)],
  // Without a previous value it goes away with its interface.
  sysctl: (o) =>
    o.previous === undefined ? [] : [{ tool: 'sysctl', ns: o.ns, args: ['-w', `${o.key}=${o.previous}`] }],
};

function changes(before: KernelObject, after: KernelObject, host: string): readonly Operation[] {
  if (after.kind === 'link' && before.kind === 'link') return linkChanges(before, after);
  if (after.kind === 'route') return [ip(after.ns, 'route', 'replace', ...routeArguments(after))];
  // nft refuses another value for a key; in one transaction the key is never missing.
  if (after.kind === 'nft-map-element') {
    return [nft(after.ns, mapElementDeletion(after), mapElementAddition(after)), ...forgotten(after)];
  }
  // In this order: iptables takes a rule with another comment for the same when it deletes.
  if (after.kind === 'iptables' && before.kind === 'iptables') return [iptables('-D', before), iptables('-I', after)];
  // The others' creation replaces the value that is there.
  return byKind(creations(host), after);
}

/** See `NftMapElementObject`. Of TCP nothing needs to be forgotten: who connects anew makes an entry of its own. */
function forgotten(o: Of<'nft-map-element'>): Operation[] {
  const [port = '', protocol, address] = o.key.toReversed();
  if (protocol !== 'udp') return [];
  return [{ tool: 'conntrack', ns: o.ns, args: address === undefined ? [port] : [port, address] }];
}

/** What cannot be sent within 50 ms is dropped. */
function bucket(o: Of<'qdisc'>): string[] {
  return ['tbf', 'rate', `${o.rate}bit`, 'burst', String(o.burst), 'latency', '50ms'];
}

function routeCreation(o: Of<'route'>): Operation[] {
  // Not `replace`: the same destination may be somebody else's route.
  if (!o.local) return [ip(o.ns, 'route', 'add', ...routeArguments(o))];
  // An interface with that address brings a local route of its own.
  return [ip(o.ns, 'link', 'set', o.device, 'up'), ip(o.ns, 'route', 'append', ...routeArguments(o))];
}

function routeArguments(o: Of<'route'>): string[] {
  return [
    ...(o.local ? ['local'] : []),
    o.destination,
    ...(o.via === undefined ? [] : ['via', o.via]),
    'dev',
    o.device,
    'proto',
    o.protocol ?? routeProtocol,
    ...(o.source === undefined ? [] : ['src', o.source]),
  ];
}

function fdbOperation(verb: 'append' | 'replace' | 'del', o: Of<'fdb'>): Operation {
  const destination = o.destination === undefined ? [] : ['dst', o.destination];
  const state = verb === 'del' ? [] : [o.table === 'self' ? 'permanent' : 'static'];
  return { tool: 'bridge', ns: o.ns, args: ['fdb', verb, o.mac, 'dev', o.device, ...destination, o.table, ...state] };
}

function iptables(verb: '-I' | '-D', o: IptablesObject): Operation {
  const mark = iptablesMark(o);
  const comment = mark === undefined ? [] : ['-m', 'comment', '--comment', mark];
  return { tool: 'iptables', ns: o.ns, args: ['-w', '5', '-t', o.table, verb, o.chain, ...comment, ...o.rule] };
}

/** Batches are split at blanks and newlines: what could end a word or a line never gets there. */
function refuseUnsafe(operation: Operation): void {
  const unsafe =
    operation.tool === 'nft'
      ? operation.statements.find((statement) => /[\n\0]/.test(statement))
      : operation.args.find((word) => word === '' || /[\s"'\\#\0]/.test(word));
  if (unsafe !== undefined) {
    throw new Failure('invalid', `${JSON.stringify(unsafe)} cannot be given to ${operation.tool}: correct the name.`);
  }
}
