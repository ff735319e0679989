/**
 * What a node has, told once after a restore (docs/adr/0011-store-epochs.md). It counts before what the backup says: the backup is
 * of the past, and the node was there. Of another node's it takes only what that one has not claimed. Repeating an interrupted claim
 * changes nothing; once it is done, a second has no effect.
 */
import {
  type BlockRecord,
  type EndpointRecord,
  isFailure,
  type NetworkRecord,
  overlaps,
  parseSubnet,
  type ReservationRecord,
  type WorkloadRecord,
} from '../domain/domain.ts';
import type { ParsedParams, Result } from '../protocol/protocol.ts';
import type { Condition, Write } from '../store/store.ts';
import { change } from './change.ts';
import { type Context, callingNode, type Methods } from './context.ts';
import { putEndpoint } from './endpoints.ts';
import {
  allOf,
  blockKey,
  blockSetKey,
  type Collection,
  endpointKey,
  macKey,
  networkKey,
  networkNameKey,
  networkSetKey,
  nodeKey,
  ofNetwork,
  reservationKey,
  statusKey,
  unclaimedKey,
  vniKey,
  workloadKey,
} from './keys.ts';
import { everythingOf } from './network-removal.ts';
import { asSeen, type Found, present, put, read, readAll, remove, unchanged } from './records.ts';

type Claim = ParsedParams<'node.claim'>;
type Refused = Result<'node.claim'> & { places: { network: string; address: string }[] };

/** Records per transaction: each is a condition or two, and two writes at most. */
const atOnce = 40;

export const claimMethods: Methods<'node.claim'> = {
  'node.claim': (context, claim, call) => {
    const node = callingNode(call);
    return context.turns.take('claim', () => take(context, node, claim));
  },
};

async function take(context: Context, node: string, claim: Claim): Promise<Refused> {
  const refused: Refused = { blocks: [], endpoints: [], places: [] };
  const mark = await read(context.store, unclaimedKey(node));
  if (mark === undefined || claim.epoch !== context.epoch.number) return refused;
  await dropUnclaimed(context, node, claim);
  for (const network of claim.networks) await takeNetwork(context, node, network as NetworkRecord);
  for (const workload of claim.workloads) {
    if (workload.node === node) await takeWorkload(context, workload as WorkloadRecord);
  }
  for (const block of claim.blocks) {
    if (!(await takeBlock(context, { ...block, node }))) refused.blocks.push(block);
  }
  for (const held of claim.reservations) await takeReservation(context, { ...held, node });
  for (const endpoint of claim.endpoints as EndpointRecord[]) {
    if (endpoint.node === node && (await takeEndpoint(context, endpoint))) continue;
    refused.endpoints.push(endpoint.id);
    refused.places.push({ network: endpoint.network, address: endpoint.address });
  }
  const { revision } = await context.store.transact([unchanged(mark)], [remove(mark.key)]);
  await context.follow.reached(revision);
  const { blocks, endpoints } = refused;
  context.log.info('a node has told what it has', { node, refused: blocks.length + endpoints.length });
  return refused;
}

/** What the backup says of the node and is so no more: it was there when it ended. */
async function dropUnclaimed(context: Context, node: string, claim: Claim): Promise<void> {
  const kept = new Set([
    ...claim.blocks.map(({ network, cidr }) => blockKey(network, cidr)),
    ...claim.reservations.map(({ network, address }) => reservationKey(network, address)),
    ...claim.endpoints.map(({ network, address }) => endpointKey(network, address)),
  ]);
  for (;;) {
    const gone = (await addressesOf(context, node)).filter(({ record }) => !kept.has(record.key)).slice(0, atOnce);
    if (gone.length === 0) return;
    // Another node's claim may have been faster: then it is looked at anew.
    await context.store.transact(
      gone.map(({ record }) => unchanged(record)),
      gone.flatMap(({ writes }) => writes),
    );
  }
}

