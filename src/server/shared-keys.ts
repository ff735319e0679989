/**
 * The key pair by which nodes know the servers. Where several servers stand over one store they have it from there: the first puts it,
 * all others take it, and a token that any of them made is good at each.
 */
import type { KeyPair } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { Condition, Store } from '../store/store.ts';
import { change } from './change.ts';
import { clusterKey, sharedKeysKey } from './keys.ts';
import { absent, put, read } from './records.ts';

export interface SharedKeysOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** From this server's own disk: nodes know it by them already. */
  readonly own: KeyPair | undefined;
  generate(): KeyPair;
}

/** @throws Failure `conflict` when nodes know the servers by keys that are not there yet */
export async function sharedKeys(store: Store, { clock, log, own, generate }: SharedKeysOptions): Promise<KeyPair> {
  const { result } = await change({ store, clock }, "the servers' keys", async () => {
    // In this order: whoever makes a cluster has put its keys before.
    const cluster = await read<string>(store, clusterKey);
    const known = await readSharedKeys(store);
    if (known !== undefined) return { conditions: [], writes: [], result: known };
    if (own === undefined && cluster !== undefined) {
      throw new Failure(
        'conflict',
        'the keys that the nodes of this cluster know its servers by are not in its store yet: start a server first where one ran before, or put its keys.json into the state directory of this one',
      );
    }
    const keys = own ?? generate();
    const first = own === undefined ? [absent(clusterKey)] : [];
    return { conditions: [absent(sharedKeysKey), ...first], writes: [put(sharedKeysKey, keys)], result: keys };
  });
  if (own !== undefined && own.publicKey !== result.publicKey) {
    log.warn("this server has keys of its own that are not the cluster's: it takes those that the store has");
  }
  return result;
}

export async function readSharedKeys(store: Store): Promise<KeyPair | undefined> {
  return (await read<KeyPair>(store, sharedKeysKey))?.value;
}

/** @param conditions of whoever has the store for itself */
export async function placeSharedKeys(store: Store, keys: KeyPair, conditions: readonly Condition[]): Promise<void> {
  const { succeeded } = await store.transact(conditions, [put(sharedKeysKey, keys)]);
  if (!succeeded) throw new Failure('conflict', 'the store is no longer held by this command: run it again');
}
