/**
 * Node-local networks with NAT, as Docker's bridge: on every host a segment, and nothing that joins them. Containers on
 * different hosts have different addresses of one subnet and do not reach one another; a bridge that has no port to the
 * others' carries their frames nowhere.
 */
import { endpointPortName, gatewayPortName } from '../../domain/domain.ts';
import type { Driver } from '../drivers.ts';
import { networkElements } from '../segment/filters.ts';
import { attached, bridge as bridgeLink, gatewayPair, insideSandbox, portEntry } from '../segment/segment.ts';

export const bridge: Driver = {
  network(host, network, gateway) {
    return [
      bridgeLink(host, network),
      ...gatewayPair(network, gateway),
      portEntry(gatewayPortName(network.vni), gateway.mac),
      ...networkElements(network, gateway),
    ];
  },

  localEndpoint(_host, network, endpoint) {
    return [...attached(network, endpoint), portEntry(endpointPortName(endpoint.id), endpoint.mac)];
  },

  restoredEndpoint(_host, network, endpoint, sandbox) {
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
