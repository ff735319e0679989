/** A MAC is one endpoint's in its network: a second one would take the first one's frames. */
import { type EndpointRecord, Failure, type NetworkRecord } from '../domain/domain.ts';

/** @throws Failure('conflict') naming the container among `others` that has the MAC, and its node */
export function refuseTakenMac(network: NetworkRecord, wanted: EndpointRecord, others: Iterable<EndpointRecord>): void {
  for (const other of others) {
    // Of one address it is the same endpoint's, made anew or moved here, or the address is what is in dispute.
    if (other.mac !== wanted.mac || other.address === wanted.address) continue;
    const name = other.kind === 'gateway' ? '' : `container ${other.container?.name || other.id.slice(0, 12)} on `;
    throw new Failure(
      'conflict',
      `MAC ${wanted.mac} of network ${network.name} is in use by ${name}node ${other.node} (${other.address}): choose another`,
    );
  }
}
