/**
 * Kernel state as data. One `KernelObject` is one thing that the kernel holds; a driver says which should exist,
 * `observe` reads which do, `DeltaTracker` compares, and what differs becomes steps.
 *
 * `ns` names a network namespace: '' the host's own, a plain name one under /run/netns, a text with a leading '/'
 * the path of one (a container's sandbox).
 *
 * Ownership is visible in the kernel: links are called `tr…` (see `names` in domain), nft tables `trama`, routes carry
 * `proto 84`, iptables rules the comment `trama:…` or nothing but Trama's interfaces. Nothing else is ever touched, but for what `UplinkObject` says.
 */

import type { Carried } from './carried.ts';

export interface NamespaceObject {
  readonly kind: 'namespace';
  readonly name: string;
}

/** Below /proc/sys. */
export interface Setting {
  readonly key: string;
  readonly value: string;
}

export interface LinkCommon {
  readonly kind: 'link';
  readonly ns: string;
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Absent: whatever the kernel chose. */
  readonly mac?: string;
  /** Number of its group of links (ip-link(8)), by which rules know it at less cost than by any set. Absent: 0, that of all. */
  readonly linkGroup?: number;
  /**
   * Settings of its own that it has before it is set up at its creation, so that it never says a word without them; wished for
   * as `SysctlObject`s besides.
   */
  readonly settings?: readonly Setting[];
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
  /** It stands in the place of this interface of the host's (`UplinkObject`), which its alias tells. */
  readonly inPlaceOf?: string;
}

export interface VxlanLink extends LinkCommon {
  readonly type: 'vxlan';
  readonly vni: number;
  /** UDP port. */
  readonly dstPort: number;
  /** Underlay address that packets are sent from. */
  readonly local: string;
  /** Interface of the underlay. */
  readonly device: string;
  /** Namespace of that interface: there it is made and its UDP socket stays, then it is moved into `ns`. Absent: `''`. */
  readonly underlay?: string;
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

/**
 * A second interface of its lower device's, mostly in another namespace: what that takes arrives here, and what is sent here
 * that sends. It goes with it, and is made after it. Of mode `passthru` it has its MAC; of mode `bridge` one of its own, and two on
 * one device reach each other.
 */
export interface MacvlanLink extends LinkCommon {
  readonly type: 'macvlan';
  /** As of a veth's. */
  readonly index?: number;
  readonly lower: { readonly ns: string; readonly name: string };
  /** As ip-link(8) writes it, with its flag: `passthru nopromisc`. */
  readonly mode: string;
  /** It is given to an engine, which puts it into a container: out of sight it is not gone. */
  readonly handedOver?: true;
}

/** `lo`, which a namespace is born with: it is only ever set up. */
export interface LoopbackLink extends LinkCommon {
  readonly type: 'loopback';
}

/** What an engine takes into a container, or one end of it. */
export type HandedLink = VethLink | MacvlanLink;

export type LinkObject = BridgeLink | VxlanLink | VethLink | MacvlanLink | LoopbackLink;

/**
 * An interface that is somebody else's and a port of a bridge of ours, which stands in its place: what stood on the interface
 * (`carried.ts`) stands on the bridge, and goes back when this goes. The one thing of others that is ever touched; what is done
 * is in `uplinks.ts`, and written down before.
 */
export interface UplinkObject {
  readonly kind: 'uplink';
  readonly ns: string;
  readonly device: string;
  readonly bridge: string;
  /** Only as read from the kernel: it is no port of the bridge, or something stands on it. */
  readonly astray?: true;
  /** Only in steps that are about to be done. */
  readonly carried?: {
    /** What goes to where the step leads. */
    readonly things: Carried;
    /** What is on the other of the two now, and is taken from it. */
    readonly there: Carried;
    /** What the interface's own settings are where the bridge's differ: below /proc/sys, `NAME` for the bridge's. */
    readonly settings: readonly Setting[];
  };
}

/** What a link sends is held to a rate by a token bucket, its root queueing discipline: tc-tbf(8). */
export interface QdiscObject {
  readonly kind: 'qdisc';
  readonly ns: string;
  readonly device: string;
  /** Bits per second. */
  readonly rate: number;
  /** Bytes that may go at once. */
  readonly burst: number;
}

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
  /** As ip-route(8) names it; absent: that of ours. Others are made only, and never observed. */
  readonly protocol?: string;
  /** In the table `local`: the destination is this namespace itself. Its device is `lo`, which is set up for it. */
  readonly local?: true;
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
 * share it). `master`: in the bridge's table, MAC → port. `self` without a destination: in the bridge's table, a MAC whose
 * frames the bridge itself takes; its own has such an entry from the beginning.
 */
export interface FdbObject {
  readonly kind: 'fdb';
  readonly ns: string;
  readonly device: string;
  readonly mac: string;
  readonly table: 'self' | 'master';
  /** Only `self`, of a VXLAN device. */
  readonly destination?: string;
}

export type NftFamily = 'inet' | 'ip' | 'bridge' | 'netdev';

/** A table of ours, called `trama`; in a lab `lab`, where an agent would take it for its own. */
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
  /** What it lets pass is dropped without it: it may come beside, or after, what it is for. Never observed. */
  readonly admits?: true;
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
 * port of the host's is forgotten when the element comes, changes or goes, since an entry lasts, with the translation that it
 * was made with, for as long as somebody goes on sending.
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
  readonly hook?: {
    readonly type: 'filter' | 'nat' | 'route';
    readonly hook: string;
    /** Interface, in the family netdev. */
    readonly device?: string;
    readonly priority: number;
  };
  readonly rules: readonly string[];
  /** Only as read from the kernel: the rules' comments in order; `rules` is empty then. */
  readonly marks?: readonly string[];
}

/** A rule in a chain that somebody else owns (DOCKER-USER): ours is told by its comment `trama:<digest>`, or by its words (`speaksForItself`). */
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
  | UplinkObject
  | QdiscObject
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
