import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLog, systemClock } from '../platform/platform.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { loadKeys } from './server-keys.ts';
import { withState } from './state-directory.ts';

const keys = () => ({ publicKey: 'p'.repeat(40), secretKey: 's'.repeat(40) });

test('a state directory that cannot be one is named with the reason and the way out', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'state-'));
  try {
    await using store = createMemoryStore({ clock: systemClock });
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(
      withState(file, () => loadKeys({ directory: join(file, 'server'), store, exclusive: true }, keys, silentLog)),
    ).rejects.toMatchObject({
      code: 'invalid',
      message: `the state directory ${file} cannot be used, since a part of its path is a file: mend that, or name another with --state`,
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an error about something else stays what it is', async () => {
  const work = () => mkdir('/proc/nowhere');
  await expect(withState('/pro', work)).rejects.toMatchObject({ code: 'ENOENT', path: '/proc/nowhere' });
  await expect(withState('/proc', () => Promise.reject(new Error('other')))).rejects.toThrow('other');
});
