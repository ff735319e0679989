import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const launcher = join(import.meta.dirname, '../../../bin/trama');
let root: string;

/** A checkout whose program prints how it was started. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'trama-launcher-'));
  for (const path of ['it is/bin', 'it is/src/main', 'old', 'home']) await mkdir(join(root, path), { recursive: true });
  await copyFile(launcher, join(root, 'it is/bin/trama'));
  const program =
    'const all: string[] = [...process.execArgv, "--", ...process.argv.slice(2)];\nconsole.log(JSON.stringify(all));\n';
  await writeFile(join(root, 'it is/src/main/trama.ts'), program);
  await writeFile(
    join(root, 'it is/src/main/warm.ts'),
    `${program}import { writeFileSync } from 'node:fs';
writeFileSync(process.env.HOME + '/warmed', JSON.stringify(all));
`,
  );
  await writeFile(join(root, 'old/node'), '#!/bin/sh\necho v20.20.2\n');
  await chmod(join(root, 'old/node'), 0o755);
  await symlink('it is/bin/trama', join(root, 'once'));
  await symlink(join(root, 'once'), join(root, 'twice'));
});

afterAll(() => rm(root, { recursive: true }));

function run(words: string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(join(root, 'twice'), words, {
    encoding: 'utf8',
    env: {
      PATH: '/usr/bin:/bin',
      HOME: join(root, 'home'),
      NODE_COMPILE_CACHE: join(root, 'cache'),
      TRAMA_NODE: process.execPath,
      ...env,
    },
  });
  return { status, stdout, stderr };
}

test('finds its program through symbolic links and spaces, and hands on every word', () => {
  const { status, stdout, stderr } = run(['run', 'a b', '', '-x', '$(id)']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const words = JSON.parse(stdout);
  expect(words.slice(words.indexOf('--') + 1)).toEqual(['run', 'a b', '', '-x', '$(id)']);
});

test('daemons get a small heap, commands do not', () => {
  for (const daemon of ['up', 'server', 'agent']) expect(run([daemon]).stdout).toContain('--max-semi-space-size=1');
  expect(run(['ps']).stdout).not.toContain('--max-semi-space-size=1');
});

test('compiles what a daemon loads before it starts, with its flags and without a word', async () => {
  const { stdout } = run(['agent', '--name', 'h1']);
  expect(stdout.split('\n')).toHaveLength(2);
  const flags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=1', '--optimize-for-size'];
  expect(JSON.parse(await readFile(join(root, 'home/warmed'), 'utf8'))).toEqual([...flags, '--', '--version']);
  expect(JSON.parse(stdout)).toEqual([...flags, '--', 'agent', '--name', 'h1']);
});

test('keeps compiled code', async () => {
  run(['ps']);
  expect(await readdir(join(root, 'cache'))).not.toEqual([]);
});

test('a Node.js that is too old, or none, is one clear sentence', () => {
  const old = run(['ps'], { PATH: `${join(root, 'old')}:/usr/bin:/bin`, TRAMA_NODE: '' });
  expect(old).toMatchObject({ status: 1, stdout: '' });
  expect(old.stderr).toMatch(/^trama: Node.js 24 or later is needed \(found: v20.20.2\)[^\n]*\n$/);
  expect(run(['ps'], { TRAMA_NODE: '/nowhere/node' }).stderr).toMatch(
    /^trama: TRAMA_NODE is \/nowhere\/node, which[^\n]*\n$/,
  );
});
