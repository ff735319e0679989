import {
  appliedLabel,
  builtInNetwork,
  checkAlias,
  checkContainerName,
  checkEnv,
  checkFixedAddress,
  checkImage,
  checkNetworkMode,
  checkPublishedPorts,
  type EndpointRecord,
  Failure,
  joinedBy,
  lanOf,
  type NetworkRecord,
  noPortsIn,
  type PublishedPort,
  parseAddress,
  quoted,
  spaceOf,
  type WorkloadSpec,
} from '../domain/domain.ts';
import type { ParsedParams } from '../protocol/protocol.ts';
import type { Context } from './context.ts';
import { describe } from './holders.ts';
import { endpointKey } from './keys.ts';
import { usedNetwork } from './networks.ts';
import { type Found, read } from './records.ts';

type AskedSpec = ParsedParams<'workload.run'>['spec'];

export interface CheckedSpec {
  /** Networks by name, addresses canonical. */
  readonly spec: WorkloadSpec;
  readonly networks: readonly Found<NetworkRecord>[];
}

/** What was asked for, if it can be. @throws Failure `invalid`, `not-found` for a network, `conflict` for an address */
export async function checkSpec(context: Context, asked: AskedSpec): Promise<CheckedSpec> {
  checkImage(asked.image);
  for (const variable of asked.env) checkEnv(variable);
  const ports = checkPublishedPorts(asked.ports.map(present));
  if (asked.hostname !== undefined) checkHostname(asked.hostname);
  const own = Object.keys(asked.labels).find((label) => label.startsWith('trama.') && label !== appliedLabel);
  if (own)
    throw new Failure('invalid', `label ${quoted(own)} cannot be set: names that begin with "trama." are Trama's`);
  const modes = checkModes(asked);
  const networks: Found<NetworkRecord>[] = [];
  const attached: WorkloadSpec['networks'][number][] = [];
  for (const wanted of networksOf(asked)) {
    const network = await usedNetwork(context, wanted.network);
    for (const alias of wanted.aliases) checkAlias(alias);
    const address = wanted.address && (await checkAddress(context, network.value, wanted.address));
    networks.push(network);
    attached.push({ network: network.value.name, aliases: wanted.aliases, ...(address ? { address } : {}) });
  }
  const doubled = repeated(attached.map(({ network }) => network));
  if (doubled) throw new Failure('invalid', `network ${doubled} is named twice: a container is in a network once`);
  if (ports.length > 0) checkReachable(networks.map(({ value }) => value));
  if (asked.autoRemove && asked.restart !== 'no')
    throw new Failure('invalid', `a container that goes at its end is not restarted (${asked.restart}): leave out one`);
  if (asked.onNodeLoss && (modes.pid !== undefined || modes.networkMode !== undefined))
    throw new Failure(
      'invalid',
      'a container that joins another one is where that is: it cannot be rescheduled by itself',
    );
  const { image, command, env, restart, tty, stdin, attach, autoRemove, onNodeLoss, hostname, labels } = asked;
  const spec: WorkloadSpec = {
    ...{ image, command, env, networks: attached, ports, restart, tty, stdin, labels },
    ...modes,
    ...(attach === undefined ? {} : { attach }),
    ...(autoRemove === undefined ? {} : { autoRemove }),
    ...(onNodeLoss === undefined ? {} : { onNodeLoss }),
    ...(hostname === undefined ? {} : { hostname }),
  };
  return { spec, networks };
}

/** @throws Failure `invalid` */
function checkModes(asked: AskedSpec): Pick<WorkloadSpec, 'networkMode' | 'pid'> {
  const { networkMode, pid, hostname } = asked;
  for (const container of joinedBy(whose(networkMode, pid))) checkContainerName(container);
  checkNetworkMode({
    ...whose(networkMode, undefined),
    networks: asked.networks.length,
    ports: asked.ports.length,
    ...(hostname === undefined ? {} : { hostname }),
  });
  return whose(networkMode, pid);
}

const whose = (networkMode: AskedSpec['networkMode'], pid: AskedSpec['pid']) => ({
  ...(networkMode === undefined ? {} : { networkMode }),
  ...(pid === undefined ? {} : { pid }),
});

/** Without a word of networks it is on the built-in one, as docker's users expect. */
function networksOf({ networks, networkMode }: AskedSpec): AskedSpec['networks'] {
  return networks.length > 0 || networkMode !== undefined ? networks : [{ network: builtInNetwork, aliases: [] }];
}

/** Whether it is free is the node's to find out when the container starts; what is certain now is said now. */
export async function checkAddress({ store }: Context, network: NetworkRecord, text: string): Promise<string> {
  const address = checkFixedAddress(network.name, spaceOf(network), parseAddress(text));
  const endpoint = await read<EndpointRecord>(store, endpointKey(network.id, address));
  if (!endpoint) return address;
  const what = `address ${address} of network ${network.name} is in use by ${describe(endpoint)}`;
  throw new Failure('conflict', `${what}: choose another, or none to get a free one`);
}

/** Docker leaves such ports out without a word. @throws Failure `invalid` */
function checkReachable(networks: readonly NetworkRecord[]): void {
  const [first] = networks;
  const lan = networks.find((network) => lanOf(network) !== undefined);
  if (lan !== undefined && networks.every((network) => network.internal || lanOf(network) !== undefined))
    throw new Failure('invalid', noPortsIn(lan.name));
  if (first === undefined || networks.some(({ internal }) => !internal)) return;
  throw new Failure(
    'invalid',
    `network ${first.name} is internal, so that nobody outside reaches a port of its containers: leave out -p, or add a network that is not internal`,
  );
}

/** Without the keys whose value is undefined. */
function present({ hostAddress, hostPortEnd, ...port }: AskedSpec['ports'][number]): PublishedPort {
  return {
    ...port,
    ...(hostAddress === undefined ? {} : { hostAddress }),
    ...(hostPortEnd === undefined ? {} : { hostPortEnd }),
  };
}

function checkHostname(name: string): void {
  if (/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/.test(name)) return;
  throw new Failure('invalid', `${quoted(name)} is not a host name: use 1 to 63 letters, digits, "." and "-"`);
}

function repeated(texts: readonly string[]): string | undefined {
  return texts.find((text, i) => texts.indexOf(text) !== i);
}
