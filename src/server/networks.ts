/** Making networks. Whoever makes one judges all there are, on condition that they are still all there are. */
import {
  builtInNetwork,
  checkDiscovery,
  checkDriver,
  checkForDriver,
  checkMtu,
  checkNetworkOptions,
  checkNewNetworkName,
  checkVni,
  chooseSubnet,
  chooseVni,
  clashes,
  decideLan,
  defaultMtu,
  Failure,
  formatSubnet,
  isFailure,
  multicastGroup,
  type NetworkRecord,
  parentOf,
  parseNetworkSubnet,
  whyNotOn,
} from '../domain/domain.ts';
import { ask, type ParsedParams } from '../protocol/protocol.ts';
import { change } from './change.ts';
import type { Context, Methods } from './context.ts';
import { allOf, networkKey, networkNameKey, networkSetKey, vniKey } from './keys.ts';
import { findNetwork, networkView } from './network-view.ts';
import { absent, asSeen, type Found, put, read, readAll, type StoredNode } from './records.ts';
import type { Once } from './requests.ts';

type Asked = ParsedParams<'network.create'>;

/** IANA's port of VXLAN. */
const vxlanPort = 4789;

export const networkMethods: Methods<'network.create'> = {
  'network.create': async (context, params, call) => {
    checkNewNetworkName(params.name);
    const network = await make(context, params, context.requests.of(call));
    if (!params.dryRun) await untilEverywhere(context, network);
    return networkView(network);
  },
};

/** Hosts need some tenths of a second, all at once. */
const everywhereMs = 3000;

/**
 * Who has made a network may use it with docker on any host the next moment. A node that cannot have it now, or is slow, gets
 * it later by itself.
 */
async function untilEverywhere({ bus, log }: Context, network: NetworkRecord): Promise<void> {
  const nodes = bus.connectedNodes().map(async (node) => {
    try {
      await ask(bus.toNode(node), 'network.ensure', { network: network.id }, { deadlineMs: everywhereMs });
    } catch (error) {
      log.debug('a node has not got a network yet', { node, network: network.name, error });
    }
  });
  await Promise.all(nodes);
}

/** A network that a container is to be in. The built-in one is made when nobody has used it yet. @throws Failure */
export async function usedNetwork(context: Context, name: string): Promise<Found<NetworkRecord>> {
  const found = await findNetwork(context, name).catch((error) => {
    if (name === builtInNetwork && isFailure(error, 'not-found')) return undefined;
    throw error;
  });
  if (found !== undefined) return found;
  try {
    await make(context, { ...builtIn, name });
  } catch (error) {
    // Another container's start may have made it meanwhile.
    return findNetwork(context, name).catch(() => {
      throw error;
    });
  }
  return findNetwork(context, name);
}

const builtIn = { driver: 'bridge', discovery: 'registry', internal: false, options: {}, dryRun: false } as const;

function make(context: Context, params: Asked, once?: Once): Promise<NetworkRecord> {
  return context.turns.take('network-set', async () => {
    context.epoch.checkSettled('a new network');
    const plan = async () => {
      const set = await read(context.store, networkSetKey);
      const network = await decide(context, params);
      return {
        conditions: [
          asSeen(networkSetKey, set),
          ...[networkKey(network.id), networkNameKey(network.name), vniKey(network.vni)].map(absent),
        ],
        writes: params.dryRun
          ? []
          : [
              put(networkSetKey, network.id),
              put(networkKey(network.id), network),
              put(networkNameKey(network.name), network.id),
              put(vniKey(network.vni), network.id),
            ],
        result: network,
      };
    };
    const { result } = await change(context, `network ${params.name}`, plan, once);
    return result;
  });
}

/** The network that was asked for, with what was left open chosen. @throws Failure `invalid`, `conflict`, `exhausted` */
async function decide(context: Context, params: Asked): Promise<NetworkRecord> {
  const { name } = params;
  const driver = checkDriver(params.driver);
  checkNetworkOptions(driver, params.options);
  const discovery = checkDiscovery(params.discovery);
  checkForDriver(driver, { discovery, ...(params.vni === undefined ? {} : { vni: params.vni }) });
  const asked = params.subnet === undefined ? undefined : formatSubnet(parseNetworkSubnet(params.subnet));
  const askedVni = params.vni === undefined ? undefined : checkVni(params.vni);
  const askedMtu = params.mtu === undefined ? undefined : checkMtu(params.mtu);
  const networks = (await readAll<NetworkRecord>(context.store, allOf('networks'))).map(({ value }) => value);
  const nodes = (await readAll<StoredNode>(context.store, allOf('nodes'))).map(({ value }) => value);
  const { subnet, options, hosts } =
    driver === 'lan'
      ? placedInLan(decideLan(withSubnet(params, asked), networks, nodes), nodes)
      : { subnet: asked ?? chooseSubnet(networks, nodes), options: params.options, hosts: nodes };
  const vni = askedVni ?? chooseVni(networks.map((network) => network.vni));
  const mtu = askedMtu ?? defaultMtu(hosts, driver);
  const clash = clashes({ name, driver, subnet, vni, mtu }, networks, hosts);
  if (clash !== undefined) throw new Failure('conflict', clash);
  return {
    id: Buffer.from(context.random.bytes(6)).toString('hex'),
    name,
    driver,
    subnet,
    vni,
    mtu,
    discovery,
    ...(discovery === 'multicast' ? { group: multicastGroup(vni) } : {}),
    port: vxlanPort,
    internal: params.internal,
    options,
    createdAt: context.clock.now(),
  };
}

const withSubnet = ({ options, internal }: Asked, subnet: string | undefined) => {
  return { options, internal, ...(subnet === undefined ? {} : { subnet }) };
};

/** In a LAN a host has the MTU of its interface there. */
function placedInLan(decided: Pick<NetworkRecord, 'subnet' | 'options'>, nodes: readonly StoredNode[]) {
  const network = { driver: 'lan', ...decided } as const;
  const hosts = nodes.map((node) => {
    const mtu = whyNotOn(network, node) === undefined ? parentOf(network, node)?.mtu : undefined;
    return mtu === undefined ? { ...node, underlayMtu: anyMtu } : { ...node, underlayMtu: mtu };
  });
  return { ...decided, hosts: hosts.some(({ underlayMtu }) => underlayMtu !== anyMtu) ? hosts : nodes };
}

/** Of a host that is not in the network. */
const anyMtu = 65_535;
