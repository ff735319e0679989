import { expect, test } from 'vitest';
import { generateKeys } from '../bus/keys.ts';
import { silentLog, systemClock } from '../platform/platform.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { clusterKey } from './keys.ts';
import { put } from './records.ts';
import { readSharedKeys, sharedKeys } from './shared-keys.ts';

const options = { clock: systemClock, log: silentLog, generate: generateKeys };
const empty = () => createMemoryStore({ clock: systemClock });
const keysOf = (store: Store, own = undefined as ReturnType<typeof generateKeys> | undefined) =>
  sharedKeys(store, { ...options, own });

test('servers that start at once have one pair; it is in the store', async () => {
  await using store = empty();
  const all = await Promise.all([keysOf(store), keysOf(store), keysOf(store, generateKeys()), keysOf(store)]);
  expect(new Set(all.map(({ publicKey }) => publicKey)).size).toBe(1);
  expect(await readSharedKeys(store)).toEqual(all[0]);
});

test('nodes know a server by the keys of its disk: these become the cluster’s', async () => {
  await using store = empty();
  await store.transact([], [put(clusterKey, 'c1')]);
  const own = generateKeys();
  expect(await keysOf(store, own)).toEqual(own);
  expect(await keysOf(store)).toEqual(own);
  // Another's are not taken: the nodes know the first.
  const warned: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  expect(await sharedKeys(store, { ...options, log, own: generateKeys() })).toEqual(own);
  expect(warned).toEqual([expect.stringMatching(/keys of its own that are not the cluster's/)]);
});

test('a cluster whose keys are on another server’s disk is not locked out by new ones', async () => {
  await using store = empty();
  await store.transact([], [put(clusterKey, 'c1')]);
  await expect(keysOf(store)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/start a server first where one ran before/),
  });
  expect(await readSharedKeys(store)).toBeUndefined();
});
