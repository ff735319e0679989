import { existsSync } from 'node:fs';
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../domain/domain.ts';
import { type Finished, processesWithEnvironment, type Spawn, signalProcess, spawn } from '../platform/platform.ts';
import { cgroupOf, closeSession, deadSessions, directoryOf, labelOf, namespacePrefix } from './session.ts';

/**
 * Removes what labs left whose owner was killed. Labs whose owner lives are not touched. Several may reap at once.
 * @returns the removed sessions' names.
 * @throws Failure that names what could not be removed, after all else was.
 */
export async function reapDeadLabs(run: Spawn = spawn): Promise<string[]> {
  const removed: string[] = [];
  const problems: string[] = [];
  for (const { name } of await deadSessions()) {
    await removeSession(name, run).then(
      () => removed.push(name),
      (error: Error) => problems.push(error.message),
    );
  }
  if (problems.length > 0) throw new Failure('internal', problems.join(' '));
  return removed;
}

/**
 * Removes everything that carries a session's name: processes, namespaces, control groups, directory, and last its record.
 * Each removal is tried whatever became of the others.
 * @throws Failure that names what could not be removed; the record stays then, for the reaper.
 */
export async function removeSession(session: string, run: Spawn): Promise<void> {
  const problems: string[] = [];
  const attempt = async (what: string, act: () => Promise<void>) => {
    await act().catch((error: unknown) => problems.push(`${what}: ${error instanceof Error ? error.message : error}`));
  };
  await attempt('processes', () => killLabelled(session));
  await attempt('network namespaces', () => deleteNamespaces(namespacePrefix(session), run));
  await attempt('control groups', () => removeCgroups(cgroupOf(session)));
  await attempt('directory', () => removeTree(directoryOf(session), run));
  if (problems.length > 0) {
    throw new Failure(
      'internal',
      `Lab ${session} was not removed completely; the next one tries again: ${problems.join('; ')}`,
    );
  }
  await closeSession(session);
}

/** Killing a host's pid 1 kills all in it; containers carry no label and need none. */
async function killLabelled(session: string): Promise<void> {
  const label = Object.entries(labelOf(session)).map(([name, value]) => `${name}=${value}`)[0] ?? '';
  for (let attempts = 200; attempts > 0; attempts -= 1) {
    const pids = await processesWithEnvironment(label);
    if (pids.length === 0) return;
    for (const pid of pids) signalProcess(pid, 'SIGKILL');
    await delay(25);
  }
  throw new Error('some outlive SIGKILL');
}

async function deleteNamespaces(prefix: string, run: Spawn): Promise<void> {
  const names = await readdir('/run/netns').catch(() => []);
  for (const name of names.filter((name) => name.startsWith(prefix))) {
    await removed(`/run/netns/${name}`, () => run({ argv: ['ip', 'netns', 'delete', name] }));
  }
}

/** Another reaper may be at the same work: what counts is that the thing is gone. */
async function removed(path: string, act: () => Promise<Finished>): Promise<void> {
  const { stderr } = await act();
  if (existsSync(path)) throw new Error(stderr.trim());
}

/** @param path below the mount point of every hierarchy, v1 or v2. A group stays busy for a moment after its last process. */
export async function removeCgroups(path: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line));
  for (const line of mounts) {
    const group = join(line.split(' ')[4] ?? '/', path);
    for (let attempts = 100; existsSync(group); attempts -= 1) {
      await removeGroup(group).catch((error: unknown) => {
        if (attempts === 0) throw error;
      });
      if (existsSync(group)) await delay(20);
    }
  }
}

async function removeGroup(group: string): Promise<void> {
  for (const entry of await readdir(group, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(group, entry.name));
  }
  await rmdir(group);
}

/** Hosts' mounts are in their own namespaces and gone with them; --one-file-system is for the day when one is not. */
export async function removeTree(path: string, run: Spawn): Promise<void> {
  const argv = ['rm', '-rf', '--one-file-system', '--', path] as const;
  await removed(path, () => run({ argv, timeoutMs: 60_000 }));
}
