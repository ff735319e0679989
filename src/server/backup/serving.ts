/**
 * Who works on a store. A store that several processes can open says so itself: every server has a key under a lease, and a
 * command that needs the store for itself has one that excludes them. Both are taken in one transaction each, so that of two
 * at once one is refused. (A file is locked by its process.)
 */
import { hostname } from 'node:os';
import { Failure, isFailure } from '../../domain/domain.ts';
import type { Clock, Log } from '../../platform/platform.ts';
import type { Condition, Entry, Lease, Store } from '../../store/store.ts';
import { heldKey, movedKey, servingKey, servingRange, transferKey } from '../keys.ts';
import { absent, read, readAll } from '../records.ts';
import { checkSchema, ownSchema, type Schema, type SchemaOptions, type Serving, upgradeSchema } from '../schema.ts';
import type { Moved, Transfer } from './replace.ts';

const leaseMs = 10_000;
const renewMs = 3000;

export interface ServingOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Of this server, for its key. */
  readonly id: string;
  /** Other processes cannot open the store. */
  readonly exclusive: boolean;
  /** Trama's version. */
  readonly trama: string;
  /** Default: this Trama's. */
  readonly schema?: Schema;
  /** Somebody else has the store for itself: this server must end. */
  onLost(): void;
}

const who = (): string => `${hostname()} (process ${process.pid})`;

/** Before a server does anything with its store. @throws Failure `conflict` when the store is not to be served */
export async function startServing(store: Store, options: ServingOptions): Promise<AsyncDisposable> {
  await checkServed(store);
  const schema = { ...options, schema: options.schema ?? ownSchema };
  await using serving = options.exclusive ? nothing() : await serve(store, schema);
  await upgradeSchema(store, schema);
  return serving.move();
}

const nothing = () => new AsyncDisposableStack();

type WithSchema = ServingOptions & SchemaOptions;

async function serve(store: Store, options: WithSchema): Promise<AsyncDisposableStack> {
  const stop = new AbortController();
  const state = { lease: await enter(store, options) };
  const renewing = keepServing(store, options, state, stop.signal);
  const serving = new AsyncDisposableStack();
  serving.defer(async () => {
    stop.abort();
    await renewing;
    // A store that does not answer forgets it by itself.
    await state.lease.revoke().catch(() => {});
  });
  return serving;
}

const free: readonly Condition[] = [heldKey, transferKey, movedKey].map(absent);

/** Every time as if it were the first: meanwhile the store may have been brought to a form that is too new. */
async function enter(store: Store, options: WithSchema): Promise<Lease> {
  const serving: Serving = { who: who(), schema: options.schema.version };
  for (;;) {
    const fits = await checkSchema(store, options);
    const lease = await store.grantLease(leaseMs);
    const { succeeded } = await store.transact(
      [...free, fits],
      [{ op: 'put', key: servingKey(options.id), value: JSON.stringify(serving), lease: lease.id }],
    );
    if (succeeded) return lease;
    await lease.revoke();
    await checkServed(store);
    const held = await inUse(store);
    if (held !== undefined) throw new Failure('conflict', `${held}: start the server when that has ended`);
  }
}

async function keepServing(
  store: Store,
  options: WithSchema,
  state: { lease: Lease },
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, onLost } = options;
  for (;;) {
    await clock.sleep(renewMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      await state.lease.renew().catch(async (error: unknown) => {
        if (!isFailure(error, 'not-found')) throw error;
        state.lease = await enter(store, options);
      });
    } catch (error) {
      if (isFailure(error, 'conflict')) {
        log.error('this server ends: its store is not its own any more', { error });
        return onLost();
      }
      log.debug('the store does not hear yet that it is served', { error });
    }
  }
}

/** @throws Failure `conflict` for what is half a store, or no longer the cluster's */
async function checkServed(store: Store): Promise<void> {
  const transfer = await read<Transfer>(store, transferKey);
  if (transfer) {
    const what = transfer.value.kind === 'restore' ? 'restore' : 'migration';
    throw new Failure(
      'conflict',
      `this store holds half a cluster: a ${what} into it (from ${transfer.value.from}) was interrupted or goes on; end it with the same command, or name another store`,
    );
  }
  const moved = await read<Moved>(store, movedKey);
  if (moved) {
    throw new Failure(
      'conflict',
      `the cluster has moved from this store to ${moved.value.to}: start the server with that, or move it back with \`trama store migrate\``,
    );
  }
}

/** @returns undefined when nobody holds it any more */
async function inUse(store: Store): Promise<string | undefined> {
  const holder = await read<Serving>(store, heldKey);
  return holder && `the store is in use by another command, ${holder.value.who}`;
}

/**
 * The store for this command alone, until disposed of. A server that was killed counts as there for ten seconds more.
 * @throws Failure `conflict` naming the servers that are there, or the other command
 */
export async function holdStore(store: Store, exclusive: boolean, clock: Clock): Promise<AsyncDisposable> {
  if (exclusive) return { async [Symbol.asyncDispose]() {} };
  const lease = await store.grantLease(leaseMs);
  const held = { op: 'put', key: heldKey, value: JSON.stringify({ who: who() }), lease: lease.id } as const;
  const { succeeded } = await store.transact([absent(heldKey)], [held]);
  if (!succeeded) {
    await lease.revoke();
    const held = (await inUse(store)) ?? 'another command has just had the store';
    throw new Failure('conflict', `${held}: try again when that has ended`);
  }
  // Only now: whoever enters after this is refused.
  const servers = await readAll<Serving>(store, servingRange);
  if (servers.length > 0) {
    await lease.revoke();
    const names = servers.map(({ value }) => value.who).join(', ');
    throw new Failure(
      'conflict',
      `the store is in use by a server on ${names}: stop all servers first (one that was killed counts for ten seconds more)`,
    );
  }
  const stop = new AbortController();
  const renewing = (async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(renewMs, stop.signal).catch(() => {});
      if (!stop.signal.aborted) await lease.renew().catch(() => {});
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await renewing;
      await lease.revoke().catch(() => {});
    },
  };
}

/** For writes of a command that must not outlive its hold on the store. */
export async function whileHeld(store: Store, exclusive: boolean): Promise<readonly Condition[]> {
  if (exclusive) return [];
  const held: Entry | undefined = await store.get(heldKey);
  if (held) return [{ key: heldKey, is: 'unchanged', since: held.modRevision }];
  throw new Failure('conflict', 'the store is no longer held by this command, which was too slow: run it again');
}
