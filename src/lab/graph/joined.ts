/** Containers that Docker or Trama gives a network: a bridge in their host for each network, and a tunnel where it goes on in others. Pure. */
import { defaultNetwork, type LabModel, type LabNode, type Network } from '../topology/model.ts';
import type { End, Net } from './scene.ts';

interface Joined {
  readonly net: Net;
  readonly ends: readonly { readonly node: string; readonly end: End }[];
}

const idOf = (network: string) => `network ${network}`;

/** Of one host: a net for each network that its containers are in. */
export function networksInside(model: LabModel, host: LabNode): Joined[] {
  const within = model.nodes.filter((node) => node.host === host.name);
  return networksOf(within).map((name) => {
    const id = idOf(name);
    const known = model.networks.find((network) => network.name === name);
    const ends = within
      .filter((node) => networkOf(node) === name)
      .map((node) => {
        const [port] = node.ports;
        const lines = [port?.name, port?.cidr].filter((line) => line !== undefined);
        return { node: node.name, end: { net: id, lines, far: [], inward: false } };
      });
    return { net: { id, kind: 'bridge', title: titleOf(name, known) }, ends };
  });
}

/** Overlays between the hosts that have containers in them. */
export function networkTunnels(model: LabModel): Joined[] {
  return model.networks
    .filter(({ driver }) => driver === 'overlay')
    .flatMap(({ name, prefix }) => {
      const id = `tunnel ${name}`;
      const hosts = new Set(model.nodes.filter((node) => networkOf(node) === name).map(({ host = '' }) => host));
      const ends = [...hosts].map((node) => ({
        node,
        end: { net: id, lines: ['VXLAN'], far: [], inward: true, into: idOf(name) },
      }));
      const title = [`overlay ${name}`, ...(prefix === undefined ? [] : [prefix])];
      return ends.length < 2 ? [] : [{ net: { id, kind: 'tunnel', title } as const, ends }];
    });
}

/** Of a container without interfaces of its own: whose it has. */
export function joiningNotes({ real }: LabNode): string[] {
  const { joins, pidOf } = real ?? {};
  const network = {
    ...{ network: undefined, host: "the host's network", none: 'no network' },
    container: joins?.how === 'container' ? `network of ${joins.node}` : undefined,
  };
  return [
    joins === undefined ? undefined : network[joins.how],
    pidOf === undefined ? undefined : `processes of ${pidOf}`,
    ...(real?.publish ?? []).map((ports) => `published ${ports.replace(':', ' → ')}`),
  ].filter((line) => line !== undefined);
}

const networkOf = ({ real }: LabNode): string | undefined =>
  real?.joins?.how === 'network' ? real.joins.network : undefined;

const networksOf = (nodes: readonly LabNode[]): string[] => [
  ...new Set(nodes.map(networkOf).filter((name) => name !== undefined)),
];

function titleOf(name: string, network: Network | undefined): string[] {
  if (network === undefined) return [name === defaultNetwork ? 'docker0' : name];
  const { driver, prefix } = network;
  return [name, ...(driver === 'routed' ? [driver] : []), ...(prefix === undefined ? [] : [prefix])];
}
