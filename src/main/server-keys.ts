/**
 * The key pair of a cluster's servers, of which join tokens carry the public half: made once, and kept beside a store that only one
 * server can open, else in the store (`server/shared-keys.ts`).
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { KeyPair } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import { type Log, privateDirectory, readIfThere, systemClock, writeDurably } from '../platform/platform.ts';
import { sharedKeys } from '../server/shared-keys.ts';
import type { Store } from '../store/store.ts';

const keyPair = z.object({ publicKey: z.string().length(40), secretKey: z.string().length(40) });

/**
 * @param exclusive only this server can open the store
 * @throws Failure `invalid` when the file is damaged: new keys would lock every node out; `conflict`, see `sharedKeys`
 */
export async function loadKeys(
  { directory, store, exclusive }: { readonly directory: string; readonly store: Store; readonly exclusive: boolean },
  generate: () => KeyPair,
  log: Log,
): Promise<KeyPair> {
  const known = await readKeys(directory);
  if (!exclusive) return sharedKeys(store, { clock: systemClock, log, own: known, generate });
  if (known !== undefined) return known;
  const keys = generate();
  await saveKeys(directory, keys);
  return keys;
}

const pathIn = (directory: string): string => join(directory, 'keys.json');

export async function saveKeys(directory: string, keys: KeyPair): Promise<void> {
  await privateDirectory(directory);
  await writeDurably(pathIn(directory), JSON.stringify(keys));
}

/** @returns undefined when there are none yet. @throws Failure('invalid') when the file is damaged */
export async function readKeys(directory: string): Promise<KeyPair | undefined> {
  const path = pathIn(directory);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return keyPair.parse(JSON.parse(text));
  } catch (cause) {
    throw new Failure(
      'invalid',
      `${path} is damaged: restore it from a backup, since every node knows this server by these keys`,
      { cause },
    );
  }
}
