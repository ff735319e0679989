/**
 * Names of what Trama makes in a kernel. Linux allows 15 characters (IFNAMSIZ less the terminator); all begin with `tr`,
 * which is how its own links are told from others'.
 */
import { fnv1a } from './hash.ts';

/** `proto` number of Trama's routes. */
export const routeProtocol = '84';

/** The network namespace of the data plane. */
export const dataNamespace = 'trama';

/** In the data namespace. */
export const bridgeName = (vni: number): string => `trb${vni}`;
/** In the data namespace; port of the bridge. */
export const vxlanName = (vni: number): string => `trx${vni}`;
/** In the host's namespace, standing on the bridge: carries the node's address, its containers' gateway. */
export const gatewayName = (vni: number): string => `trg${vni}`;

/** A container's veth: the end in the data namespace, port of the bridge. */
export const endpointPortName = (endpointId: string): string => `trv${endpointMark(endpointId)}`;
/** A container's veth: the end that is handed to the container, and renamed there. */
export const endpointPeerName = (endpointId: string): string => `trp${endpointMark(endpointId)}`;

/** A container's veth where it has no bridge: the end in the host's namespace. Named as gateways are, whose filters it shares. */
export const endpointLinkName = (endpointId: string): string => `trg-${endpointMark(endpointId)}`;

/** In the host's namespace: a bridge in the place of an interface of the host's. */
export const placeName = (vni: number): string => `trl${vni}`;
/** In the host's namespace: a port of a bridge in the hosts' LAN, and the way from there to `uplinkPortName`. */
export const uplinkName = (vni: number): string => `tru${vni}`;
/** In the data namespace, port of the bridge: the other end of `uplinkName`. */
export const uplinkPortName = (vni: number): string => `trw${vni}`;
/** A container's macvlan, until it is handed to the container, and renamed there. */
export const endpointMacvlanName = (endpointId: string): string => `trm${endpointMark(endpointId)}`;

/** In the data namespace: a macvlan by which addresses are asked of a LAN for another interface with this MAC. */
export const probeName = (mac: string): string => `trd${mac.replaceAll(':', '').slice(2)}`;

/**
 * Numbers of gateways and of the first ends of veth pairs. Were a link and what it leads to in another namespace left to their
 * namespaces' own counting, which begins with 1 in each, they would often get the same one, and the kernel then lets a second
 * pass before anything is carried (`linkwatch_urgent_event` takes a link with its peer's number for one without a peer).
 */
export const gatewayIndex = (vni: number): number => ownIndexes + vni;
/** Of the pair to a LAN; never that of the gateway's, whose numbers grow from the other end. */
export const uplinkIndex = (vni: number): number => 2 * ownIndexes - 1 - vni;
export const endpointPortIndex = (endpointId: string): number =>
  ownIndexes + (fnv1a(endpointMark(endpointId)) % ownIndexes);

/** Group of the links that lead into networks with a way out: "trao" as a number, which nobody else has for a group. */
export const outwardGroup = 0x7472616f;

/** The same of the nodes' own links into LANs ("tral"), which are there for their containers alone. */
export const lanGroup = 0x7472616c;

/** Up to twice that, the highest there is; namespaces' own counting gets there after a thousand million links. */
const ownIndexes = 2 ** 30;

/** Ten hex digits: the beginning of Docker's endpoint id, or a hash of an id of another form. */
function endpointMark(id: string): string {
  if (/^[0-9a-f]{10}/.test(id)) return id.slice(0, 10);
  const high = fnv1a(id).toString(16).padStart(8, '0');
  const low = fnv1a(`${id}#`).toString(16).padStart(8, '0');
  return high + low.slice(0, 2);
}

/** Bridges and ends of what makes networks of its own on a host, Trama among them. A bridge in an interface's place is none. */
const ofNetworks = /^(lo$|tr[bxghvpuwmd]|docker|br-|virbr|vnet|veth|cni|flannel|cali|podman|lxcbr|lxdbr|tailscale)/;

/** Whether a host may stand among others by an interface of this name. */
export const mayBePlace = (name: string): boolean => !ofNetworks.test(name);
