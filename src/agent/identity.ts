/** Who this host is in the cluster: written at joining and when the servers are others, read at every start. */
import { join } from 'node:path';
import { z } from 'zod';
import type { KeyPair } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import { privateDirectory, readIfThere, removeDurably, writeDurably } from '../platform/platform.ts';

const ports = z.object({ requests: z.number(), feed: z.number() });

const keyPair = z.object({ publicKey: z.string(), secretKey: z.string() });

const format = 1;

const identity = z.object({
  version: z.literal(format),
  name: z.string(),
  cluster: z.string(),
  keys: keyPair,
  servers: z
    .array(
      z.object({
        host: z.string(),
        ports,
        key: z.string(),
        /** By which it is listed; absent: it has not said. */
        id: z.string().optional(),
        /** Since when it is listed no more, ms since 1970. */
        goneSince: z.number().optional(),
      }),
    )
    .min(1),
});

export type Identity = z.infer<typeof identity>;
export type KnownServer = Identity['servers'][number];

const file = (directory: string) => join(directory, 'identity.json');
const joiningFile = (directory: string) => join(directory, 'joining.json');

/** @returns undefined when this host has never joined. @throws Failure('invalid') when the file is damaged. */
export async function loadIdentity(directory: string): Promise<Identity | undefined> {
  const text = await readIfThere(file(directory));
  if (text === undefined) return undefined;
  const { version } = z.object({ version: z.number() }).safeParse(parsed(text)).data ?? { version: format };
  if (version > format) {
    throw new Failure(
      'conflict',
      `${file(directory)} was written by a newer Trama (format ${version}, this one reads ${format}): install that version again`,
    );
  }
  try {
    return identity.parse(JSON.parse(text));
  } catch (cause) {
    throw new Failure(
      'invalid',
      `${file(directory)} is damaged: restore it, or remove ${directory} and join again with a new token`,
      {
        cause,
      },
    );
  }
}

export async function saveIdentity(directory: string, value: Identity): Promise<void> {
  await privateDirectory(directory);
  await writeDurably(file(directory), `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * The keys to join with. On disk before a server hears of them: whoever was let in and did not hear it, because the
 * answer was lost or the host lost its power, asks again with the same keys and is the same node.
 */
export async function joiningKeys(directory: string, generate: () => KeyPair): Promise<KeyPair> {
  const text = await readIfThere(joiningFile(directory));
  const known = text === undefined ? undefined : keyPair.safeParse(parsed(text)).data;
  if (known !== undefined) return known;
  const keys = generate();
  await privateDirectory(directory);
  await writeDurably(joiningFile(directory), JSON.stringify(keys));
  return keys;
}

/** The host has joined with them, or was refused. */
export async function forgetJoiningKeys(directory: string): Promise<void> {
  await removeDurably(joiningFile(directory));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
