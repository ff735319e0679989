/** Who this host is in the cluster: written once at joining, read at every start. */
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../domain/domain.ts';
import { privateDirectory, readIfThere, writeDurably } from '../platform/platform.ts';

const ports = z.object({ requests: z.number(), feed: z.number(), metrics: z.number() });

const identity = z.object({
  version: z.literal(1),
  name: z.string(),
  cluster: z.string(),
  keys: z.object({ publicKey: z.string(), secretKey: z.string() }),
  servers: z.array(z.object({ host: z.string(), ports, key: z.string() })).min(1),
});

export type Identity = z.infer<typeof identity>;

const file = (directory: string) => join(directory, 'identity.json');

/** @returns undefined when this host has never joined. @throws Failure('invalid') when the file is damaged. */
export async function loadIdentity(directory: string): Promise<Identity | undefined> {
  const text = await readIfThere(file(directory));
  if (text === undefined) return undefined;
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
