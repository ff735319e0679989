/** The kernel state that a model stands for, namespace by namespace, each object with what it is for. */
import type { KernelObject } from '../../kernel/kernel.ts';
import { faults } from './faults.ts';
import {
  bridgeName,
  type Cable,
  type CableEnd,
  endName,
  type LabModel,
  type LabNode,
  nodeOf,
  type Port,
} from './model.ts';
import { translation } from './nat.ts';
import { isAgents } from './real.ts';

export interface Purposed {
  readonly object: KernelObject;
  /** What it is for: a clause that goes after a colon. */
  readonly why: string;
}

/** First ends are counted from here, so that no two ends of a pair have one number: see `VethLink.index`. */
const firstIndex = 1000;

export function kernelState(model: LabModel): Purposed[] {
  // Where others make the interfaces, they give them addresses and routes as well.
  const wired = model.nodes.filter(({ real }) => real?.joins === undefined);
  return [
    ...wired.flatMap(ofNode),
    ...ofCables(model),
    ...wired.flatMap((node) => ofAddresses(node, model)),
    ...model.nodes.flatMap((node) => passage(node, model)),
    ...faults(model),
  ];
}

const what: Readonly<Record<LabNode['kind'], string>> = {
  host: 'the host',
  container: 'the container',
  switch: 'the switch',
  router: 'the router',
  outside: 'the world outside',
  linux: 'the node',
};

function ofNode(node: LabNode): Purposed[] {
  const { namespace: ns, name, bridge } = node;
  const own: Purposed[] = [];
  // The namespace of an engine's container is that one's to make.
  if (node.real === undefined) {
    const loopback = { kind: 'link', ns, name: 'lo', type: 'loopback', mtu: 65536, up: true } as const;
    own.push(
      { object: { kind: 'namespace', name: ns }, why: `${what[node.kind]} ${name}, with a network of its own` },
      { object: loopback, why: 'so that it reaches its own addresses' },
    );
  }
  if (node.forwards) {
    const object = { kind: 'sysctl', ns, key: 'net/ipv4/ip_forward', value: '1' } as const;
    own.push({ object, why: `${name} passes packets on between its interfaces` });
  }
  if (bridge !== undefined) {
    const { mac, mtu } = bridge;
    const link = { kind: 'link', ns, name: bridge.name, type: 'bridge', mtu, up: true } as const;
    const why =
      node.kind === 'switch' ? 'what makes it a switch' : `the switch in ${name} that its containers are plugged into`;
    own.push({ object: { ...link, ...(mac === undefined ? {} : { mac }) }, why });
  }
  return [...own, ...ofOverlay(node), ...translation(node)];
}

function ofOverlay({ namespace: ns, name, vxlan }: LabNode): Purposed[] {
  if (vxlan === undefined) return [];
  const { vni, local, device, mtu, group, peers, entries } = vxlan;
  const how = group === undefined ? 'the hosts that are listed for it' : `whoever joins the group ${group}`;
  const link = {
    ...({
      kind: 'link',
      ns,
      name: vxlan.name,
      type: 'vxlan',
      mtu,
      up: true,
      master: bridgeName,
      underlay: ns,
    } as const),
    ...{ vni, dstPort: 4789, local, device, learning: group !== undefined },
    ...(group === undefined ? {} : { group }),
  };
  const entry = { kind: 'fdb', ns, device: vxlan.name, table: 'self' } as const;
  return [
    { object: link, why: `carries ${name}'s bridged frames in UDP packets to ${how}` },
    ...peers.map((peer) => ({
      object: { ...entry, mac: '00:00:00:00:00:00', destination: peer },
      why: `broadcasts, such as the question who has an address, go to ${peer} too`,
    })),
    ...entries.map(({ mac, peer, node }) => ({
      object: { ...entry, mac, destination: peer },
      why: `${node} is behind the host ${peer}`,
    })),
  ];
}