/** The node's endpoints, blocks and reservations, each with its end. */
async function addressesOf({ store }: Context, node: string): Promise<{ record: Found<unknown>; writes: Write[] }[]> {
  const own = async <T extends { readonly node: string }>(collection: Collection) =>
    (await readAll<T>(store, allOf(collection))).filter(({ value }) => value.node === node);
  const endpoints = await own<EndpointRecord>('endpoints');
  const rest = [...(await own<BlockRecord>('blocks')), ...(await own<ReservationRecord>('reservations'))];
  return [
    ...endpoints.map((record) => {
      const { network, mac } = record.value;
      return { record, writes: [remove(record.key), remove(macKey(network, mac))] };
    }),
    ...rest.map((record) => ({ record, writes: [remove(record.key)] })),
  ];
}

/** One that was made after the backup comes back; what the backup has in its place was removed before it was made. */
async function takeNetwork(context: Context, node: string, network: NetworkRecord): Promise<void> {
  const { store } = context;
  await change(context, `network ${network.name}`, async () => {
    const nothing = { conditions: [], writes: [], result: undefined };
    const set = await read(store, networkSetKey);
    const networks = await readAll<NetworkRecord>(store, allOf('networks'));
    if (networks.some(({ value }) => value.id === network.id)) return nothing;
    const others = networks.filter(({ value }) => excludes(value, network));
    const used: Condition[] = [];
    let newer = others.find(({ value }) => value.createdAt >= network.createdAt);
    for (const other of others) {
      const blocks = await readAll<BlockRecord>(store, ofNetwork('blocks', other.value.id));
      const free = await areFree(context, node, blocks);
      // A node that has claimed is in it.
      if (free === undefined) newer = other;
      used.push(...(free ?? []).slice(blocks.length));
    }
    if (newer) {
      context.presence.trouble(
        node,
        `network ${network.name} (${network.subnet}) of before the restore is lost: ${newer.value.name} (${newer.value.subnet}) has its place`,
      );
      return nothing;
    }
    for (const { value } of others)
      context.log.warn('a newer network takes the place of one of the backup', {
        network: network.name,
        lost: value.name,
      });
    return {
      conditions: [asSeen(networkSetKey, set), ...others.map(unchanged), ...distinct(used)],
      writes: [
        put(networkSetKey, network.id),
        put(networkKey(network.id), network),
        put(networkNameKey(network.name), network.id),
        put(vniKey(network.vni), network.id),
        ...others.flatMap(({ value }) => withoutKeysOf(everythingOf(value), network)),
      ],
      result: undefined,
    };
  });
}

function excludes(one: NetworkRecord, other: NetworkRecord): boolean {
  if (one.name === other.name || one.vni === other.vni) return true;
  return overlaps(parseSubnet(one.subnet), parseSubnet(other.subnet));
}

const distinct = (conditions: readonly Condition[]): Condition[] => [
  ...new Map(conditions.map((each) => [each.key, each])).values(),
];

/** No key is written twice in a transaction. */
function withoutKeysOf(writes: readonly Write[], { name, vni }: NetworkRecord): Write[] {
  const taken = new Set([networkNameKey(name), vniKey(vni)]);
  return writes.filter((write) => write.op === 'delete-range' || !taken.has(write.key));
}

/** Of one workload the later wish counts, of two with one name the younger. */
async function takeWorkload(context: Context, workload: WorkloadRecord): Promise<void> {
  const key = workloadKey(workload.name);
  await change(context, `container ${workload.name}`, async () => {
    const known = await read<WorkloadRecord>(context.store, key);
    const same = known?.value.id === workload.id;
    const older = known && (same ? known.value.generation : known.value.createdAt);
    const younger = same ? workload.generation : workload.createdAt;
    if (older !== undefined && older >= younger) {
      if (!same) lostName(context, workload, known);
      return { conditions: [], writes: [], result: undefined };
    }
    return {
      conditions: [asSeen(key, known), present(nodeKey(workload.node))],
      writes: [put(key, workload), ...(same ? [] : [remove(statusKey(workload.name))])],
      result: undefined,
    };
  });
}

