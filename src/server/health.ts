/**
 * Says of nodes that they are silent, and that they are back. Nobody has to be elected for it:
 *   - any server that hears nothing of a node for `suspectMs` writes `suspect` into the node's record;
 *   - any server that hears it takes that back, and whoever sees the node taken back begins to count anew;
 *   - what stands unopposed until `downMs` becomes `down`: its peers fence it, its names go;
 *   - what stands until `evictMs` is evicted (`eviction.ts`).
 * A server that was itself paused, or has only just begun, blames nobody for a while.
 */

import { change } from './change.ts';
import type { Context } from './context.ts';
import { evict } from './eviction.ts';
import { nodeKey } from './keys.ts';
import { isLost, type NodeHealth, put, read, type StoredNode, unchanged } from './records.ts';
import type { HealthTimes } from './server.ts';
import { whySilent } from './silence.ts';

const tickMs = 250;
/** A tick that is later than this was held up with all else here. */
const lateMs = 1000;
/** About so many nodes something is written at once: when all are late together, more would keep servers and store from hearing them. */
const busyAtOnce = 16;
/** What may be seen of a silent host changes: its agent tries to connect again, a link is mended in one direction. */
const lookAgainMs = 5000;

export async function keepHealth(context: Context, times: HealthTimes, signal: AbortSignal): Promise<void> {
  const { clock, presence, members } = context;
  /** Nodes about which something is being written: a store that hangs is asked once. */
  const busy = new Set<string>();
  /** Node → when it was looked into last why it is down. */
  const looked = new Map<string, number>();
  const say = (node: string) => {
    const step = nextStep(context, times, node);
    if (step === undefined || busy.has(node) || busy.size >= busyAtOnce || signal.aborted) return;
    busy.add(node);
    step()
      .catch((error: unknown) => {
        if (!signal.aborted) context.log.warn('what is known of a node could not be written', { node, error });
      })
      .finally(() => busy.delete(node));
  };
  // Its peers are waiting. When many come back at once, as after a time in which all were late, they have a tick each.
  let prompt = true;
  using _returns = presence.onReturn((node) => {
    if (prompt) say(node);
    prompt = false;
  });
  let last = clock.elapsed();
  while (!signal.aborted) {
    await clock.sleep(tickMs, signal).catch(() => {});
    const now = clock.elapsed();
    if (now - last > tickMs + lateMs) presence.begunAnew();
    last = now;
    prompt = true;
    const { true: heard = [], false: others = [] } = Object.groupBy(
      members.names(),
      (node) => `${presence.isHeard(node)}`,
    );
    // When many are late, what is said of some is taken back before more is said of others.
    for (const node of [...heard, ...others]) {
      lookAgain(context, times, node, looked);
      say(node);
    }
  }
}

/** One of several servers does it: each sees something else, and the record would change for ever. */
function lookAgain(context: Context, times: HealthTimes, node: string, looked: Map<string, number>): void {
  const { clock, presence, registry } = context;
  const recorded = presence.recorded(node);
  const lasts = recorded?.health.state === 'down' && presence.isSilent(node, times.suspectMs);
  if (!lasts || recorded === undefined || !registry.isKeeper) {
    looked.delete(node);
    return;
  }
  const now = clock.elapsed();
  const before = looked.get(node);
  if (before === undefined) looked.set(node, now);
  if (before === undefined || now - before < lookAgainMs) return;
  looked.set(node, now);
  explain(context, node, undefined, recorded.health.since);
}

function nextStep(context: Context, times: HealthTimes, node: string): (() => Promise<void>) | undefined {
  const { presence } = context;
  const recorded = presence.recorded(node);
  const state = recorded?.health.state;
  const silent = presence.isSilent(node, times.suspectMs);
  if (recorded === undefined) return silent ? () => suspect(context, times, node) : undefined;
  // Also of one that is heard again: it waits for the end of this to ask for what it had.
  if (state === 'evicting') return () => evict(context, node);
  // Who was evicted comes back by its own asking, when it has given up what is others' now.
  if (presence.isHeard(node))
    return state === 'suspect' || state === 'down' ? () => backAgain(context, node) : undefined;
  const stands = silent && presence.isSilent(node, times.downMs);
  if (state === 'suspect' && stands && recorded.ageMs >= times.downMs - times.suspectMs)
    return () => declare(context, times, node, 'suspect', 'down');
  if (state === 'down' && silent && recorded.ageMs >= times.evictMs - times.downMs && mayEvict(context, node))
    return () => declare(context, times, node, 'down', 'evicting');
  return undefined;
}

