/** Leases of blocks: the part of a network's subnet that a node assigns from alone. */
import {
  type BlockRecord,
  chooseBlock,
  chooseSingle,
  type EndpointRecord,
  exhausted,
  Failure,
  lanOf,
  type ReservationRecord,
  spaceOf,
} from '../domain/domain.ts';
import { change } from './change.ts';
import { type Context, callingNode, type Methods } from './context.ts';
import { blockKey, blockSetKey, ofNetwork, withinSubnet } from './keys.ts';
import { allStay } from './marks.ts';
import { networkOf } from './network-view.ts';
import { absent, asSeen, put, read, readAll, remove, unchanged } from './records.ts';
import type { Once } from './requests.ts';

export const blockMethods: Methods<'block.lease' | 'block.release'> = {
  'block.lease': async (context, { network, heard }, call) => {
    const node = callingNode(call);
    await context.epoch.checkHeard(heard);
    context.epoch.checkSettled('a block of addresses');
    return context.turns.take(`blocks/${network}`, () => lease(context, network, node, context.requests.of(call)));
  },

  'block.release': async (context, { network, cidr }, call) => {
    const node = callingNode(call);
    const key = blockKey(network, cidr);
    await change(context, `block ${cidr}`, async () => {
      const block = await read<BlockRecord>(context.store, key);
      if (block === undefined) return { conditions: [], writes: [], result: undefined };
      if (block.value.node !== node) {
        throw new Failure('denied', `block ${cidr} is leased to node ${block.value.node}, not to node ${node}`);
      }
      // Another node's has a reservation of its own.
      const endpoints = await readAll<EndpointRecord>(context.store, withinSubnet('endpoints', network, cidr));
      if (endpoints.some(({ value }) => value.node === node)) {
        throw new Failure('conflict', `block ${cidr} has endpoints in it: delete them first`);
      }
      return { conditions: [unchanged(block)], writes: [remove(key)], result: undefined };
    });
    return {};
  },
};

async function lease(context: Context, networkId: string, node: string, once: Once | undefined): Promise<BlockRecord> {
  const plan = async () => {
    const network = await networkOf(context, networkId);
    const { name, subnet } = network.value;
    // First what all depend on, then the rest: who reads the set later than the blocks could miss one of them.
    const set = await read(context.store, blockSetKey(networkId));
    const blocks = await readAll<BlockRecord>(context.store, ofNetwork('blocks', networkId));
    const fixed = await readAll<ReservationRecord>(context.store, ofNetwork('reservations', networkId));
    const leased = blocks.map(({ value }) => value.cidr);
    const held = fixed.map(({ value }) => value.address);
    const whole = spaceOf(network.value);
    const cidr = chooseBlock(whole, leased, held, node) ?? chooseSingle(whole, leased, held);
    if (cidr === undefined) throw exhausted(name, lanOf(network.value)?.range ?? subnet);
    const block: BlockRecord = { network: networkId, cidr, node };
    const key = blockKey(networkId, cidr);
    return {
      conditions: [...(await allStay(context, node, [network])), asSeen(blockSetKey(networkId), set), absent(key)],
      writes: [put(key, block), put(blockSetKey(networkId), cidr)],
      result: block,
    };
  };
  const { result } = await change(context, `the blocks of network ${networkId}`, plan, once);
  return result;
}
