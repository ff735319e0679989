/**
 * The door of `drivers`. A driver is a pure function from what a node knows of the cluster to the kernel state that
 * should exist on it. It is asked per network and per endpoint, so that one endpoint's change costs the same however
 * many there are.
 */
import type { Driver as DriverName, EndpointRecord, HostInterface, NetworkRecord } from '../domain/domain.ts';
import type { KernelObject } from '../kernel/objects.ts';

/** What a driver may know of the host that it plans for. */
export interface Host {
  readonly node: string;
  /** Underlay address, the VTEP. */
  readonly address: string;
  /** Underlay interface. */
  readonly interface: string;
  /** The interface that is a port of the underlay's, if that is a bridge of ours in its place. */
  readonly port?: string;
  /** What a network in a LAN could go by. */
  readonly interfaces?: readonly HostInterface[];
  /** Docker's DOCKER-USER chain exists: its FORWARD policy must be answered. */
  readonly dockerUser: boolean;
  /** The kernel has br_netfilter: bridged frames would pass through iptables as well. Default false. */
  readonly bridgeNetfilter?: boolean;
  /** False: the kernel was started without IPv6 and has none of its settings. Default true. */
  readonly ipv6?: boolean;
}

/** A container's interface that stands in its sandbox, as libnetwork's Join asked for it. */
export interface Sandbox {
  /** Path of the network namespace. */
  readonly path: string;
  readonly interface: string;
  /** Default gateway to restore; absent when the container has its default route elsewhere. */
  readonly gateway?: string;
}

/** Another node, as a network knows it. */
export interface Peer {
  /** Its underlay address. */
  readonly vtep: string;
  /** Its blocks of the network, CIDR. */
  readonly blocks: readonly string[];
  /** This node's own address in the network. */
  readonly own: string;
}

export interface Driver {
  /** What the network needs on this host besides its endpoints. `gateway` is this node's own endpoint in it. */
  network(host: Host, network: NetworkRecord, gateway: EndpointRecord): KernelObject[];
  /** An endpoint of this node's, before and after it is joined to a sandbox. `own` is this node's address in the network. */
  localEndpoint(host: Host, network: NetworkRecord, endpoint: EndpointRecord, own: string): KernelObject[];
  /** The same endpoint when its veth pair was lost under a running container: the pair again, and all inside the sandbox. */
  restoredEndpoint(
    host: Host,
    network: NetworkRecord,
    endpoint: EndpointRecord,
    own: string,
    sandbox: Sandbox,
  ): KernelObject[];
  /** Another node's endpoint. */
  remoteEndpoint(host: Host, network: NetworkRecord, endpoint: EndpointRecord, peer: Peer): KernelObject[];
  /** Another node's block of addresses, CIDR; absent: it makes no difference whose blocks addresses are of. */
  remoteBlock?(host: Host, network: NetworkRecord, cidr: string, peer: Peer): KernelObject[];
}

/** Every driver, by the name that users give it. */
export type DriverTable = Readonly<Record<DriverName, Driver>>;