function ofCables(model: LabModel): Purposed[] {
  return model.cables.flatMap((cable, at): Purposed[] => {
    const [a, b] = cable.ends.map((end) => ({ node: nodeOf(model, end.node), port: portAt(model, end) }));
    if (a?.node === undefined || b?.node === undefined || a.port === undefined || b.port === undefined) return [];
    const { mtu } = b.port;
    const [here, there] = [linkOf(a.node, a.port), linkOf(b.node, b.port)];
    const mac = b.port.mac === undefined ? {} : { mac: b.port.mac };
    const cut = cutEnd(model, cable);
    return [
      {
        object: {
          ...{ ...here, index: firstIndex + at, up: cut !== cable.ends[0] },
          peer: { ns: there.ns, name: there.name, mtu, ...mac },
        },
        why: `a cable from ${endName(cable.ends[0])} to ${endName(cable.ends[1])}`,
      },
      {
        object: {
          ...{ ...there, secondary: true, up: cut !== cable.ends[1] },
          peer: { ns: here.ns, name: here.name, mtu: here.mtu },
        },
        why:
          b.port.master === undefined
            ? `the other end of that cable`
            : `the other end, plugged into ${b.node.name}'s bridge`,
      },
    ];
  });
}

/** Docker lets nothing be passed on that is none of its own: between the lab's interfaces it does. */
function passage({ name, namespace: ns, runs, bridge, ports }: LabNode, model: LabModel): Purposed[] {
  if (!runs.includes('engine')) return [];
  const inner = ports.filter((port) => nodeOf(model, port.name)?.host === name && port.master === undefined);
  const devices = [...(bridge === undefined ? [] : [bridge.name]), ...inner.map((port) => port.name)];
  return devices.flatMap((device) =>
    ['-i', '-o'].map((direction) => {
      const rule = [direction, device, '-j', 'ACCEPT'];
      const object = { kind: 'iptables', ns, table: 'filter', chain: 'DOCKER-USER', rule } as const;
      const way = direction === '-i' ? 'comes from' : 'goes to';
      return { object, why: `Docker's own firewall lets pass what ${way} ${device}` };
    }),
  );
}

function linkOf({ namespace: ns }: LabNode, { name, mtu, mac, master }: Port) {
  return {
    ...({ kind: 'link', type: 'veth', ns, name, mtu } as const),
    ...(mac === undefined ? {} : { mac }),
    ...(master === undefined ? {} : { master }),
  };
}

/** A cut cable is one whose end in a bridge is down, or else its second: the other has no carrier. */
function cutEnd(model: LabModel, cable: Cable): CableEnd | undefined {
  if (cable.up) return undefined;
  const plugged = cable.ends.find((end) => portAt(model, end)?.master !== undefined);
  return plugged ?? cable.ends[1];
}

const portAt = (model: LabModel, end: CableEnd): Port | undefined =>
  nodeOf(model, end.node)?.ports.find(({ name }) => name === end.port);

function ofAddresses(node: LabNode, model: LabModel): Purposed[] {
  const { namespace: ns, name, bridge, ports, routes } = node;
  const cutHere = model.cables.flatMap((cable) => {
    const cut = cutEnd(model, cable);
    return cut?.node === name ? [cut.port] : [];
  });
  const addressed = [...(bridge === undefined ? [] : [bridge]), ...ports].flatMap(({ name: device, cidr }) =>
    cidr === undefined ? [] : [{ device, cidr }],
  );
  return [
    ...addressed.map(({ device, cidr }) => ({
      object: { kind: 'address', ns, device, cidr } as const,
      why:
        device === bridge?.name && node.kind === 'host'
          ? `${name} itself in its containers' network, and their way out of it`
          : `by which ${name} is reached`,
    })),
    // The kernel forgets routes through what is down.
    ...routes
      .filter(({ device }) => !cutHere.includes(device))
      .map(({ to, via, device }) => ({
        object: {
          kind: 'route',
          ns,
          destination: to,
          via,
          device,
          ...(isAgents(node) ? { protocol: 'static' } : {}),
        } as const,
        why: to === 'default' ? `everything else goes by way of ${via}` : `${to} is behind ${via}`,
      })),
  ];
}