/**
 * When half of the others are silent, too, it is rather this server, or its network, that is cut off: fencing can be taken back, giving
 * away cannot. Nothing is given away either before all nodes have told what they had before a restore.
 */
function mayEvict({ members, presence, epoch }: Context, node: string): boolean {
  if (!epoch.settled) return false;
  const others = members.names().filter((name) => name !== node && presence.recorded(name)?.health.state !== 'evicted');
  const lost = others.filter((name) => isLost(presence.recorded(name)?.health));
  return 2 * lost.length < others.length;
}

async function suspect(context: Context, times: HealthTimes, node: string): Promise<void> {
  const since = context.clock.now();
  let address: string | undefined;
  await write(context, node, async (record) => {
    if (record.health !== undefined || !context.presence.isSilent(node, times.suspectMs)) return 'leave';
    address = record.address;
    return { state: 'suspect', since, reason: 'nothing is heard of it' };
  });
  if (address !== undefined) explain(context, node, address, since);
}

/** So many are looked into at once. When more fall silent together, it is not for reasons of their own. */
const lookedIntoAtOnce = 8;

/** To ask takes a second or two, for which nothing waits. */
function explain(context: Context, node: string, known: string | undefined, since: number): void {
  const { lookedInto } = context;
  if (lookedInto.size >= lookedIntoAtOnce) return;
  const explained = async () => {
    const address = known ?? (await read<StoredNode>(context.store, nodeKey(node)))?.value.address;
    if (address === undefined) return;
    const reason = await whySilent(context, node, address);
    await write(context, node, async ({ health }) =>
      health?.since === since && health.reason !== reason ? { ...health, reason } : 'leave',
    );
  };
  const looking = explained()
    .catch((error: unknown) => {
      if (!context.signal.aborted) context.log.debug('why a node is silent is not told', { node, error });
    })
    .finally(() => lookedInto.delete(looking));
  lookedInto.add(looking);
}

async function declare(
  context: Context,
  times: HealthTimes,
  node: string,
  from: NodeHealth['state'],
  to: 'down' | 'evicting',
): Promise<void> {
  const since = context.clock.now();
  let address = '';
  const written = await write(context, node, async (record) => {
    const { health } = record;
    if (health?.state !== from || !context.presence.isSilent(node, times.suspectMs)) return 'leave';
    address = record.address;
    return { state: to, since, reason: health.reason };
  });
  if (written === undefined) return;
  const what = to === 'down' ? 'node is down' : 'node is evicted: what it had is given away';
  context.log.warn(what, { node, reason: written.reason });
  // By now its agent has noticed, too, and does something about it that may be seen here.
  if (to === 'down') explain(context, node, address, since);
}

async function backAgain(context: Context, node: string): Promise<void> {
  let before: NodeHealth | undefined;
  await write(context, node, async ({ health }) => {
    before = health;
    return health?.state === 'suspect' || health?.state === 'down' ? undefined : 'leave';
  });
  if (isLost(before)) context.log.info('node is back', { node });
}

/** @returns what was written; undefined also when nothing was. */
async function write(
  context: Context,
  node: string,
  decide: (record: StoredNode) => Promise<NodeHealth | undefined | 'leave'>,
): Promise<NodeHealth | undefined> {
  const { result } = await change<NodeHealth | undefined>(context, `node ${node}`, async () => {
    const record = await read<StoredNode>(context.store, nodeKey(node));
    const health = record === undefined ? 'leave' : await decide(record.value);
    if (record === undefined || health === 'leave') return { conditions: [], writes: [], result: undefined };
    const { health: _former, ...rest } = record.value;
    return {
      conditions: [unchanged(record)],
      writes: [put(record.key, health === undefined ? rest : { ...rest, health })],
      result: health,
    };
  });
  return result;
}
