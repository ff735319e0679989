/**
 * What the cluster consists of. These are the values that the store holds and that travel to agents;
 * everything else is derived from them.
 *
 * Conventions: addresses are canonical text without a prefix length (`10.42.0.5`), subnets and blocks
 * are CIDR text (`10.42.0.0/16`), MACs are lower case with colons, times are milliseconds since the epoch.
 */

/** A host of the cluster. Once joined, a node *is* its key. */
export interface NodeRecord {
  readonly name: string;
  /** Address of the host on the underlay; its VTEP. */
  readonly address: string;
  /** The interface that carries `address`. */
  readonly interface: string;
  /** MTU of that interface in bytes. */
  readonly underlayMtu: number;
  /** CURVE public key, Z85, 40 characters. */
  readonly key: string;
  /** Subnets the host has routes to (CIDR, without the default route and without Trama's own). */
  readonly routes: readonly string[];
  readonly joinedAt: number;
  /** Takes no new workloads. */
  readonly drained: boolean;
  /** What a network in a LAN of the host's could go by; absent: its Trama is too old to tell. */
  readonly interfaces?: readonly HostInterface[];
  /** It is silent: its peers have nothing to do with it, and its names mean nothing, until it is heard again. */
  readonly fenced?: boolean;
}

/** An interface of a host's, by IPv4. One whose place a bridge of Trama's has taken is told of as if it had not. */
export interface HostInterface {
  readonly name: string;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** It is set up and has a link. */
  readonly up: boolean;
  readonly bridge?: boolean;
  /** Of which other interface it is a port. */
  readonly master?: string;
  /** With prefix length: `192.168.1.11/24`. */
  readonly addresses: readonly string[];
  /** Of its default route. */
  readonly gateway?: string;
}

/** A server as agents reach it. In the store for as long as it lives. */
export interface ServerRecord {
  /** Its address and port for requests, `10.0.0.1:4701`: nobody else can have them, and after a restart it is the same. */
  readonly id: string;
  /** Address or DNS name. */
  readonly host: string;
  readonly ports: { readonly requests: number; readonly feed: number };
  /** Trama's. */
  readonly version: string;
  readonly since: number;
}

export type Driver = 'overlay' | 'routed' | 'lan' | 'bridge';
export type Discovery = 'registry' | 'multicast';

export interface NetworkRecord {
  /** 12 hex digits, never reused; the name may be. */
  readonly id: string;
  readonly name: string;
  readonly driver: Driver;
  readonly subnet: string;
  /** VXLAN network identifier, 1…16777215. Of other drivers: the number that their interfaces are named after. */
  readonly vni: number;
  /** MTU inside the network in bytes: of an overlay, the underlay's less 50 for VXLAN over IPv4. */
  readonly mtu: number;
  readonly discovery: Discovery;
  /** Multicast group; present exactly when `discovery` is `multicast`. */
  readonly group?: string;
  /** UDP port of VXLAN, normally 4789. */
  readonly port: number;
  /** No way out: no masquerading, no forwarding beyond the network. */
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** What a node must know of besides the driver to be in it; one that does not stays out (`needs.ts`). */
  readonly needs?: readonly string[];
}

/** A part of a network's subnet from which one node assigns alone. A prefix of 32 is a lent single address. */
export interface BlockRecord {
  /** Network id. */
  readonly network: string;
  readonly cidr: string;
  readonly node: string;
}

/** A fixed address somebody asked for by name, held outside the blocks. */
export interface ReservationRecord {
  readonly network: string;
  readonly address: string;
  readonly node: string;
}

/** An interface on a network. `gateway` endpoints are the nodes' own addresses. */
export interface EndpointRecord {
  /** Docker's endpoint id, or `gateway-<node>`. */
  readonly id: string;
  readonly network: string;
  readonly node: string;
  readonly kind: 'container' | 'gateway';
  readonly address: string;
  readonly mac: string;
  /** Known a moment after the endpoint itself: engines do not tell it in time. */
  readonly container?: { readonly id: string; readonly name: string; readonly image?: string };
  /** Names that it answers to besides the container's own, on this network only. */
  readonly aliases?: readonly string[];
  /** What its node publishes of it, with the host ports as they are (never 0). */
  readonly ports?: readonly PublishedPort[];
}

export type RestartPolicy = 'no' | 'always' | 'unless-stopped' | 'on-failure';

/** Another container on the same node: a workload's name, or that of a container that Trama did not start. */
export interface Joined {
  readonly container: string;
}

/** The host's; none but loopback; another container's. */
export type NetworkMode = 'host' | 'none' | Joined;
export type PidMode = 'host' | Joined;

export interface WorkloadSpec {
  readonly image: string;
  /** Empty: the image's own command. */
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly networks: readonly {
    readonly network: string;
    readonly address?: string;
    readonly aliases: readonly string[];
  }[];
  readonly ports: readonly PublishedPort[];
  readonly restart: RestartPolicy;
  /** Whose network it has instead of networks of its own; `networks` is empty then. */
  readonly networkMode?: NetworkMode;
  /** Whose processes it sees; absent: its own only. */
  readonly pid?: PidMode;
  readonly tty: boolean;
  /** Keep stdin open. */
  readonly stdin: boolean;
  /** Somebody is about to attach: its first start waits for that, so that not a byte is missed. */
  readonly attach?: boolean;
  /** It goes when its container has ended. */
  readonly autoRemove?: boolean;
  /** When its node is evicted, leaves or is removed by force: it is dropped (absent), or started on another. */
  readonly onNodeLoss?: 'reschedule';
  readonly hostname?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What its node must know of to start it as it is meant (`needs.ts`). */
  readonly needs?: readonly string[];
}

export interface PublishedPort {
  /** Absent: every address of the host. */
  readonly hostAddress?: string;
  /** 0, in what people ask for: any free one. */
  readonly hostPort: number;
  /** Only in what people ask for: any free one from `hostPort` to this. */
  readonly hostPortEnd?: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** What a workload should be. Written by users, obeyed by its node. */
export interface WorkloadRecord {
  readonly name: string;
  /** 12 hex digits. */
  readonly id: string;
  readonly node: string;
  readonly spec: WorkloadSpec;
  readonly desired: 'running' | 'stopped' | 'removed';
  /** Grows by one whenever `desired` is written; a status names the generation it answers. */
  readonly generation: number;
  /** Seconds that a stop leaves the container before SIGKILL; absent: the engine's own. */
  readonly graceSeconds?: number;
  readonly createdAt: number;
}

export type WorkloadPhase = 'pending' | 'pulling' | 'creating' | 'running' | 'exited' | 'failed' | 'removing';

/** What a node says of a workload. Written by its node only. */
export interface WorkloadStatus {
  readonly name: string;
  readonly id: string;
  readonly node: string;
  readonly generation: number;
  readonly phase: WorkloadPhase;
  /** A sentence: progress, or what went wrong and what to do. */
  readonly message: string;
  readonly containerId?: string;
  readonly exitCode?: number;
  readonly startedAt?: number;
  readonly networks: readonly { readonly network: string; readonly address: string; readonly mac: string }[];
}

/** A one-time right to join. Its key pair is derived from the token's secret; the store holds the public half. */
export interface TokenRecord {
  /** CURVE public key, Z85. */
  readonly key: string;
  readonly usesLeft: number;
  readonly uses: number;
  readonly expiresAt: number;
  readonly createdAt: number;
}
