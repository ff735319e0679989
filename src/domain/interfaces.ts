/**
 * Names of what Trama makes in a kernel. Linux allows 15 characters (IFNAMSIZ less the terminator); all begin with `tr`,
 * which is how its own links are told from others'.
 */
import { fnv1a } from './hash.ts';

/** The network namespace of the data plane. */
export const dataNamespace = 'trama';

/** In the data namespace. */
export const bridgeName = (vni: number): string => `trb${vni}`;
/** In the data namespace; port of the bridge. */
export const vxlanName = (vni: number): string => `trx${vni}`;
/** In the host's namespace: carries the node's address, its containers' gateway. */
export const gatewayName = (vni: number): string => `trg${vni}`;
/** The other end of `gatewayName`: in the data namespace, port of the bridge. */
export const gatewayPortName = (vni: number): string => `trh${vni}`;

/** A container's veth: the end in the data namespace, port of the bridge. */
export const endpointPortName = (endpointId: string): string => `trv${endpointMark(endpointId)}`;
/** A container's veth: the end that is handed to the container, and renamed there. */
export const endpointPeerName = (endpointId: string): string => `trp${endpointMark(endpointId)}`;

/**
 * Numbers of the first ends of veth pairs. Were the two ends left to their namespaces' own counting, which begins with 1 in
 * each, they would often get the same one, and the kernel then lets a second pass before a bridge forwards anything for
 * the pair (`linkwatch_urgent_event` takes a link with its peer's number for one without a peer).
 */
export const gatewayIndex = (vni: number): number => ownIndexes + vni;
export const endpointPortIndex = (endpointId: string): number =>
  ownIndexes + (fnv1a(endpointMark(endpointId)) % ownIndexes);

/** Up to twice that, the highest there is; namespaces' own counting gets there after a thousand million links. */
const ownIndexes = 2 ** 30;

/** Ten hex digits: the beginning of Docker's endpoint id, or a hash of an id of another form. */
function endpointMark(id: string): string {
  if (/^[0-9a-f]{10}/.test(id)) return id.slice(0, 10);
  const high = fnv1a(id).toString(16).padStart(8, '0');
  const low = fnv1a(`${id}#`).toString(16).padStart(8, '0');
  return high + low.slice(0, 2);
}
