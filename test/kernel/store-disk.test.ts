/** The store on real file systems that are full or read-only. Root: it mounts, in a mount namespace of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { output, spawn } from '../../src/platform/platform.ts';

test('a full disk refuses writes as exhausted and keeps what it had; a read-only one cannot be opened', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'trama-disk-'));
  try {
    const text = await output(spawn, {
      argv: [
        'unshare',
        '--mount',
        '--propagation',
        'private',
        process.execPath,
        join(import.meta.dirname, 'store-disk.ts'),
        directory,
      ],
      timeoutMs: 20_000,
    });
    expect(JSON.parse(text)).toEqual({
      full: ['exhausted', expect.stringMatching(/^The store .*store\.db cannot grow, the disk is full/)],
      written: true,
      keysEqualWhatWasAcknowledged: true,
      revisionsEqual: true,
      watchEqual: true,
      afterSpaceWasFreed: true,
      afterReopening: true,
      readOnly: ['unavailable', expect.stringMatching(/^The store .*store\.db cannot be made or opened: EROFS/)],
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
