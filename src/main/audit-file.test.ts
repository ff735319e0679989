import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { auditFile } from './audit-file.ts';

test('lines are kept also where nothing of the server has been yet', async () => {
  const state = await mkdtemp(join(tmpdir(), 'trama-audit-'));
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const directory = join(state, 'server');
  const append = await auditFile(directory);
  append('{"who":"h1"}');
  expect(await readFile(join(directory, 'audit.log'), 'utf8')).toBe('{"who":"h1"}\n');
});
