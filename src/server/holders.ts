/** Who may use an address of a network. Three reads, however many blocks, reservations and endpoints there are. */
import {
  type BlockRecord,
  type EndpointRecord,
  leasableBlockOf,
  type NetworkRecord,
  parseAddress,
  parseSubnet,
  type ReservationRecord,
} from '../domain/domain.ts';
import type { Condition, Store } from '../store/store.ts';
import { blockKey, reservationKey } from './keys.ts';
import { asSeen, type Found, read } from './records.ts';

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
  const block = leasableBlockOf(parseSubnet(network.subnet), parseAddress(address));
  const keys = {
    reservation: reservationKey(network.id, address),
    single: blockKey(network.id, `${address}/${address.includes(':') ? 128 : 32}`),
    block: block === undefined ? undefined : blockKey(network.id, block),
  };
  const [reservation, single, whole] = await Promise.all([
    read<ReservationRecord>(store, keys.reservation),
    read<BlockRecord>(store, keys.single),
    keys.block === undefined ? undefined : read<BlockRecord>(store, keys.block),
  ]);
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
