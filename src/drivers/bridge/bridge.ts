/**
 * Node-local networks with NAT, as Docker's bridge: on every host a segment, and nothing that joins them. Containers on
 * different hosts have different addresses of one subnet and do not reach one another; a bridge that has no port to the
 * others' carries their frames nowhere.
 */
import { endpointPortName } from '../../domain/domain.ts';
import type { Driver } from '../drivers.ts';
import { networkElements } from '../segment/filters.ts';
import { attached, insideSandbox, portEntry, segment } from '../segment/segment.ts';

export const bridge: Driver = {
  network(_host, network, gateway) {
    return [...segment(network, gateway), ...networkElements(network, gateway)];
  },

  localEndpoint(_host, network, endpoint) {
    return [...attached(network, endpoint), portEntry(endpointPortName(endpoint.id), endpoint.mac)];
  },

  restoredEndpoint(_host, network, endpoint, _own, sandbox) {
    return [
      ...attached(network, endpoint, sandbox),
      portEntry(endpointPortName(endpoint.id), endpoint.mac),
      ...insideSandbox(network, endpoint, sandbox),
    ];
  },

  remoteEndpoint() {
    return [];
  },
};
