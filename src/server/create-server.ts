/** A server over a store. */
import { Failure, type ServerRecord } from '../domain/domain.ts';
import { Metrics, requestMeter } from '../platform/platform.ts';
import { repeatable } from '../protocol/protocol.ts';
import { answer, open } from './answering.ts';
import { Audit } from './audit.ts';
import { Census } from './census.ts';
import { change, Turns } from './change.ts';
import { Containers } from './containers.ts';
import type { Caller, Context } from './context.ts';
import { Epoch } from './epoch.ts';
import { Feed } from './feed.ts';
import { outcomeOf, readiness, tellFigures } from './figures.ts';
import { Follow } from './follow.ts';
import { Happenings } from './happenings.ts';
import { keepHealth } from './health.ts';
import { keepHouse } from './housekeeping.ts';
import { clusterKey } from './keys.ts';
import { Members } from './members.ts';
import { Presence } from './presence.ts';
import { absent, put, read } from './records.ts';
import { Registry } from './registry.ts';
import { Requests } from './requests.ts';
import { defaultHealth, type Server, type ServerOptions } from './server.ts';
import { Visitors } from './visitors.ts';
import { Waiters } from './waiters.ts';
import { Watching } from './watching.ts';

const defaultDeadlineMs = 10_000;
/** A node that leaves gets its answer before its session ends. Milliseconds. */
const farewellMs = 1000;

