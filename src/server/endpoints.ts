/**
 * Endpoints: nodes say what they have, the store makes sure that no address and no MAC is there twice in a network. A
 * change costs a fixed number of store operations, whatever the network holds.
 */
import {
  canonicalAddress,
  checkFixedAddress,
  type EndpointRecord,
  Failure,
  type NetworkRecord,
  parseAddress,
  parseMac,
  spaceOf,
} from '../domain/domain.ts';
import { change, type Plan } from './change.ts';
import { type Call, type Context, type Methods, speaksFor } from './context.ts';
import { describe, holderOf } from './holders.ts';
import { endpointKey, macKey } from './keys.ts';
import { allStay } from './marks.ts';
import { networkOf } from './network-view.ts';
import { asSeen, put, read, remove, unchanged } from './records.ts';
import type { Once } from './requests.ts';

export const endpointMethods: Methods<'endpoint.put' | 'endpoint.delete'> = {
  'endpoint.put': async (context, { endpoint }, call) => {
    speaksFor(call, endpoint.node);
    await context.epoch.checkClaimed(endpoint.node);
    await putEndpoint(context, endpoint as EndpointRecord, { once: context.requests.of(call) });
    return {};
  },

  'endpoint.delete': async (context, { network, address, id }, call) => {
    const once = context.requests.of(call);
    await deleteEndpoint(context, network, canonicalAddress(address), id, call, { once });
    return {};
  },
};

/**
 * Which request it is, or is a part of. A node tells of one endpoint again and again, and tells it to another server when one is slow:
 * what that one does late must not undo what the node has said since.
 */
interface Asked {
  readonly once?: Once | undefined;
  readonly within?: Once | undefined;
}

/** Nothing, once the request that it is a part of has been finished by another try. */
async function changeAs(
  context: Context,
  address: string,
  { once, within }: Asked,
  plan: () => Promise<Plan<undefined>>,
) {
  let again = false;
  const planned = async (): Promise<Plan<undefined>> => {
    if (again && (await within?.done()) !== undefined) return nothing;
    again = true;
    const made = await plan();
    if (made.writes.length === 0) return { ...made, recorded: true };
    return within === undefined ? made : { ...made, conditions: [...made.conditions, within.pending()] };
  };
  await change(context, `address ${address}`, planned, once);
}

const nothing = { conditions: [], writes: [], result: undefined } as const;

/** @throws Failure `conflict`, `invalid`, `not-found` */
export async function putEndpoint(context: Context, said: EndpointRecord, asked: Asked = {}): Promise<void> {
  const { store } = context;
  await changeAs(context, said.address, asked, async () => {
    const network = await networkOf(context, said.network);
    const { id, name } = network.value;
    const record = recordOf(network.value, said);
    const { address } = record;
    const key = endpointKey(id, address);
    const newMac = macKey(id, record.mac);
    const [holder, former, macHolder, stay] = await Promise.all([
      holderOf(store, network.value, address),
      read<EndpointRecord>(store, key),
      read<string>(store, newMac),
      allStay(context, record.node, [network]),
    ]);
    if (former && former.value.node !== record.node) {
      throw new Failure('conflict', `address ${address} of network ${name} is in use by ${describe(former)}`);
    }
    if (holder.node !== record.node) throw notHeld(network.value, record, holder.node);
    if (macHolder && macHolder.value !== address)
      throw await macTaken(context, network.value, record.mac, macHolder.value);
    const same = former && JSON.stringify(former.value) === JSON.stringify(record);
    if (same && macHolder) return nothing;
    const formerMac = former && former.value.mac !== record.mac ? [remove(macKey(id, former.value.mac))] : [];
    return {
      conditions: [...stay, ...holder.conditions, asSeen(key, former), asSeen(newMac, macHolder)],
      writes: [put(key, record), put(newMac, address), ...formerMac],
      result: undefined,
    };
  });
}

/** As it is kept. @throws Failure `invalid` */
export function recordOf(network: NetworkRecord, said: EndpointRecord): EndpointRecord {
  const address = checkFixedAddress(network.name, spaceOf(network), parseAddress(said.address));
  return { ...said, address, mac: parseMac(said.mac) };
}

function notHeld(network: NetworkRecord, endpoint: EndpointRecord, holder: string | undefined): Failure {
  const whose = holder === undefined ? 'leased to no node' : `node ${holder}'s`;
  const what = `address ${endpoint.address} of network ${network.name} is ${whose}`;
  return new Failure('conflict', `${what}, not node ${endpoint.node}'s: lease a block or reserve the address first`);
}

async function macTaken({ store }: Context, network: NetworkRecord, mac: string, address: string): Promise<Failure> {
  const other = await read<EndpointRecord>(store, endpointKey(network.id, address));
  const by = other ? `${describe(other)} (${address})` : address;
  return new Failure('conflict', `MAC ${mac} of network ${network.name} is in use by ${by}: choose another`);
}

/** Nothing happens when it is gone, or another endpoint has the address by now. */
export async function deleteEndpoint(
  context: Context,
  network: string,
  address: string,
  id: string,
  call: Call,
  asked: Asked,
): Promise<void> {
  const { store } = context;
  const key = endpointKey(network, address);
  await changeAs(context, address, asked, async () => {
    const endpoint = await read<EndpointRecord>(store, key);
    if (endpoint?.value.id !== id) return nothing;
    speaksFor(call, endpoint.value.node);
    const mac = macKey(network, endpoint.value.mac);
    return { conditions: [unchanged(endpoint)], writes: [remove(key), remove(mac)], result: undefined };
  });
}
