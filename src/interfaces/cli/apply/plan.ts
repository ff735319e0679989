/** What has to be done so that a cluster is as a file says. Pure. */
import { whyShared } from '../../../domain/lan.ts';
import { appliedLabel } from '../../../domain/names.ts';
import { modeText } from '../../../domain/network-mode.ts';
import type { ContainerView, NetworkView } from '../../../protocol/views.ts';
import type { Wanted, WantedContainer, WantedNetwork } from './wanted.ts';

/** Of what the file names, and of what was applied from it before: what there is. */
export interface Seen {
  readonly networks: ReadonlyMap<string, NetworkView>;
  /** With their `spec`. */
  readonly containers: ReadonlyMap<string, ContainerView>;
}

export type Act = 'create' | 'replace' | 'start' | 'remove' | 'keep' | 'leave' | 'refuse';

export interface Change {
  readonly kind: 'network' | 'container';
  readonly name: string;
  /** keep: it is as it should be. leave: it is no more in the file, and stays. refuse: it cannot be made so. */
  readonly act: Act;
  /** Why; for `refuse`, what to do. */
  readonly why: readonly string[];
}

/** In the order in which it is done, but for what waits for something else. */
export function planOf(wanted: Wanted, seen: Seen, prune: boolean): Change[] {
  const named = new Set(wanted.containers.map(({ name }) => name));
  const former = [...seen.containers.values()].filter((each) => !named.has(each.name) && isOurs(wanted, each));
  return [
    ...former.map((each): Change => {
      const act = prune ? 'remove' : 'leave';
      return { kind: 'container', name: each.name, act, why: ['it is not in the file any more'] };
    }),
    ...wanted.networks.map((each) => networkChange(each, seen.networks.get(each.name))),
    ...wanted.containers.map((each) => containerChange(wanted, each, seen.containers.get(each.name))),
  ];
}

export const isWork = ({ act }: Change): boolean => act !== 'keep' && act !== 'leave';

const isOurs = ({ name }: Wanted, { labels }: ContainerView): boolean => labels?.[appliedLabel] === name;

function networkChange(wanted: WantedNetwork, there: NetworkView | undefined): Change {
  const { name, external, driver, subnet = 'a free subnet' } = wanted;
  const change = (act: Act, ...why: string[]): Change => ({ kind: 'network', name, act, why });
  if (external) return there ? change('keep') : change('refuse', `create it first: trama network create ${name}`);
  const shared = whyShared(wanted);
  if (there === undefined) return change('create', driver, subnet, ...(shared === undefined ? [] : [shared]));
  const other = differences(asItIs(wanted, there), { ...there, group: undefined });
  if (other.length === 0) return change('keep');
  return change('refuse', ...other, `a network cannot be changed: trama network rm ${name} first, or correct the file`);
}

/** What the file says of it, and nothing that is left to the server: a subnet, and the router of a LAN. */
function asItIs({ external: _, name: __, ...said }: WantedNetwork, there: NetworkView): Record<string, unknown> {
  const { gateway } = there.options;
  const chosen = said.driver === 'lan' && gateway !== undefined ? { gateway } : {};
  return { ...said, options: { ...chosen, ...said.options } };
}

function containerChange(wanted: Wanted, { name, run }: WantedContainer, there: ContainerView | undefined): Change {
  const change = (act: Act, ...why: string[]): Change => ({ kind: 'container', name, act, why });
  if (there === undefined)
    return change('create', run.spec.image, ...(run.node === undefined ? [] : [`on ${run.node}`]));
  if (!isOurs(wanted, there))
    return change('refuse', `it was not made from ${wanted.name}: trama rm ${name} first, or rename yours`);
  const node = run.node === undefined || run.node === there.node ? [] : [`node: ${there.node} → ${run.node}`];
  // Whoever kept the label keeps the rest as well.
  const other = [...node, ...specDifferences(run.spec, there.spec ?? run.spec)];
  if (other.length > 0) return change('replace', ...other);
  if (there.status === 'failed') return change('replace', `it has failed: ${there.message}`);
  const over = there.status === 'exited' && !(there.exitCode === 0 && there.restart === 'no');
  return over ? change('start', `it has ended (${there.exitCode ?? '?'})`) : change('keep');
}

type Spec = WantedContainer['run']['spec'];

function specDifferences(wanted: Spec, there: Spec): string[] {
  // What is not in the file any more has to go. `attach` was said of one start only.
  const gone = ['networkMode', 'pid', 'hostname', 'onNodeLoss', 'autoRemove'].map((key) => [key, undefined] as const);
  const { env, labels, networks, attach: _, ...rest } = wanted;
  return [
    ...differences({ ...Object.fromEntries(gone), ...rest }, there),
    ...setDifferences('environment', keyed(env), keyed(there.env)),
    ...setDifferences('labels', labels, there.labels),
    ...differences({ networks: attachments(networks) }, { networks: attachments(there.networks) }),
  ];
}

/** The built-in network is what a container gets that names none. */
function attachments(networks: Spec['networks']): string[] {
  const named = networks.length === 0 ? [{ network: 'bridge', aliases: [], address: undefined }] : networks;
  return named
    .map(({ network, address, aliases }) =>
      [network, address, ...aliases].filter((part) => part !== undefined).join(' '),
    )
    .sort();
}

const keyed = (env: readonly string[]): Record<string, string> =>
  Object.fromEntries(env.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]));

/** Values may be secrets: only names are told. */
function setDifferences(what: string, wanted: Record<string, string>, there: Record<string, string>): string[] {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(there)])].sort();
  const told = names.flatMap((name) => {
    if (wanted[name] === there[name]) return [];
    return [wanted[name] === undefined ? `-${name}` : there[name] === undefined ? `+${name}` : `${name} changed`];
  });
  return told.length === 0 ? [] : [`${what}: ${told.join(', ')}`];
}

function differences(wanted: Readonly<Record<string, unknown>>, there: object): string[] {
  const has = there as Readonly<Record<string, unknown>>;
  return Object.keys(wanted)
    .filter((key) => canonical(wanted[key]) !== canonical(has[key]))
    .map((key) => `${key}: ${shown(has[key])} → ${shown(wanted[key])}`);
}

/** Whatever the order of keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  ) ?? 'undefined';

function shown(value: unknown): string {
  if (value === undefined) return 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(shown).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('containerPort' in value) return portText(value as Spec['ports'][number]);
  if ('container' in value) return modeText(value as { container: string });
  const inside = Object.entries(value).map(([key, inner]) => `${key}=${shown(inner)}`);
  return inside.length === 0 ? 'none' : inside.join(' ');
}

function portText({ hostAddress, hostPort, hostPortEnd, containerPort, protocol }: Spec['ports'][number]): string {
  const host = hostPort === 0 ? 'any' : hostPortEnd === undefined ? String(hostPort) : `${hostPort}-${hostPortEnd}`;
  return `${hostAddress === undefined ? '' : `${hostAddress}:`}${host}:${containerPort}/${protocol}`;
}
