/** How full each network is. */
import { assignableAddresses, capacityOf, lanOf, leaseHolds, parseSubnet, spaceOf } from '../../domain/domain.ts';
import type { NetworkView } from '../../protocol/protocol.ts';
import { type Asked, about, type Finding, notAsked } from '../finding.ts';

type Used = Pick<NetworkView, 'name' | 'subnet' | 'nodes' | 'containers'> &
  Partial<Pick<NetworkView, 'driver' | 'options'>>;

const lanIn = ({ driver, options = {} }: Used) => (driver === 'lan' ? lanOf({ driver, options }) : undefined);

const spaceIn = ({ driver, options = {}, subnet }: Used) =>
  driver === 'lan' ? spaceOf({ driver, options, subnet }) : parseSubnet(subnet);

/** Share of a network's addresses from which on somebody should think of a larger one. */
const crowded = 0.8;

/** @param node this host as a node; absent: it is none */
export function judgeAddresses(networks: Asked<readonly Used[]>, node?: string): Finding[] {
  if ('notAsked' in networks) return [notAsked('addresses', 'networks', networks)];
  if (networks.value.length === 0) return [about('addresses').pass('networks', 'there is none yet')];
  return networks.value.map((network) => judgeNetwork(network, node));
}

function judgeNetwork(network: Used, node: string | undefined): Finding {
  const { pass, warn, fail } = about('addresses');
  const addresses = used(network);
  const lan = lanIn(network);
  if (lan?.dhcp) return pass(network.name, `${addresses.length} addresses of the LAN's own server are in use`);
  const all = capacityOf(spaceIn(network));
  const found = `${addresses.length} of ${all} addresses of ${lan?.range ?? network.subnet} are in use`;
  const remedy = `Remove containers from ${network.name}, or make a network with a larger subnet and move them there.`;
  if (addresses.length >= all) return fail(network.name, found, remedy);
  if (node !== undefined && leftFor(node, network, all) <= 0) {
    return fail(network.name, `${found}, and other nodes hold the rest: none is left for ${node}`, remedy);
  }
  return addresses.length >= crowded * all ? warn(network.name, found, remedy) : pass(network.name, found);
}

interface UsedAddress {
  readonly node: string;
  readonly address: string;
}

function used({ nodes, containers }: Used): UsedAddress[] {
  const gateways = nodes
    .filter(({ gateway }) => gateway !== '')
    .map(({ node, gateway }) => ({ node, address: gateway }));
  return [...gateways, ...containers];
}

/** Addresses that the node could still assign: not in use, and not in blocks that others alone assign from. */
function leftFor(node: string, network: Used, all: number): number {
  const subnet = spaceIn(network);
  const others = network.nodes.filter((each) => each.node !== node).flatMap(({ blocks }) => blocks);
  const lent = others.reduce((sum, cidr) => sum + assignableAddresses(subnet, cidr).length, 0);
  const outside = used(network).filter(({ address }) => !others.some((cidr) => leaseHolds(cidr, address)));
  return all - lent - outside.length;
}
