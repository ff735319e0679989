/** Networks as people see them, and how they are found by what people type. */
import { type BlockRecord, type EndpointRecord, Failure, type NetworkRecord, quoted } from '../domain/domain.ts';
import type { NetworkView } from '../protocol/protocol.ts';
import type { Context, Methods } from './context.ts';
import { allOf, networkKey, networkNameKey, ofNetwork } from './keys.ts';
import { type Found, read, readAll } from './records.ts';

export const networkViewMethods: Methods<'network.list' | 'network.inspect'> = {
  'network.list': async ({ store }) => {
    const networks = await readAll<NetworkRecord>(store, allOf('networks'));
    const endpoints = grouped(await readAll<EndpointRecord>(store, allOf('endpoints')));
    const blocks = grouped(await readAll<BlockRecord>(store, allOf('blocks')));
    return networks
      .map(({ value }) => networkView(value, endpoints.get(value.id), blocks.get(value.id)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  },

  'network.inspect': async (context, { name }) => {
    const { value } = await findNetwork(context, name);
    const endpoints = await readAll<EndpointRecord>(context.store, ofNetwork('endpoints', value.id));
    const blocks = await readAll<BlockRecord>(context.store, ofNetwork('blocks', value.id));
    return networkView(value, endpoints.map(recordOf), blocks.map(recordOf));
  },
};

/** By name, else by id: what people type. @throws Failure `not-found` */
export async function findNetwork(context: Context, name: string): Promise<Found<NetworkRecord>> {
  const id = await read<string>(context.store, networkNameKey(name));
  const network = await read<NetworkRecord>(context.store, networkKey(id?.value ?? name));
  if (network) return network;
  throw new Failure('not-found', `there is no network ${quoted(name)}: \`trama network ls\` shows those there are`);
}

/** By id: what agents send. @throws Failure `not-found` */
export async function networkOf({ store }: Pick<Context, 'store'>, id: string): Promise<Found<NetworkRecord>> {
  const network = await read<NetworkRecord>(store, networkKey(id));
  if (network) return network;
  throw new Failure('not-found', `there is no network with id ${quoted(id)}: it has been removed`);
}

export function networkView(
  network: NetworkRecord,
  endpoints: readonly EndpointRecord[] = [],
  blocks: readonly BlockRecord[] = [],
): NetworkView {
  const gateways = endpoints.filter(({ kind }) => kind === 'gateway');
  const nodes = new Set([...endpoints, ...blocks].map(({ node }) => node));
  return {
    ...network,
    options: { ...network.options },
    nodes: [...nodes].sort().map((node) => ({
      node,
      gateway: gateways.find((gateway) => gateway.node === node)?.address ?? '',
      blocks: blocks.filter((block) => block.node === node).map(({ cidr }) => cidr),
    })),
    containers: endpoints
      .filter(({ kind }) => kind === 'container')
      .map(({ id, node, address, mac, container }) => ({ name: container?.name ?? id, node, address, mac })),
  };
}

const recordOf = <T>({ value }: Found<T>): T => value;

function grouped<T extends { readonly network: string }>(records: readonly Found<T>[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const { value } of records) {
    const group = groups.get(value.network);
    if (group) group.push(value);
    else groups.set(value.network, [value]);
  }
  return groups;
}
