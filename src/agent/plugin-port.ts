import type { PublishedPort } from '../domain/domain.ts';

/**
 * What the agent offers to the plugins that container engines call. A plugin translates a foreign protocol into these
 * calls and adds nothing of its own.
 *
 * Every call may be repeated by an engine that did not hear the answer, and after the engine's or the agent's restart:
 * an implementation is idempotent. Failures reach whoever started the container, so their sentences are for a person.
 * Addresses are canonical text; those with a prefix length are called `cidr` or say so.
 */
export interface NetworkPlugin {
  /** The engine asks for a pool. `network`: the name or id of a Trama network, if it was given. `pool`: a CIDR. */
  requestPool(request: PoolRequest): Promise<{ readonly poolId: string; readonly pool: string }>;
  releasePool(poolId: string): Promise<void>;
  /** @returns the address with its prefix length. `gateway`: it is for the network's gateway, not for a container. */
  requestAddress(request: AddressRequest): Promise<{ readonly cidr: string }>;
  /** `address` without a prefix length. */
  releaseAddress(request: { readonly poolId: string; readonly address: string }): Promise<void>;

  createNetwork(request: NetworkRequest): Promise<void>;
  deleteNetwork(dockerNetworkId: string): Promise<void>;
  /** @returns only what the request left empty. */
  createEndpoint(request: EndpointRequest): Promise<{ readonly address?: string; readonly mac?: string }>;
  /** Makes the interface that the engine then moves into the sandbox and renames. */
  join(request: JoinRequest): Promise<Attachment>;
  /**
   * The endpoint is its container's way to the outside from now on: its ports are published. Called before the container's
   * process starts, so that a port that somebody has keeps it from starting.
   */
  publish(request: PublishRequest): Promise<void>;
  /** Another endpoint is the way to the outside, or none. */
  unpublish(request: EndpointReference): Promise<void>;
  leave(request: EndpointReference): Promise<void>;
  deleteEndpoint(request: EndpointReference): Promise<void>;
  /** What `docker inspect` could show of an endpoint. */
  endpointInfo(request: EndpointReference): Promise<Record<string, string>>;
}

export interface PoolRequest {
  /** `--ipam-opt network=`. */
  readonly network?: string;
  readonly pool?: string;
  readonly v6: boolean;
}

export interface AddressRequest {
  readonly poolId: string;
  /** Somebody asks for this one, without a prefix length. */
  readonly address?: string;
  readonly gateway: boolean;
  readonly mac?: string;
}

export interface NetworkRequest {
  readonly dockerNetworkId: string;
  /** `-o network=`. */
  readonly network?: string;
  /** CIDR. */
  readonly subnet?: string;
  /** Without a prefix length. */
  readonly gateway?: string;
  readonly internal: boolean;
  readonly ipv6: boolean;
  /** Everything given by `-o`. */
  readonly options: Record<string, string>;
}

export interface EndpointReference {
  readonly dockerNetworkId: string;
  readonly endpointId: string;
}

export interface EndpointRequest extends EndpointReference {
  /** CIDR. */
  readonly address?: string;
  readonly mac?: string;
  /** As the engine sent them. */
  readonly options: Record<string, unknown>;
}

export interface JoinRequest extends EndpointReference {
  /** The container's network namespace, e.g. `/var/run/docker/netns/1a2b3c4d5e6f`. */
  readonly sandboxPath: string;
  /** Ports of the container are to be published. */
  readonly publishes?: boolean;
  /** As the engine sent them. */
  readonly options: Record<string, unknown>;
}

export interface PublishRequest extends EndpointReference {
  /** `hostPort` 0: any free one. */
  readonly ports: readonly PublishedPort[];
}

export interface Attachment {
  /** Name of the interface, in the engine's network namespace. */
  readonly sourceName: string;
  /** In the container it is called so, plus a number: `eth`. */
  readonly destinationPrefix: string;
  /** Becomes the container's default route. */
  readonly gateway?: string;
  /** Without `nextHop`: on the link. */
  readonly routes: readonly { readonly destination: string; readonly nextHop?: string }[];
  /** Do not attach `docker_gwbridge` even if there is no gateway. */
  readonly disableGatewayService: boolean;
}
