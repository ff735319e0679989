import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rotatingFile } from './rotating-file.ts';
import { output, spawn } from './spawn.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-rotating-'));
});
afterEach(() => rm(directory, { recursive: true }));

const content = (name: string) => readFile(join(directory, name), 'utf8');

test('what is full is set aside, and the oldest goes', async () => {
  const file = rotatingFile({ path: join(directory, 'a.log'), bytes: 10, kept: 2 });
  for (const line of ['one', 'two', 'three', 'four', 'five', 'six', 'seven']) file.append(line);
  expect(await readdir(directory)).toEqual(['a.log', 'a.log.1', 'a.log.2']);
  expect([await content('a.log'), await content('a.log.1'), await content('a.log.2')]).toEqual([
    'six\nseven\n',
    'four\nfive\n',
    'three\n',
  ]);
});

test('a line longer than a file is kept whole; only root reads', async () => {
  const file = rotatingFile({ path: join(directory, 'a.log'), bytes: 4, kept: 1 });
  file.append('longer than that');
  expect(await content('a.log')).toBe('longer than that\n');
  expect((await stat(join(directory, 'a.log'))).mode & 0o777).toBe(0o600);
});

test('what a full disk takes of a line is taken back', async () => {
  const path = join(directory, 'a.log');
  const module = new URL('./rotating-file.ts', import.meta.url).href;
  const script = `import { rotatingFile } from '${module}';
    const file = rotatingFile({ path: '${path}', bytes: 1e6, kept: 1 });
    for (const letter of 'abc') try { file.append(letter.repeat(200)); } catch (error) { process.stdout.write(error.code); }
    file.append('d');`;
  // Files of 512 bytes at most.
  const argv = ['sh', '-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"', process.execPath, script] as const;
  expect(await output(spawn, { argv: [...argv], timeoutMs: 60_000 })).toBe('EFBIG');
  expect(await content('a.log')).toBe(`${'a'.repeat(200)}\n${'b'.repeat(200)}\nd\n`);
}, 60_000);

test('it goes on where it was, and anew when somebody took it away', async () => {
  const path = join(directory, 'a.log');
  rotatingFile({ path, bytes: 10, kept: 1 }).append('before');
  const file = rotatingFile({ path, bytes: 10, kept: 1 });
  file.append('x');
  expect(await content('a.log')).toBe('before\nx\n');
  await rm(path);
  file.append('y');
  expect(await content('a.log')).toBe('y\n');
  expect(() => rotatingFile({ path: join(directory, 'no', 'a'), bytes: 1, kept: 1 }).append('x')).toThrow('ENOENT');
});
