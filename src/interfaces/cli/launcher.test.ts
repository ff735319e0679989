import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

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
  for (const daemon of ['up', 'server', 'agent']) expect(run([daemon]).stdout).toContain('--max-semi-space-size=4');
  expect(run(['ps']).stdout).not.toContain('--max-semi-space-size=4');
});

test('no command and no console compiles beside its work, which Node may wait for at the end for ever', () => {
  const flags = (...words: string[]) => run(words).stdout;
  for (const command of [['ps'], ['--context', 'prod', 'logs', 'web'], ['console']]) {
    expect(flags(...command)).toContain('"--no-concurrent-sparkplug"');
    expect(flags(...command)).toContain('"--no-concurrent-recompilation"');
  }
});

test('daemons give the memory of large messages back, unless told otherwise', async () => {
  const instead = join(root, 'says-limits');
  await writeFile(instead, '#!/bin/sh\necho "$MALLOC_MMAP_THRESHOLD_ $MALLOC_TRIM_THRESHOLD_"\n');
  await chmod(instead, 0o755);
  const said = (command: string, env = {}) => run([command], { TRAMA_NODE: instead, ...env }).stdout.trim();
  for (const daemon of ['up', 'server', 'agent']) expect(said(daemon)).toBe('131072 131072');
  expect(said('agent', { MALLOC_TRIM_THRESHOLD_: '1' })).toBe('131072 1');
  expect(said('ps')).toBe('');
});

describe('the console has a shell that waits for it', () => {
  const put = '\x1b[?1006l\x1b[?1000l\x1b[?1049l\x1b[?25h\x1b[0m';
  /** Instead of Node.js. */
  const ends = async (how: string) => {
    const node = join(root, 'ends');
    await writeFile(node, `#!/bin/sh\n${how}\n`);
    await chmod(node, 0o755);
    return run(['console', '--lang', 'es'], { TRAMA_NODE: node });
  };

  test('with its words, its input and its exit code', async () => {
    expect(run(['console', '--lang', 'es']).stdout).toContain('"--","console","--lang","es"');
    for (const context of [['--context', 'prod'], ['--context=prod']])
      expect(run([...context, 'console']).stdout).toContain('--max-old-space-size');
    expect(run(['--context', 'console', 'ps']).stdout).not.toContain('--max-old-space-size');
    expect(await ends('cat; exit 7')).toEqual({ status: 7, stdout: '', stderr: '' });
    expect(await ends('exit 143')).toMatchObject({ status: 143, stdout: '' });
  });

  test('that puts the terminal right when it was killed', async () => {
    expect(await ends('kill -KILL $$')).toMatchObject({ status: 137, stdout: put });
  });

  test('that hands signals on', async () => {
    // To the launcher, its parent; it ends as it wants.
    const { status, stdout } = await ends(
      "trap 'echo told; exit 3' TERM; kill -TERM $PPID; while :; do sleep 0.05; done",
    );
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'told\n' });
  });
});

test('compiles what a daemon loads before it starts, with its flags and without a word', async () => {
  const { stdout } = run(['agent', '--name', 'h1']);
  expect(stdout.split('\n')).toHaveLength(2);
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--no-concurrent-sparkplug',
    '--max-semi-space-size=4',
    '--optimize-for-size',
    '--heap-growing-percent=33',
  ];
  expect(JSON.parse(await readFile(join(root, 'home/warmed'), 'utf8'))).toEqual([...flags, '--', '--version']);
  expect(JSON.parse(stdout)).toEqual([...flags, '--', 'agent', '--name', 'h1']);
});

test('compiles it anew when something of the program has been put there since, and only then', async () => {
  const warmed = join(root, 'home/warmed');
  const warms = async (env = {}) => {
    await rm(warmed, { force: true });
    run(['server'], env);
    return readFile(warmed, 'utf8').then(
      () => true,
      () => false,
    );
  };
  const stamped = { NODE_COMPILE_CACHE: join(root, 'stamped') };
  expect(await warms(stamped)).toBe(true);
  expect(await warms(stamped)).toBe(false);
  await symlink(process.execPath, join(root, 'another'));
  expect(await warms({ ...stamped, TRAMA_NODE: join(root, 'another') })).toBe(true);
  expect(await warms({ ...stamped, TRAMA_NODE: join(root, 'another') })).toBe(false);
  expect(await warms(stamped)).toBe(true);
  // As a package does it: younger only by when it came here.
  const program = join(root, 'it is/src/main/trama.ts');
  await utimes(program, 1_000_000_000, 1_000_000_000);
  expect(await warms(stamped)).toBe(true);
  expect(await warms(stamped)).toBe(false);
  // It may start daemons otherwise.
  await copyFile(launcher, join(root, 'it is/bin/trama'));
  expect(await warms(stamped)).toBe(true);
  await rm(join(root, 'stamped'), { recursive: true });
  expect(await warms(stamped)).toBe(true);
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