function lostName(
  { presence }: Context,
  { name, node }: WorkloadRecord,
  taken: Found<WorkloadRecord> | undefined,
): void {
  const whose = taken === undefined || taken.value.node === node ? 'a younger one' : `one on node ${taken.value.node}`;
  presence.trouble(node, `container ${name} of before the restore goes: ${whose} has its name`);
}

/** @returns whether the node has it now */
async function takeBlock(context: Context, block: BlockRecord): Promise<boolean> {
  const { store } = context;
  const { result } = await change(context, `block ${block.cidr}`, async () => {
    const network = await read(store, networkKey(block.network));
    if (network === undefined) return { conditions: [], writes: [], result: false };
    const set = await read(store, blockSetKey(block.network));
    const range = parseSubnet(block.cidr);
    const all = await readAll<BlockRecord>(store, ofNetwork('blocks', block.network));
    const others = all.filter(({ value }) => overlaps(parseSubnet(value.cidr), range));
    if (others.some(({ value }) => value.node === block.node && value.cidr === block.cidr))
      return { conditions: [], writes: [], result: true };
    const free = await areFree(context, block.node, others);
    if (free === undefined) return { conditions: [], writes: [], result: false };
    const key = blockKey(block.network, block.cidr);
    return {
      conditions: [unchanged(network), asSeen(blockSetKey(block.network), set), ...free],
      writes: [
        put(key, block),
        put(blockSetKey(block.network), block.cidr),
        ...others.filter((other) => other.key !== key).map((other) => remove(other.key)),
      ],
      result: true,
    };
  });
  return result;
}

async function takeReservation(context: Context, held: ReservationRecord): Promise<void> {
  const { store } = context;
  const key = reservationKey(held.network, held.address);
  await change(context, `address ${held.address}`, async () => {
    const network = await read(store, networkKey(held.network));
    const known = await read<ReservationRecord>(store, key);
    const nothing = { conditions: [], writes: [], result: undefined };
    if (network === undefined || known?.value.node === held.node) return nothing;
    const free = await areFree(context, held.node, known === undefined ? [] : [known]);
    if (free === undefined) return nothing;
    return {
      conditions: [unchanged(network), asSeen(key, known), ...free],
      writes: [put(key, held)],
      result: undefined,
    };
  });
}

/** @returns whether others hear of it */
async function takeEndpoint(context: Context, endpoint: EndpointRecord): Promise<boolean> {
  await makeRoom(context, endpoint.node, endpoint.network, endpoint.address);
  const holder = await read<string>(context.store, macKey(endpoint.network, endpoint.mac));
  if (holder && holder.value !== endpoint.address)
    await makeRoom(context, endpoint.node, endpoint.network, holder.value);
  try {
    await putEndpoint(context, endpoint);
    return true;
  } catch (error) {
    if (!['conflict', 'invalid', 'not-found'].some((code) => isFailure(error, code as 'conflict'))) throw error;
    return false;
  }
}

/** An endpoint of the backup whose node has not claimed has ended: its address or MAC is in use elsewhere since. */
async function makeRoom(context: Context, node: string, network: string, address: string): Promise<void> {
  const key = endpointKey(network, address);
  await change(context, `address ${address}`, async () => {
    const former = await read<EndpointRecord>(context.store, key);
    const free = former && former.value.node !== node ? await areFree(context, node, [former]) : undefined;
    if (former === undefined || free === undefined) return { conditions: [], writes: [], result: undefined };
    return { conditions: free, writes: [remove(key), remove(macKey(network, former.value.mac))], result: undefined };
  });
}

/** @returns the conditions on which none of the records is of a node that has claimed, itself aside; undefined if one is */
async function areFree(
  { store }: Context,
  node: string,
  records: readonly Found<{ readonly node: string }>[],
): Promise<Condition[] | undefined> {
  const conditions: Condition[] = [];
  const owners = new Set(records.map(({ value }) => value.node));
  owners.delete(node);
  for (const owner of owners) {
    const mark = await read(store, unclaimedKey(owner));
    if (mark === undefined) return undefined;
    conditions.push(unchanged(mark));
  }
  return [...records.map(unchanged), ...conditions];
}
