/**
 * A topology with everything worked out: who is plugged into what, under which names and addresses, and which way packets
 * go. What is done to the kernel follows from it, and so does whatever is shown of a lab: tables, matrices, drawings.
 */
import type { Expectation, NodeKind, Role } from './schema.ts';

/** Name of the bridge in a switch, and in a host that has one. */
export const bridgeName = 'br0';

/** Of the device by which a host's bridge is a part of an overlay. */
export const vxlanName = (vni: number): string => `vxlan${vni}`;

/** Interface of a container that names its host. */
export const containerInterface = 'eth0';

export interface LabModel {
  readonly name: string;
  /** In the file's order. */
  readonly nodes: readonly LabNode[];
  readonly cables: readonly Cable[];
  readonly segments: readonly Segment[];
  /** Of Docker or Trama, in the file's order. */
  readonly networks: readonly Network[];
  readonly expectations: readonly Expectation[];
}

export interface LabNode {
  readonly name: string;
  readonly kind: NodeKind;
  /** Network namespace, as `ip netns` lists it. */
  readonly namespace: string;
  /** Of a container: the node that it is on. */
  readonly host?: string;
  /** Passes packets on. */
  readonly forwards: boolean;
  readonly bridge?: Bridge;
  readonly ports: readonly Port[];
  readonly routes: readonly Route[];
  readonly nat?: Nat;
  readonly vxlan?: Vxlan;
  /** What runs in it, as an argument vector. */
  readonly command?: readonly string[];
  /** Of a host: with any it is a machine of its own, with processes and a disk. In the order of starting. */
  readonly runs: readonly Role[];
  /** Of a container: the host's engine runs it, and makes its network namespace. */
  readonly real?: RealContainer;
}

export interface RealContainer {
  readonly image: string;
  /** Who gives it its network; absent: the lab, by a cable to its host. */
  readonly joins?: Joining;
  /** The container whose processes it sees. */
  readonly pidOf?: string;
  /** `HOST:CONTAINER[/udp]`, by whoever gives it its network. */
  readonly publish: readonly string[];
  /** That it is to have, without prefix length. */
  readonly address?: string;
  /** Its engine says that it does not run, or that it is not there. */
  readonly stopped?: true;
}

/** A network of Docker's or Trama's, or the like of one. */
export type Joining =
  | { readonly how: 'network'; readonly network: string }
  | { readonly how: 'host' }
  | { readonly how: 'none' }
  | { readonly how: 'container'; readonly node: string };

export interface Network {
  readonly name: string;
  readonly driver: 'bridge' | 'overlay' | 'routed';
  readonly prefix?: string;
  readonly attach?: 'bridge' | 'p2p';
}

/** Docker's network of containers that name none. */
export const defaultNetwork = 'bridge';

interface Addressed {
  /** With prefix length; absent: none. */
  readonly cidr?: string;
  /** Follows from the address; absent: whatever the kernel chooses. */
  readonly mac?: string;
  readonly mtu: number;
}

export interface Bridge extends Addressed {
  readonly name: string;
}

/** One end of a cable. */
export interface Port extends Addressed {
  readonly name: string;
  /** The bridge of its node, if it is plugged into that. */
  readonly master?: string;
  /** Index of its cable in the model; -1: it is none of the lab's. */
  readonly cable: number;
}

export interface CableEnd {
  readonly node: string;
  readonly port: string;
}

/** A veth pair. */
export interface Cable {
  readonly ends: readonly [CableEnd, CableEnd];
  /** Bits per second that each end may send; absent: any. */
  readonly rate?: number;
  /** Percent of the frames that are lost in each direction; 0: none. */
  readonly loss: number;
  readonly up: boolean;
}

/** Where frames reach everybody without a router. */
export interface Segment {
  /** Absent: nobody has an address there. */
  readonly prefix?: string;
  /** Who has an address in it. */
  readonly members: readonly { readonly node: string; readonly device: string; readonly address: string }[];
}

export interface Route {
  /** CIDR or `default`. */
  readonly to: string;
  readonly via: string;
  readonly device: string;
}

/** What leaves by this interface takes its address; what comes in by it passes only as an answer, or through a published port. */
export interface Nat {
  readonly device: string;
  readonly published: readonly {
    readonly protocol: 'tcp' | 'udp';
    readonly port: number;
    readonly address: string;
    readonly targetPort: number;
    /** The container. */
    readonly node: string;
  }[];
}

/** A port of the node's bridge that leads to the other hosts of an overlay. */
export interface Vxlan {
  readonly name: string;
  readonly overlay: string;
  readonly vni: number;
  readonly local: string;
  readonly device: string;
  readonly mtu: number;
  /** Absent: peers are listed. */
  readonly group?: string;
  /** The other hosts' addresses. */
  readonly peers: readonly string[];
  /** What is behind each. */
  readonly entries: readonly { readonly mac: string; readonly peer: string; readonly node: string }[];
}

export const nodeOf = (model: LabModel, name: string): LabNode | undefined =>
  model.nodes.find((node) => node.name === name);

/** Address by which others reach a node: of its first port that has one, else its bridge's. */
export function addressOf(node: LabNode): string | undefined {
  const cidr = node.ports.find((port) => port.cidr !== undefined)?.cidr ?? node.bridge?.cidr;
  return cidr?.split('/')[0];
}

/** As a person names a cable: by one of its ends. */
export const endName = (end: CableEnd): string => `${end.node}:${end.port}`;