/** @throws Failure when the store cannot be read or a port cannot be bound. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { store, clock, log, bus, keys, random, metrics = new Metrics() } = options;
  await using started = new AsyncDisposableStack();
  const stop = new AbortController();
  const ready = Promise.withResolvers<Context>();
  const waiters = new Waiters();
  const times = options.health ?? defaultHealth;
  const presence = new Presence({
    ...{ store, clock, times },
    missesStrangers: () => registry.isKeeper,
    onChange: () => waiters.begin(),
  });
  const members = new Members({
    store,
    clock,
    caughtUp: async () => (await ready.promise).follow.caughtUp(),
    onRemoved: (key, node) => void ready.promise.then((context) => dismiss(context, key, node)),
    onUserRemoved: (key) => {
      visitors?.expel(key);
      void ready.promise.then((context) => expelUser(context, key));
    },
  });
  let visitors: Visitors | undefined;
  const cluster = await clusterId(options);
  const watching = new Watching({ cluster, clock, signal: stop.signal, states: () => presence.states() });
  const happenings = new Happenings({ store, clock, signal: stop.signal });
  const feed: Feed = new Feed({
    ...{ store, clock, metrics },
    publish: (message) => line.publish(message),
    life: (topic) => epoch.life(topic),
  });
  const containers = new Containers(store);
  const census = new Census(store);
  // From then on what a mirror has and a snapshot has not is gone: each takes one more.
  const epoch: Epoch = new Epoch(store, (revision) => feed.begin(revision));
  // Whoever waits is woken last: then the others know what happened.
  const registry: Registry = registryOf(options, () => line.ports);
  const followers = [members, presence, feed, containers, epoch, census, registry, happenings, waiters, watching];
  const follow = await Follow.load({ store, clock, log }, followers);
  // Who comes now is answered now: a thousand nodes at the door would only keep it from loading.
  const line = started.use(
    await bus.serve({
      ...options.listen,
      keys,
      gatekeeper: members,
      handler: {
        call: async (method, params, { peer, deadline, id }) =>
          answer(await ready.promise, method, params, { caller: peer, deadline, id }),
        open: async (method, params, { peer, deadline }) =>
          open(await ready.promise, method, params, { caller: peer, deadline }),
        repeatable: (method) => repeatable.has(method),
      },
      onMetrics(message) {
        if (!members.isNode(message.node)) return;
        presence.metrics(message);
        watching.tell(['nodes']);
      },
      onBeat(node) {
        if (members.isNode(node)) presence.heard(node);
      },
      onPeer({ node }, connected) {
        if (node === undefined) return;
        if (connected) presence.heard(node);
        // Whoever waits for something of it looks again.
        waiters.begin();
        watching.tell(['nodes']);
        if (!stop.signal.aborted) log.info(connected ? 'node connected' : 'node disconnected', { node });
      },
    }),
  );
  // It publishes over that line.
  started.use(follow).begin();
  const context: Context = {
    ...{ cluster, version: options.version, store, clock, random, log, keys, members, presence, epoch, feed },
    ...{
      waiters,
      watching,
      happenings,
      containers,
      registry,
      requests: started.use(new Requests(store, clock)),
      follow,
      bus: line,
    },
    keysFromSecret: (secret) => bus.keysFromSecret(secret),
    userKeysFromSecret: (secret) => bus.keysFromSecret(secret, 'user'),
    hostAnswers: options.hostAnswers,
    isKnocking: async (address) => (await options.isKnocking?.(address, Object.values(line.ports))) ?? false,
    turns: new Turns(),
    meter: requestMeter(metrics, outcomeOf),
    audit: new Audit({ clock, log, ...(options.audit === undefined ? {} : { keep: options.audit }) }),
    leaving: new Set(),
    lookedInto: new Set(),
    served: {},
    signal: stop.signal,
  };
  tellFigures(metrics, context, census);
  ready.resolve(context);
  const listed = registry.keep(stop.signal);
  started.defer(() => {
    stop.abort();
    waiters.begin();
    return listed;
  });
  // Not waited for at the end: a store that does not answer must not keep the server from stopping.
  void keepHouse(context, stop.signal);
  void keepHealth(context, times, stop.signal);
  visitors = new Visitors(context, {
    answer: (method, params, call, deadlineMs) =>
      within(context, deadlineMs, method, answer(context, method, params, call)),
    open: (method, params, call) => open(context, method, params, call),
  });
  return serverOver(context, options.version, line.ports, visitors, started.move());
}

function serverOver(
  context: Context,
  version: string,
  ports: Server['ports'],
  visitors: Visitors,
  resources: AsyncDisposableStack,
): Server {
  const root: Caller = { kind: 'root' };
  return {
    cluster: context.cluster,
    version,
    publicKey: context.keys.publicKey,
    ports,
    admit: (userKey) => visitors.admit(userKey),
    tell(api) {
      context.served.api = api;
    },
    readiness: () => readiness(context),
    call(method, params, { deadlineMs = defaultDeadlineMs, id } = {}) {
      const call = { caller: root, deadline: context.clock.now() + deadlineMs, ...(id === undefined ? {} : { id }) };
      return within(context, deadlineMs, method, answer(context, method, params, call));
    },
    open: (method, params, { deadlineMs = defaultDeadlineMs } = {}) =>
      open(context, method, params, { caller: root, deadline: context.clock.now() + deadlineMs }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function registryOf(
  { store, clock, log, listen, advertise, version }: ServerOptions,
  ports: () => Server['ports'],
): Registry {
  const host = advertise ?? listen.address;
  const since = clock.now();
  const record = () => {
    const id = host.includes(':') ? `[${host}]:${ports().requests}` : `${host}:${ports().requests}`;
    return { id, host, ports: { ...ports() }, version, since };
  };
  let known: ServerRecord | undefined;
  const self = () => {
    known ??= record();
    return known;
  };
  return new Registry({ store, clock, log, self, unlisted: advertise === undefined });
}

/** Made by the first server over the store, the same for all after it. */
async function clusterId(options: ServerOptions): Promise<string> {
  const { result } = await change(options, 'the cluster', async () => {
    const known = await read<string>(options.store, clusterKey);
    if (known) return { conditions: [], writes: [], result: known.value };
    const id = Buffer.from(options.random.bytes(16)).toString('hex');
    return { conditions: [absent(clusterKey)], writes: [put(clusterKey, id)], result: id };
  });
  return result;
}

/** Ends the sessions of a key that is no node's any more. */
async function dismiss(
  { presence, leaving, clock, bus, log, signal }: Context,
  key: string,
  node: string,
): Promise<void> {
  presence.forget(node);
  try {
    if (leaving.delete(node)) await clock.sleep(farewellMs, signal);
    await bus.expel(key);
  } catch (error) {
    if (!signal.aborted) log.warn('sessions of a removed node may go on', { node, error });
  }
}

/** At once: whoever removed the user waits for nothing else. */
async function expelUser({ bus, log, signal }: Context, key: string): Promise<void> {
  try {
    await bus.expel(key);
  } catch (error) {
    if (!signal.aborted) log.warn('sessions of a removed user may go on', { error });
  }
}

async function within<T>({ clock }: Context, ms: number, method: string, work: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const late = clock.sleep(ms, limit.signal).then(() => {
    throw new Failure(
      'deadline',
      `${method} took longer than ${ms / 1000} s: it may still happen, look before trying again`,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    limit.abort();
  }
}
