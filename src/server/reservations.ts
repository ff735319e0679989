/** Fixed addresses that people ask for: each a reservation of its own, outside or inside other nodes' blocks. */
import {
  canonicalAddress,
  checkFixedAddress,
  type EndpointRecord,
  Failure,
  type NetworkRecord,
  parseAddress,
  type ReservationRecord,
  spaceOf,
} from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import { change } from './change.ts';
import { type Context, callingNode, type Methods } from './context.ts';
import { describe, type Holder, holderOf } from './holders.ts';
import { blockSetKey, endpointKey, reservationKey } from './keys.ts';
import { allStay } from './marks.ts';
import { networkOf } from './network-view.ts';
import { asSeen, type Found, put, read, remove, unchanged } from './records.ts';

/** How long the owner of a block has to give an address up. Milliseconds. */
const yieldMs = 5000;

export const reservationMethods: Methods<'address.reserve' | 'address.release'> = {
  'address.reserve': async (context, { network, address, heard }, call) => {
    const node = callingNode(call);
    await context.epoch.checkHeard(heard);
    context.epoch.checkSettled('a fixed address');
    // Not in turn with the leases: the owner that is asked to yield may itself be waiting for one.
    await reserve(context, network, address, node);
    return {};
  },

  'address.release': async (context, { network, address }, call) => {
    const node = callingNode(call);
    const key = reservationKey(network, canonicalAddress(address));
    await change(context, `address ${address}`, async () => {
      const held = await read<ReservationRecord>(context.store, key);
      // Somebody else's is not touched: to who asks, it is gone.
      if (held?.value.node !== node) return { conditions: [], writes: [], result: undefined };
      return { conditions: [unchanged(held)], writes: [remove(key)], result: undefined };
    });
    return {};
  },
};

async function reserve(context: Context, networkId: string, text: string, node: string): Promise<void> {
  const yielded = new Set<string>();
  await change(context, `address ${text}`, async () => {
    const network = await networkOf(context, networkId);
    const address = checkFixedAddress(network.value.name, spaceOf(network.value), parseAddress(text));
    const set = await read(context.store, blockSetKey(networkId));
    const holder = await holderOf(context.store, network.value, address);
    // The node's own already: from its block it assigns without asking.
    if (holder.node === node) return { conditions: [], writes: [], result: undefined };
    const key = endpointKey(networkId, address);
    const former = await read<EndpointRecord>(context.store, key);
    checkFree(network.value, address, holder, former, node);
    if (holder.node !== undefined && !yielded.has(holder.node)) {
      await askToYield(context, network.value, address, holder.node);
      yielded.add(holder.node);
    }
    const record: ReservationRecord = { network: networkId, address, node };
    return {
      conditions: [
        ...(await allStay(context, node, [network])),
        ...holder.conditions,
        asSeen(key, former),
        // Blocks are chosen around fixed addresses: nobody may be choosing one from a list without this address.
        asSeen(blockSetKey(networkId), set),
      ],
      writes: [put(reservationKey(networkId, address), record), put(blockSetKey(networkId), address)],
      result: undefined,
    };
  });
}

/**
 * An endpoint of the node's own is a former one, of whose end it has not told yet: what it has itself, it does not ask for.
 * @throws Failure `conflict` that says who has it.
 */
function checkFree(
  network: NetworkRecord,
  address: string,
  holder: Holder,
  endpoint: Found<EndpointRecord> | undefined,
  node: string,
): void {
  const choose = 'choose another, or none to get a free one';
  const what = `address ${address} of network ${network.name}`;
  if (endpoint && endpoint.value.node !== node)
    throw new Failure('conflict', `${what} is in use by ${describe(endpoint)}: ${choose}`);
  if (holder.by === 'reservation') {
    throw new Failure('conflict', `${what} is held for a container on node ${holder.node}: ${choose}`);
  }
}

/** @throws Failure `unavailable`, or `conflict` when the owner uses it. */
async function askToYield(context: Context, network: NetworkRecord, address: string, owner: string): Promise<void> {
  const what = `address ${address} of network ${network.name}`;
  const choose = 'choose another, or none to get a free one';
  if (!context.bus.connectedNodes().includes(owner)) {
    const why = `lies in a block of node ${owner}, which is down and cannot give it up`;
    throw new Failure('unavailable', `${what} ${why}: ${choose}`);
  }
  try {
    await ask(context.bus.toNode(owner), 'address.yield', { network: network.id, address }, { deadlineMs: yieldMs });
  } catch (error) {
    if (error instanceof Failure && error.code === 'conflict') throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(
      'unavailable',
      `${what} lies in a block of node ${owner}, which did not give it up (${why}): ${choose}`,
      {
        cause: error,
      },
    );
  }
}
