/**
 * Docker's protocol for remote network and IPAM drivers: JSON over HTTP POST. See `remote.md` and `ipam.md` in moby's
 * libnetwork documentation. Go sends absent maps and lists as null, absent strings as "".
 */
import { z } from 'zod';

const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined);
const anything = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((value) => value ?? {});
const strings = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {});

/** Keys of `Options`. */
export const labels = {
  /** The map of `docker network create -o`. */
  generic: 'com.docker.network.generic',
  internal: 'com.docker.network.internal',
  enableIpv6: 'com.docker.network.enable_ipv6',
  mac: 'com.docker.network.endpoint.macaddress',
  portMap: 'com.docker.network.portmap',
  gateway: 'com.docker.network.gateway',
  requestAddressType: 'RequestAddressType',
} as const;

const id = z.string().min(1).max(256);

/** `Gateway` is a CIDR, and so are the `AuxAddresses`, by names of the user's. */
const ipamData = z
  .array(z.object({ AddressSpace: text, Pool: text, Gateway: text, AuxAddresses: strings }))
  .nullish()
  .transform((value) => value ?? []);

export const createNetwork = z.object({ NetworkID: id, Options: anything, IPv4Data: ipamData, IPv6Data: ipamData });
export const deleteNetwork = z.object({ NetworkID: id });

/** `Address` is a CIDR. */
const endpointInterface = z
  .object({ Address: text, AddressIPv6: text, MacAddress: text })
  .nullish()
  .transform((value) => value ?? { Address: undefined, AddressIPv6: undefined, MacAddress: undefined });

export const createEndpoint = z.object({
  NetworkID: id,
  EndpointID: id,
  Interface: endpointInterface,
  Options: anything,
});
/** DeleteEndpoint, Leave, EndpointOperInfo. */
export const endpointReference = z.object({ NetworkID: id, EndpointID: id });
export const join = z.object({ NetworkID: id, EndpointID: id, SandboxKey: z.string().min(1), Options: anything });

/** With the container's own labels as Options, among them its port bindings. */
export const programExternalConnectivity = z.object({ NetworkID: id, EndpointID: id, Options: anything });

/** `Proto` is the protocol's number. `HostPort` 0: any free one; with a `HostPortEnd`: any of that range. */
export const portMap = z
  .array(
    z.object({
      Proto: z.number(),
      Port: z.number(),
      HostIP: text,
      HostPort: z.number().nullish(),
      HostPortEnd: z.number().nullish(),
    }),
  )
  .nullish()
  .transform((value) => value ?? []);

export const requestPool = z.object({
  AddressSpace: text,
  Pool: text,
  SubPool: text,
  Options: strings,
  V6: z.boolean().nullish(),
});
export const releasePool = z.object({ PoolID: id });
/** `Address` has no prefix length. */
export const requestAddress = z.object({ PoolID: id, Address: text, Options: strings });
export const releaseAddress = z.object({ PoolID: id, Address: z.string().min(1) });

/** `RouteType` of a static route. */
export const routeTypes = { nextHop: 0, connected: 1 } as const;
