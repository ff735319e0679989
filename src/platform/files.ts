import { link, mkdir, open, readdir, readFile, readlink, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** @returns undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Replaces a file so that a reader, also one after a power cut, sees the old text or the new, never a part.
 * Resolved means durable. Mode 0600.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${nextTemporary()}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * The same for what is too long to be held at once. @param replace false: an existing file stays, whenever it came to be.
 * @throws a system error; EEXIST for a file that stays
 */
export async function writeAllDurably(path: string, text: AsyncIterable<string>, replace: boolean): Promise<void> {
  const temporary = `${path}.${process.pid}.${nextTemporary()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
}

let temporaries = 0;

function nextTemporary(): number {
  temporaries += 1;
  return temporaries;
}

export async function removeDurably(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Magic number of nsfs, what namespaces are bound from: statfs(2). */
const nsfs = 0x6e736673;

/** Whether a namespace is there: the file that it is bound to appears a moment before it, and may stay behind. */
export async function isNamespace(path: string): Promise<boolean> {
  try {
    return (await statfs(path)).type === nsfs;
  } catch {
    return false;
  }
}

/** Processes in network namespaces that are told by their paths; of those that are not there, none. */
export async function processesInNetworks(paths: readonly string[]): Promise<number[]> {
  const found = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ ino }) => `net:[${ino}]`,
        () => '',
      ),
    ),
  );
  const networks = new Set(found);
  if (networks.size === 0) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const own = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => 'gone')));
  return pids.filter((_, at) => networks.has(own[at] ?? 'gone')).map(Number);
}

/** Whether a process is in the network namespace. Cost: the number of processes. */
export async function isNetworkInUse(path: string): Promise<boolean> {
  const inode = await stat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
  if (inode === undefined) return false;
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    if ((await readlink(`/proc/${pid}/ns/net`).catch(() => '')) === `net:[${inode}]`) return true;
  }
  return false;
}

/** Makes a directory, and its parents, that only root can enter. */
export async function privateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** Files of a directory as [name, text]; those half-written are skipped. Empty when there is no directory. */
export async function readAll(directory: string): Promise<[string, string][]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const found: [string, string][] = [];
  for (const name of names.filter((name) => !name.endsWith('.tmp'))) {
    const text = await readIfThere(join(directory, name));
    if (text !== undefined) found.push([name, text]);
  }
  return found;
}
