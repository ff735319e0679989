/** A server over a store. */
import { Failure } from '../domain/domain.ts';
import { answer, open } from './answering.ts';
import { change, Turns } from './change.ts';
import { Containers } from './containers.ts';
import type { Caller, Context } from './context.ts';
import { Feed } from './feed.ts';
import { Follow } from './follow.ts';
import { keepHouse } from './housekeeping.ts';
import { clusterKey } from './keys.ts';
import { Members } from './members.ts';
import { Presence } from './presence.ts';
import { absent, put, read } from './records.ts';
import type { Server, ServerOptions } from './server.ts';
import { Waiters } from './waiters.ts';

const defaultDeadlineMs = 10_000;
/** A node that leaves gets its answer before its session ends. Milliseconds. */
const farewellMs = 1000;

/** @throws Failure when the store cannot be read or a port cannot be bound. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { store, clock, log, bus, keys, random } = options;
  await using started = new AsyncDisposableStack();
  const stop = new AbortController();
  const ready = Promise.withResolvers<Context>();
  const waiters = new Waiters();
  const presence = new Presence(clock, () => waiters.begin());
  const members = new Members({
    store,
    clock,
    onRemoved: (key, node) => void ready.promise.then((context) => dismiss(context, key, node)),
  });
  const cluster = await clusterId(options);
  // Before the first handshake, which asks for it.
  await members.load();
  const line = started.use(
    await bus.serve({
      ...options.listen,
      keys,
      gatekeeper: members,
      handler: {
        call: async (method, params, { peer, deadline }) =>
          answer(await ready.promise, method, params, { caller: peer, deadline }),
        open: async (method, params, { peer, deadline }) =>
          open(await ready.promise, method, params, { caller: peer, deadline }),
      },
      onMetrics: (message) => void (members.isNode(message.node) && presence.metrics(message)),
      onPeer({ node }, connected) {
        if (node === undefined) return;
        presence.connected(node, connected);
        if (!stop.signal.aborted) log.info(connected ? 'node connected' : 'node disconnected', { node });
      },
    }),
  );
  const feed = new Feed({ store, clock, publish: (message) => line.publish(message) });
  const containers = new Containers(store);
  // Whoever waits is woken last: then the others know what happened.
  const follow = started.use(await Follow.start({ store, clock, log }, [members, feed, containers, waiters]));
  const context: Context = {
    ...{ cluster, store, clock, random, log, keys, members, presence, feed, waiters, containers, follow, bus: line },
    keysFromSecret: (secret) => bus.keysFromSecret(secret),
    turns: new Turns(),
    leaving: new Set(),
    signal: stop.signal,
  };
  ready.resolve(context);
  started.defer(() => {
    stop.abort();
    waiters.begin();
  });
  // Not waited for at the end: a store that does not answer must not keep the server from stopping.
  void keepHouse(context, stop.signal);
  return serverOver(context, options.version, line.ports, started.move());
}

function serverOver(
  context: Context,
  version: string,
  ports: Server['ports'],
  resources: AsyncDisposableStack,
): Server {
  const root: Caller = { kind: 'root' };
  return {
    cluster: context.cluster,
    version,
    publicKey: context.keys.publicKey,
    ports,
    call(method, params, { deadlineMs = defaultDeadlineMs } = {}) {
      const deadline = context.clock.now() + deadlineMs;
      return within(context, deadlineMs, method, answer(context, method, params, { caller: root, deadline }));
    },
    open: (method, params, { deadlineMs = defaultDeadlineMs } = {}) =>
      open(context, method, params, { caller: root, deadline: context.clock.now() + deadlineMs }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
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
