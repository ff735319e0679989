/**
 * Kernel state as data. One `KernelObject` is one thing that the kernel holds; a driver says which should exist,
 * `observe` reads which do, `DeltaTracker` compares, and what differs becomes steps.
 *
 * `ns` names a network namespace: '' the host's own, a plain name one under /run/netns, a text with a leading '/'
 * the path of one (a container's sandbox).
 *
 * Ownership is visible in the kernel: links are called `tr…` (see `names` in domain), nft tables `trama`, routes carry
 * `proto 84`, iptables rules the comment `trama`. Nothing else is ever touched.
 */

export interface NamespaceObject {
  readonly kind: 'namespace';
  readonly name: string;
}

export interface LinkCommon {
  readonly kind: 'link';
  readonly ns: string;
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Absent: whatever the kernel chose. */
  readonly mac?: string;
  /** Name of the bridge (same namespace) that it is a port of. */
  readonly master?: string;
  /** Flags of the bridge port; absent ones are not looked at. */
  readonly port?: {
    readonly learning?: boolean;
    readonly neighSuppress?: boolean;
    readonly isolated?: boolean;
    readonly flood?: boolean;
  };
}

export interface BridgeLink extends LinkCommon {
  readonly type: 'bridge';
}

export interface VxlanLink extends LinkCommon {
  readonly type: 'vxlan';
  readonly vni: number;
  /** UDP port. */
  readonly dstPort: number;
  /** Underlay address that packets are sent from. */
  readonly local: string;
  /**
   * Made in the namespace `''`, where its UDP socket stays, then moved into `ns`.
   * `device` is the underlay's interface.
   */
  readonly device: string;
  readonly learning: boolean;
  /** Multicast group instead of a registry of peers. */
  readonly group?: string;
  readonly ttl?: number;
}

export interface VethLink extends LinkCommon {
  readonly type: 'veth';
  /** Its number in its namespace, given at its creation and not looked at again; absent: whatever the kernel chooses. */
  readonly index?: number;
  /**
   * The other end: where it is put at creation. It is an object of its own only if listed as such; a peer that is
   * handed to a container and renamed there is not looked at again.
   */
  readonly peer: { readonly ns: string; readonly name: string; readonly mac?: string; readonly mtu: number };
  /** This end is created with, and deleted with, the `VethLink` that names it as its peer. */
  readonly secondary?: boolean;
}

export type LinkObject = BridgeLink | VxlanLink | VethLink;

export interface AddressObject {
  readonly kind: 'address';
  readonly ns: string;
  readonly device: string;
  /** With prefix length. */
  readonly cidr: string;
}

export interface RouteObject {
  readonly kind: 'route';
  readonly ns: string;
  /** CIDR or `default`. */
  readonly destination: string;
  readonly via?: string;
  readonly device: string;
  readonly source?: string;
}

/** A permanent neighbour entry. */
export interface NeighbourObject {
  readonly kind: 'neighbour';
  readonly ns: string;
  readonly device: string;
  readonly address: string;
  readonly mac: string;
}

/**
 * A forwarding entry. `self`: in the VXLAN device's own table, MAC → VTEP (`00:00:00:00:00:00` floods; several VTEPs may
 * share it). `master`: in the bridge's table, MAC → port.
 */
export interface FdbObject {
  readonly kind: 'fdb';
  readonly ns: string;
  readonly device: string;
  readonly mac: string;
  readonly table: 'self' | 'master';
  /** Only `self`. */
  readonly destination?: string;
}

export type NftFamily = 'inet' | 'ip' | 'bridge';

/** A table of ours; always called `trama`. */
export interface NftTableObject {
  readonly kind: 'nft-table';
  readonly ns: string;
  readonly family: NftFamily;
  readonly table: string;
}

export interface NftSetObject {
  readonly kind: 'nft-set';
  readonly ns: string;
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  /** `type` or `typeof` clause as nft writes it, e.g. `type ifname . ether_addr . ipv4_addr`. */
  readonly type: string;
  /** e.g. `interval`. */
  readonly flags?: string;
}

export interface NftElementObject {
  readonly kind: 'nft-element';
  readonly ns: string;
  readonly family: NftFamily;
  readonly table: string;
  readonly set: string;
  /** Parts of a concatenation, in order. */
  readonly key: readonly string[];
}

/** Like a set, but each element has a value; a rule translates by it, e.g. `dnat ip to tcp dport map @name`. */
export interface NftMapObject {
  readonly kind: 'nft-map';
  readonly ns: string;
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  /** `type` clause as nft writes it: key, colon, value, e.g. `type inet_service : ipv4_addr . inet_service`. */
  readonly type: string;
}

/**
 * One key has one value. A key that ends with `udp . PORT` publishes datagrams: whatever connection tracking knows of that
 * port is forgotten when the element comes, changes or goes, since an entry lasts, with the translation that it was
 * made with, for as long as somebody goes on sending.
 */
export interface NftMapElementObject {
  readonly kind: 'nft-map-element';
  readonly ns: string;
  readonly family: NftFamily;
  readonly table: string;
  readonly map: string;
  /** Parts of a concatenation, in order. */
  readonly key: readonly string[];
  /** The same of the value. */
  readonly value: readonly string[];
}

/**
 * A chain with all its rules, replaced as a whole. Each rule is written with a comment that carries a digest of its
 * text: the kernel's listing of rules is not the text they were made from, so equality is judged by number, order
 * and digest.
 */
export interface NftChainObject {
  readonly kind: 'nft-chain';
  readonly ns: string;
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  /** Absent: a regular chain, reached by jumps. `policy` is always accept. */
  readonly hook?: { readonly type: 'filter' | 'nat' | 'route'; readonly hook: string; readonly priority: number };
  readonly rules: readonly string[];
  /** Only as read from the kernel: the rules' comments in order; `rules` is empty then. */
  readonly marks?: readonly string[];
}

/** A rule in a chain that somebody else owns (DOCKER-USER): ours is told by its comment `trama:<digest>`. */
export interface IptablesObject {
  readonly kind: 'iptables';
  readonly ns: string;
  readonly table: 'filter' | 'nat';
  readonly chain: string;
  /** Arguments after `-A CHAIN`, without the comment. */
  readonly rule: readonly string[];
  /** Only as read from the kernel: the rule's comment, since the listing's arguments may be written otherwise. */
  readonly mark?: string;
}

export interface SysctlObject {
  readonly kind: 'sysctl';
  readonly ns: string;
  /** `/`-separated below /proc/sys, since interface names may contain dots. */
  readonly key: string;
  readonly value: string;
  /**
   * What it goes back to when no longer desired. Absent: what the reconciler remembers of it; one of our own interface
   * or namespace goes away with that.
   */
  readonly previous?: string;
}

export type KernelObject =
  | NamespaceObject
  | LinkObject
  | AddressObject
  | RouteObject
  | NeighbourObject
  | FdbObject
  | NftTableObject
  | NftSetObject
  | NftElementObject
  | NftMapObject
  | NftMapElementObject
  | NftChainObject
  | IptablesObject
  | SysctlObject;

export type KernelKind = KernelObject['kind'];
