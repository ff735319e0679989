/** The server's own key pair: made once, kept beside its store. Join tokens carry the public half. */
import { join } from 'node:path';
import { z } from 'zod';
import type { KeyPair } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import { privateDirectory, readIfThere, writeDurably } from '../platform/platform.ts';

const keyPair = z.object({ publicKey: z.string().length(40), secretKey: z.string().length(40) });

/** @throws Failure('invalid') when the file is damaged: new keys would lock every node out. */
export async function loadKeys(directory: string, generate: () => KeyPair): Promise<KeyPair> {
  const path = join(directory, 'keys.json');
  const text = await readIfThere(path);
  if (text === undefined) {
    const keys = generate();
    await privateDirectory(directory);
    await writeDurably(path, JSON.stringify(keys));
    return keys;
  }
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
