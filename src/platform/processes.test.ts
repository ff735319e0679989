import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startDetached } from './detached.ts';
import { childrenOf, identify, isRunning, processesWithEnvironment, signalProcess } from './processes.ts';
import { CommandFailed } from './spawn.ts';

async function logFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'processes-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return `${directory}/log`;
}

test('a detached process is found by its environment, leads a session of its own, and is gone after its signal', async () => {
  const label = `LABEL_${process.pid}`;
  const started = await startDetached(['sleep', '60'], { log: await logFile(), env: { [label]: 'a b' } });
  onTestFinished(() => signalProcess(started.pid, 'SIGKILL'));
  const identity = await identify(started.pid);
  if (!identity) throw new Error('it should run');
  expect(await processesWithEnvironment(`${label}=a b`)).toEqual([started.pid]);
  const stat = await readFile(`/proc/${started.pid}/stat`, 'utf8');
  expect(Number(stat.split(' ')[5])).toBe(started.pid);
  expect(await isRunning({ ...identity, startTime: '1' })).toBe(false);
  expect(await isRunning(identity)).toBe(true);
  signalProcess(started.pid, 'SIGKILL');
  expect(await started.ended).toBe(-1);
  expect(await isRunning(identity)).toBe(false);
  signalProcess(started.pid, 'SIGKILL');
});

test('both outputs go to the log, which is kept from an earlier start; the exit code is told', async () => {
  const log = await logFile();
  for (const word of ['one', 'two']) {
    const { ended } = await startDetached(['sh', '-c', 'echo "$1"; echo "$1" >&2; exit 3', 'sh', word], { log });
    expect(await ended).toBe(3);
  }
  expect(await readFile(log, 'utf8')).toBe('one\none\ntwo\ntwo\n');
});

test('a program that is not there is an error at once', async () => {
  await expect(startDetached(['no-such-program'], { log: await logFile() })).rejects.toThrow(CommandFailed);
});

test('children of a process are told, and none of one that is gone', async () => {
  const shell = await startDetached(['sh', '-c', 'sleep 60 & echo $!; wait'], { log: await logFile() });
  await expect.poll(() => childrenOf(shell.pid)).toHaveLength(1);
  const [child] = await childrenOf(shell.pid);
  if (child === undefined) throw new Error('the shell should have a child');
  signalProcess(child, 'SIGKILL');
  await shell.ended;
  expect(await childrenOf(shell.pid)).toEqual([]);
});
