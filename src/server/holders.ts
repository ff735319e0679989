/** Who may use an address of a network: of one, three reads, however many blocks, reservations and endpoints there are. */
import {
  type BlockRecord,
  type EndpointRecord,
  leasableBlockOf,
  type NetworkRecord,
  parseAddress,
  type ReservationRecord,
  spaceOf,
} from '../domain/domain.ts';
import type { Condition, Store } from '../store/store.ts';
import { blockKey, ofNetwork, reservationKey } from './keys.ts';
import { asSeen, type Found, read, readAll } from './records.ts';

export interface Holder {
  /** undefined: the address is nobody's. */
  readonly node: string | undefined;
  /** `reservation`: for this address alone, and it counts before the block. */
  readonly by: 'reservation' | 'block' | undefined;
  /** That it is still so. */
  readonly conditions: readonly Condition[];
}

/** @param address canonical, inside the subnet */
export async function holderOf(store: Store, network: NetworkRecord, address: string): Promise<Holder> {
  const keys = keysOf(network, address);
  const [reservation, single, whole] = await Promise.all([
    read<ReservationRecord>(store, keys.reservation),
    read<BlockRecord>(store, keys.single),
    keys.block === undefined ? undefined : read<BlockRecord>(store, keys.block),
  ]);
  return holderBy(keys, { reservation, single, whole });
}

/** The same for as many addresses as one likes: two reads, which grow with the network's leases. */
export async function holdersIn(store: Store, network: NetworkRecord): Promise<(address: string) => Holder> {
  const [reservations, blocks] = await Promise.all([
    readAll<ReservationRecord>(store, ofNetwork('reservations', network.id)),
    readAll<BlockRecord>(store, ofNetwork('blocks', network.id)),
  ]);
  const reserved = new Map(reservations.map((each) => [each.key, each]));
  const leased = new Map(blocks.map((each) => [each.key, each]));
  return (address) => {
    const keys = keysOf(network, address);
    const [reservation, single] = [reserved.get(keys.reservation), leased.get(keys.single)];
    const whole = keys.block === undefined ? undefined : leased.get(keys.block);
    return holderBy(keys, { reservation, single, whole });
  };
}

function keysOf(network: NetworkRecord, address: string) {
  const { id } = network;
  const block = leasableBlockOf(spaceOf(network), parseAddress(address));
  return {
    reservation: reservationKey(id, address),
    single: blockKey(id, `${address}/${address.includes(':') ? 128 : 32}`),
    block: block === undefined ? undefined : blockKey(id, block),
  };
}

function holderBy(
  keys: ReturnType<typeof keysOf>,
  found: {
    readonly reservation: Found<ReservationRecord> | undefined;
    readonly single: Found<BlockRecord> | undefined;
    readonly whole: Found<BlockRecord> | undefined;
  },
): Holder {
  const { reservation, single, whole } = found;
  const lease = single ?? whole;
  return {
    node: reservation?.value.node ?? lease?.value.node,
    by: reservation ? 'reservation' : lease ? 'block' : undefined,
    conditions: [
      asSeen(keys.reservation, reservation),
      asSeen(keys.single, single),
      ...(keys.block === undefined ? [] : [asSeen(keys.block, whole)]),
    ],
  };
}

/** An endpoint, for a sentence: `container web on node h1`. */
export function describe({ value }: Found<EndpointRecord>): string {
  if (value.kind === 'gateway') return `node ${value.node} itself`;
  return `container ${value.container?.name || value.id.slice(0, 12)} on node ${value.node}`;
}
