/** `trama store …`: files, keys and stores, joined to what `server/backup` does with them. */
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyPair } from '../bus/bus.ts';
import { Failure, isFailure } from '../domain/domain.ts';
import type { EtcdOptions, Note, StorePlace, StoreTools } from '../interfaces/cli/io.ts';
import { connectLocalApi } from '../interfaces/local/client.ts';
import { systemClock, writeAllDurably } from '../platform/platform.ts';
import { dump } from '../server/backup/dump.ts';
import { type BackupHeader, readBackup } from '../server/backup/lines.ts';
import { migrateStore } from '../server/backup/migrate.ts';
import { restoreBackup } from '../server/backup/restore.ts';
import { whileHeld } from '../server/backup/serving.ts';
import { readEpoch } from '../server/epoch.ts';
import { placeSharedKeys, readSharedKeys } from '../server/shared-keys.ts';
import type { Store } from '../store/store.ts';
import { isExclusive, openStore } from './open-store.ts';
import { readKeys, saveKeys } from './server-keys.ts';
import { serverSocket } from './sockets.ts';
import { version } from './version.ts';

/** A person waits: told about once a second of a large store, never of a small one. */
const keysPerNote = 5000;

const tools: StoreTools = {
  async backup(from, file, force, note) {
    if (!force && (await isThere(file))) throw fileIsThere(file);
    let keys = 0;
    const counted = progress('read', note, () => keys);
    await using resources = new AsyncDisposableStack();
    const lines = await linesOf(from, resources);
    const counting = async function* () {
      for await (const text of lines) {
        keys += countLines(text);
        counted();
        yield text;
      }
    };
    await withFile(file, () => writeAllDurably(file, counting(), force));
    return `the cluster is in ${file}, with the secret keys of its servers: keep it where only root reads it`;
  },

  async restore(file, to, force, note) {
    const read = () => createReadStream(file);
    const verified = await withFile(file, () => readBackup(file, read()));
    const { keys } = verified.header;
    if (isExclusive(to.store)) await checkKeys(to, keys, force);
    await using store = await openStore(to.store, join(to.state, 'server'));
    const onProgress = progressOf('written', note);
    const beforeEnd = () => placeKeys(store, to, keys);
    const options = { exclusive: isExclusive(to.store), force, clock: systemClock, onProgress, beforeEnd };
    await withFile(file, () => restoreBackup(store, file, verified, read, options));
    const time = new Date(verified.header.time).toISOString();
    return `the cluster is as it was at ${time} (revision ${verified.revision}): start the servers, and every node tells what it has had since`;
  },

  async migrate(from, to, force, note) {
    await checkThere(from);
    await using source = await openStore(from.store, join(from.state, 'server'));
    const known = await keysOf(source, from);
    if (known !== undefined && isExclusive(to.store)) await checkKeys(to, known, force);
    await using target = await openStore(to.store, join(to.state, 'server'));
    const keys = await migrateStore(named(source, from), named(target, to), {
      force,
      clock: systemClock,
      onProgress: progressOf('written', note),
      beforeEnd: async () => {
        if (known !== undefined) await placeKeys(target, to, known);
      },
    });
    const words = `--store ${nameOf(to)}`;
    return `${keys} keys have moved from ${nameOf(from)} to ${nameOf(to)}: start the servers with ${words}`;
  },
};

export const storeTools: StoreTools = {
  backup: (...words) => awake(() => tools.backup(...words)),
  restore: (...words) => awake(() => tools.restore(...words)),
  migrate: (...words) => awake(() => tools.migrate(...words)),
};

