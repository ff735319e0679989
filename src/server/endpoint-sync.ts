/**
 * All that a node has in a network, told as a whole: after it has (re)joined, and whenever the two may differ. A thousand nodes may do so at
 * once, when servers are back. So what is as the store says costs no more than the look at all of it, and what is new is put by many in a
 * transaction; whatever stands in the way of that is put one by one, by all the rules.
 */
import { type EndpointRecord, Failure, isFailure, type NetworkRecord } from '../domain/domain.ts';
import type { Condition, Write } from '../store/store.ts';
import { change } from './change.ts';
import { type Call, type Context, callingNode, type Methods, speaksFor } from './context.ts';
import { deleteEndpoint, putEndpoint, recordOf } from './endpoints.ts';
import { type Holder, holdersIn } from './holders.ts';
import { endpointKey, macKey, ofNetwork } from './keys.ts';
import { allStay } from './marks.ts';
import { networkOf } from './network-view.ts';
import { absent, type Found, put, readAll } from './records.ts';
import type { Once } from './requests.ts';

/** Changes that are under way together: the store commits them as a group. */
const atOnce = 32;
/** New endpoints in a transaction: four conditions of their own each, of 128. */
const together = 25;

type Synced = { refused: string[] };

export const endpointSyncMethods: Methods<'endpoint.sync'> = {
  'endpoint.sync': async (context, { network: id, endpoints }, call) => {
    const node = callingNode(call);
    await context.epoch.checkClaimed(node);
    for (const endpoint of endpoints) {
      speaksFor(call, endpoint.node);
      if (endpoint.network === id) continue;
      throw new Failure('invalid', `endpoint ${endpoint.id} is in network ${endpoint.network}, not in ${id}`);
    }
    const within = context.requests.of(call);
    const earlier = await within?.done();
    if (earlier !== undefined) return earlier.result as Synced;
    const network = await networkOf(context, id);
    const said = endpoints as EndpointRecord[];
    const former = await context.turns.take('sync', () => endpointsOf(context, id, node));
    await drop(context, former, said, call, within);
    const refused = new Set<string>();
    await inGroups(await unsettled(context, network, node, said, former, within), async (endpoint) => {
      try {
        await putEndpoint(context, endpoint, { within });
      } catch (error) {
        if (!isFailure(error, 'conflict') && !isFailure(error, 'invalid')) throw error;
        refused.add(endpoint.id);
      }
    });
    const result = { refused: said.map((each) => each.id).filter((each) => refused.has(each)) };
    const synced = async () => ({ conditions: [], writes: [], result, recorded: true as const });
    return (await change<Synced>(context, `the endpoints of node ${node}`, synced, within)).result;
  },
};

/** First what goes: it may have the MAC of what comes. */
async function drop(
  context: Context,
  former: readonly Found<EndpointRecord>[],
  said: readonly EndpointRecord[],
  call: Call,
  within: Once | undefined,
): Promise<void> {
  const kept = new Set(said.map(({ address, id }) => `${address} ${id}`));
  const dropped = former.filter(({ value }) => !kept.has(`${value.address} ${value.id}`));
  await inGroups(dropped, ({ value }) =>
    deleteEndpoint(context, value.network, value.address, value.id, call, { within }),
  );
}

/** Puts what is new by many at once. @returns what is neither as the store says nor could be put so */
async function unsettled(
  context: Context,
  network: Found<NetworkRecord>,
  node: string,
  said: readonly EndpointRecord[],
  former: readonly Found<EndpointRecord>[],
  within: Once | undefined,
): Promise<EndpointRecord[]> {
  const stay = await allStay(context, node, [network]).catch((error: unknown) => {
    if (isFailure(error, 'conflict')) return undefined;
    throw error;
  });
  // Each is refused, for that reason.
  if (stay === undefined) return [...said];
  const holderOf = await holdersIn(context.store, network.value);
  const known = new Map(former.map(({ value }) => [value.address, JSON.stringify(value)]));
  const news = new Map<string, New>();
  const rest = new Set<EndpointRecord>();
  for (const endpoint of said) {
    const record = tried(() => recordOf(network.value, endpoint));
    const holder = record && holderOf(record.address);
    if (record === undefined || holder?.node !== node) rest.add(endpoint);
    else if (known.get(record.address) === JSON.stringify(record)) continue;
    else if (known.has(record.address) || news.has(record.mac)) rest.add(endpoint);
    else news.set(record.mac, { endpoint, record, holder });
  }
  const all = [...news.values()];
  for (let from = 0; from < all.length; from += together) {
    const some = all.slice(from, from + together);
    const { conditions, writes } = putAll(some);
    const pending = within === undefined ? [] : [within.pending()];
    const { succeeded } = await context.store.transact(distinct([...stay, ...conditions, ...pending]), writes);
    if (!succeeded) for (const { endpoint } of some) rest.add(endpoint);
  }
  // In the order in which they were said: of two that exclude each other the first is put.
  return said.filter((endpoint) => rest.has(endpoint));
}

interface New {
  readonly endpoint: EndpointRecord;
  /** As it is kept. */
  readonly record: EndpointRecord;
  readonly holder: Holder;
}

function putAll(news: readonly New[]): { conditions: Condition[]; writes: Write[] } {
  const keys = ({ record }: New) => [endpointKey(record.network, record.address), macKey(record.network, record.mac)];
  return {
    conditions: news.flatMap((each) => [...each.holder.conditions, ...keys(each).map(absent)]),
    writes: news.flatMap((each) => {
      const [key = '', mac = ''] = keys(each);
      return [put(key, each.record), put(mac, each.record.address)];
    }),
  };
}

const distinct = (conditions: readonly Condition[]): Condition[] => [
  ...new Map(conditions.map((each) => [each.key, each])).values(),
];

/** @returns undefined for what is invalid */
function tried<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (isFailure(error, 'invalid')) return undefined;
    throw error;
  }
}

async function endpointsOf({ store }: Context, network: string, node: string): Promise<Found<EndpointRecord>[]> {
  const all = await readAll<EndpointRecord>(store, ofNetwork('endpoints', network));
  return all.filter(({ value }) => value.node === node);
}

async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += atOnce) await Promise.all(items.slice(i, i + atOnce).map(work));
}
