/**
 * Endpoints: nodes say what they have, the store makes sure that no address and no MAC is there twice in a network. A
 * change costs a fixed number of store operations, whatever the network holds.
 */
import {
  canonicalAddress,
  checkFixedAddress,
  type EndpointRecord,
  Failure,
  isFailure,
  type NetworkRecord,
  parseAddress,
  parseMac,
  parseSubnet,
} from '../domain/domain.ts';
import { change } from './change.ts';
import { type Call, type Context, callingNode, type Methods, speaksFor } from './context.ts';
import { describe, holderOf } from './holders.ts';
import { endpointKey, macKey, ofNetwork } from './keys.ts';
import { allStay } from './marks.ts';
import { networkOf } from './network-view.ts';
import { asSeen, type Found, put, read, readAll, remove, unchanged } from './records.ts';

/** Changes of one sync that are under way together: the store commits them as a group. */
const atOnce = 32;

export const endpointMethods: Methods<'endpoint.put' | 'endpoint.delete' | 'endpoint.sync'> = {
  'endpoint.put': async (context, { endpoint }, call) => {
    speaksFor(call, endpoint.node);
    await putEndpoint(context, endpoint as EndpointRecord);
    return {};
  },

  'endpoint.delete': async (context, { network, address, id }, call) => {
    await deleteEndpoint(context, network, canonicalAddress(address), id, call);
    return {};
  },

  'endpoint.sync': async (context, { network, endpoints }, call) => {
    const node = callingNode(call);
    for (const endpoint of endpoints) {
      speaksFor(call, endpoint.node);
      if (endpoint.network === network) continue;
      throw new Failure('invalid', `endpoint ${endpoint.id} is in network ${endpoint.network}, not in ${network}`);
    }
    await networkOf(context, network);
    const said = endpoints as EndpointRecord[];
    const former = await context.turns.take('sync', () => endpointsOf(context, network, node));
    const kept = new Set(said.map(({ address, id }) => `${address} ${id}`));
    const dropped = former.filter(({ value }) => !kept.has(`${value.address} ${value.id}`));
    // First what goes: it may have the MAC of what comes.
    await inGroups(dropped, ({ value }) => deleteEndpoint(context, network, value.address, value.id, call));
    const refused = new Set<string>();
    await inGroups(said, async (endpoint) => {
      try {
        await putEndpoint(context, endpoint);
      } catch (error) {
        if (!isFailure(error, 'conflict') && !isFailure(error, 'invalid')) throw error;
        refused.add(endpoint.id);
      }
    });
    return { refused: said.map(({ id }) => id).filter((id) => refused.has(id)) };
  },
};

async function putEndpoint(context: Context, said: EndpointRecord): Promise<void> {
  const { store } = context;
  await change(context, `address ${said.address}`, async () => {
    const network = await networkOf(context, said.network);
    const { id, name, subnet } = network.value;
    const address = checkFixedAddress(name, parseSubnet(subnet), parseAddress(said.address));
    const record: EndpointRecord = { ...said, address, mac: parseMac(said.mac) };
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
    if (same && macHolder) return { conditions: [], writes: [], result: undefined };
    const formerMac = former && former.value.mac !== record.mac ? [remove(macKey(id, former.value.mac))] : [];
    return {
      conditions: [...stay, ...holder.conditions, asSeen(key, former), asSeen(newMac, macHolder)],
      writes: [put(key, record), put(newMac, address), ...formerMac],
      result: undefined,
    };
  });
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
async function deleteEndpoint(
  context: Context,
  network: string,
  address: string,
  id: string,
  call: Call,
): Promise<void> {
  const { store } = context;
  const key = endpointKey(network, address);
  await change(context, `address ${address}`, async () => {
    const endpoint = await read<EndpointRecord>(store, key);
    if (endpoint?.value.id !== id) return { conditions: [], writes: [], result: undefined };
    speaksFor(call, endpoint.value.node);
    const mac = macKey(network, endpoint.value.mac);
    return { conditions: [unchanged(endpoint)], writes: [remove(key), remove(mac)], result: undefined };
  });
}

async function endpointsOf({ store }: Context, network: string, node: string): Promise<Found<EndpointRecord>[]> {
  const all = await readAll<EndpointRecord>(store, ofNetwork('endpoints', network));
  return all.filter(({ value }) => value.node === node);
}

async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += atOnce) await Promise.all(items.slice(i, i + atOnce).map(work));
}