/** A clock that sleeps keeps no process alive, and a store that does not answer is waited for by sleeping. */
async function awake<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** The lines of a backup: of a file that a server has for itself, by asking that server. */
async function linesOf(from: StorePlace, resources: AsyncDisposableStack): Promise<AsyncIterable<string>> {
  await checkThere(from);
  const directory = join(from.state, 'server');
  let store: Store;
  try {
    store = resources.use(await openStore(from.store, directory));
  } catch (error) {
    if (!isExclusive(from.store) || !isFailure(error, 'conflict')) throw error;
    return linesOfServer();
  }
  const keys = await keysOf(store, from);
  if (keys === undefined) {
    throw new Failure(
      'not-found',
      `${directory} holds no keys of a server, without which nodes would not know a restored one: run this on the host of a server, with its --state`,
    );
  }
  const { epoch, shift } = await readEpoch(store);
  const header: Omit<BackupHeader, 'format' | 'version' | 'cluster'> = {
    ...{ epoch, keys, trama: version },
    time: systemClock.now(),
  };
  return dump(store, { shift, header, now: systemClock.now });
}

/** What nodes know the cluster's servers by. */
async function keysOf(store: Store, { store: kind, state }: StorePlace): Promise<KeyPair | undefined> {
  const shared = isExclusive(kind) ? undefined : await readSharedKeys(store);
  return shared ?? (await readKeys(join(state, 'server')));
}

/** @throws Failure `conflict` when others would be replaced */
async function checkKeys({ state }: StorePlace, keys: KeyPair, force: boolean): Promise<void> {
  const directory = join(state, 'server');
  const known = await readKeys(directory);
  if (force || known === undefined || known.publicKey === keys.publicKey) return;
  throw new Failure(
    'conflict',
    `${directory} holds the keys of another server: the nodes of this cluster would not know it; name another --state, or replace them with --force`,
  );
}

/** A server that finds a store and no keys would make new ones, and no node would know it. */
async function placeKeys(store: Store, { store: kind, state }: StorePlace, keys: KeyPair): Promise<void> {
  const directory = join(state, 'server');
  if (!isExclusive(kind)) return placeSharedKeys(store, keys, await whileHeld(store, false));
  const known = await readKeys(directory);
  if (known?.publicKey !== keys.publicKey) await saveKeys(directory, keys);
}

async function* linesOfServer(): AsyncGenerator<string, void, void> {
  const stream = await connectLocalApi({ socketPaths: [serverSocket] }).open('store.backup', {});
  const text = new TextDecoder();
  for await (const { data } of stream) yield text.decode(data, { stream: true });
  await stream.result;
}

/** A store that is opened is made where it is missing, and then there would be nothing in it. */
async function checkThere({ store, state }: StorePlace): Promise<void> {
  const file = join(state, 'server', 'store.db');
  if (store !== 'sqlite' || (await isThere(file))) return;
  throw new Failure('not-found', `there is no store at ${file}: name the state directory of the server with --state`);
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const fileIsThere = (file: string): Failure =>
  new Failure('conflict', `${file} is there already: name another file, or replace it with --force`);

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of its path is a file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read or written',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
  EDQUOT: 'its disk is full',
};

/** @throws Failure instead of a system error about the file */
async function withFile<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw fileIsThere(file);
    const reason = reasons[code];
    if (isFailure(error) || reason === undefined) throw error;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    throw new Failure(full ? 'exhausted' : 'not-found', `${file} cannot be used: ${reason}`, { cause: error });
  }
}

const named = (store: Store, place: StorePlace) => ({
  store,
  name: nameOf(place),
  exclusive: isExclusive(place.store),
});

function nameOf({ store, state }: StorePlace): string {
  return typeof store === 'string' ? `${store} --state ${state}` : etcdName(store);
}

const etcdName = ({ hosts }: EtcdOptions): string =>
  `etcd://${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}`;

/** Pieces of a stream are not lines. */
function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

function progressOf(done: string, note: Note): (keys: number) => void {
  let keys = 0;
  const tell = progress(done, note, () => keys);
  return (now) => {
    keys = now;
    tell();
  };
}

function progress(done: string, note: Note, keys: () => number): () => void {
  let next = keysPerNote;
  return () => {
    if (keys() < next) return;
    next = keys() + keysPerNote;
    note(`${keys()} keys ${done}`);
  };
}
