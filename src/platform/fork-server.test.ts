import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createForkServer } from './fork-server.ts';
import { identify } from './processes.ts';
import { type Command, CommandFailed, output, type Spawn, spawn } from './spawn.ts';

function forkServer(direct: Spawn = () => Promise.reject(new Error('spawned from this process'))) {
  const server = createForkServer(direct);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

const sh = (script: string, ...args: string[]): Command => ({ argv: ['sh', '-c', script, 'sh', ...args] });

const odd: Command[] = [
  sh('printf one; printf two >&2; exit 3'),
  sh('true'),
  sh('echo; echo; printf "\n\n" >&2'),
  sh('for word in "$@"; do printf "%s|" "$word"; done', '', "a'b", '$HOME `id`', '\\', '-n', '*', 'a\nb', 'ü\u0001'),
  { argv: ['cat'], input: "one 'two' $three `four` \\\n\n<<EOF\n" },
  { argv: ['cat'], input: '' },
  { argv: ['cat'] },
  { argv: ['printf', '%s', 'not the shell’s own'] },
  { argv: ['sh', '-c', 'echo "$ONE/$TWO/$HOME"'], env: { ONE: "it's", TWO: '' } },
  sh('sleep 0.05; seq 100000; seq 100000 >&2'),
  sh('exit 255'),
  sh('exit 127'),
  { argv: ['/bin/echo', 'by its path'] },
];

test.each(odd)('$argv ends and says the same as when it is spawned', async (command) => {
  const server = forkServer();
  const expected = await spawn(command);
  expect(await server.spawn(command)).toEqual(expected);
  expect(await server.spawn(command)).toEqual(expected);
});

test.each<[string, Command]>([
  ['a directory of its own', { argv: ['pwd'], cwd: '/usr' }],
  ['an input without an end of line', { argv: ['cat'], input: 'x' }],
  ['a long input', { argv: ['wc', '-c'], input: `${'x'.repeat(20_000)}\n` }],
  ['a variable that no shell could set', { argv: ['env'], env: { 'a.b': '1' } }],
])('with %s a command is spawned as ever', async (_what, command) => {
  const direct = vi.fn(spawn);
  expect(await forkServer(direct).spawn(command)).toEqual(await spawn(command));
  expect(direct).toHaveBeenCalledExactlyOnceWith(command);
});

test('one shell serves whatever follows one another, four whatever comes at once', async () => {
  const server = forkServer(spawn);
  const processes = new Set<string>();
  for (let i = 0; i < 10; i += 1) processes.add((await server.spawn(sh('echo $PPID'))).stdout);
  expect(processes.size).toBe(1);
  const finished = await Promise.all(Array.from({ length: 12 }, () => server.spawn(sh('echo $PPID'))));
  for (const { stdout } of finished) processes.add(stdout);
  // What no shell is free for soon, on a slow host.
  processes.delete(`${process.pid}\n`);
  expect(processes.size).toBe(4);
});

test('what no shell is free for is spawned a moment later', async () => {
  const direct = vi.fn(spawn);
  const server = forkServer(direct);
  const long = Array.from({ length: 4 }, () => server.spawn(sh('sleep 1.5; echo done')));
  expect((await server.spawn(sh('echo now'))).stdout).toBe('now\n');
  expect(direct).toHaveBeenCalledOnce();
  expect((await Promise.all(long)).map(({ stdout }) => stdout)).toEqual(Array(4).fill('done\n'));
});

test('a program that is missing is told as one, also when it has only just gone', async () => {
  const server = forkServer(spawn);
  await expect(server.spawn({ argv: ['no-such-program'] })).rejects.toThrow('is not installed');
  const directory = await mkdtemp(join(tmpdir(), 'fork-server-'));
  const path = process.env.PATH;
  onTestFinished(async () => {
    process.env.PATH = path;
    await rm(directory, { recursive: true, force: true });
  });
  process.env.PATH = `${directory}:${path}`;
  const program = join(directory, 'a-program');
  await spawn(sh('printf "#!/bin/sh\necho here\n" > "$1"; chmod 755 "$1"', program));
  expect((await server.spawn({ argv: ['a-program'] })).stdout).toBe('here\n');
  await rm(program);
  await expect(server.spawn({ argv: ['a-program'] })).rejects.toThrow('a-program: is not installed');
});

test('a command that takes too long is killed with what it started, and the next finds a shell', async () => {
  const server = forkServer();
  const directory = await mkdtemp(join(tmpdir(), 'fork-server-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const late = sh('printf before; (sleep 2; touch "$1/late") & sleep 60', directory);
  const failure = await server.spawn({ ...late, timeoutMs: 200 }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CommandFailed);
  expect(failure).toMatchObject({ message: expect.stringContaining('took longer than 200 ms'), result: { code: -1 } });
  expect((await server.spawn(sh('sleep 2.2; echo again'))).stdout).toBe('again\n');
  expect(await readdir(directory)).toEqual([]);
});

test('a shell that is killed takes its command along, and no other', async () => {
  const server = forkServer();
  const first = server.spawn(sh('kill -9 $PPID; sleep 60')).catch((error: unknown) => error);
  const second = server.spawn(sh('sleep 0.3; echo second'));
  expect(await first).toMatchObject({ message: expect.stringContaining('was interrupted') });
  expect((await second).stdout).toBe('second\n');
  expect((await server.spawn(sh('echo third'))).stdout).toBe('third\n');
});

test('when it ends, its shells and what runs in them are gone', async () => {
  const server = createForkServer(spawn);
  const { stdout: shell } = await server.spawn(sh('echo $PPID'));
  expect(await identify(Number(shell))).toBeDefined();
  const long = server.spawn({ argv: ['sleep', '60'] }).catch((error: unknown) => error);
  await server[Symbol.asyncDispose]();
  expect(await long).toMatchObject({ message: expect.stringContaining('was interrupted') });
  expect(await identify(Number(shell))).toBeUndefined();
  expect((await server.spawn(sh('echo after'))).stdout).toBe('after\n');
});

test('without a file to open it says so, and goes on when there is one', async () => {
  const module = (name: string) => new URL(`./${name}.ts`, import.meta.url).href;
  const script = `import { closeSync, openSync } from 'node:fs';
    import { createForkServer } from '${module('fork-server')}';
    await using server = createForkServer();
    const held = [];
    try { for (;;) held.push(openSync('/dev/null')); } catch {}
    console.log(await server.spawn({ argv: ['true'] }).then(() => 'ran', ({ cause }) => cause.code));
    for (const each of held) closeSync(each);
    console.log((await server.spawn({ argv: ['echo', 'ran'] })).stdout);`;
  const argv = ['sh', '-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script] as const;
  expect(await output(spawn, { argv: [...argv], timeoutMs: 60_000 })).toBe('EMFILE\nran\n\n');
}, 60_000);
