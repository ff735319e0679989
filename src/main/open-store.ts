/** The store that a server was told to stand over. Loads only that one. */
import { randomBytes, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../domain/domain.ts';
import type { ServerOptions } from '../interfaces/interfaces.ts';
import { type Log, systemClock } from '../platform/platform.ts';
import { shiftedStore } from '../store/shifted-store.ts';
import type { Store } from '../store/store.ts';
import { etcdStore, serving, sqliteStore } from './daemon-modules.ts';
import { version } from './version.ts';

/** @param directory the server's own. @throws Failure when it cannot be opened. */
export async function openStore(store: ServerOptions['store'], directory: string): Promise<Store> {
  if (store === 'memory') {
    return (await import('../store/memory/memory-store.ts')).createMemoryStore({ clock: systemClock });
  }
  if (store === 'sqlite') {
    const { openSqliteStore } = await sqliteStore();
    return openSqliteStore({ path: join(directory, 'store.db'), clock: systemClock });
  }
  const { hosts, prefix, user } = store;
  const [ca, certificate, key] = await Promise.all([
    readFlag('etcd-ca', store.ca),
    readFlag('etcd-cert', store.certificate),
    readFlag('etcd-key', store.key),
  ]);
  const password = (await readFlag('etcd-password-file', user?.passwordFile))?.toString('utf8').replace(/\r?\n$/, '');
  if (password === '') throw new Failure('invalid', `etcd-password-file: ${user?.passwordFile} is empty`);
  const tls = { ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }) };
  const { openEtcdStore } = await etcdStore();
  // Servers begin at different members.
  const first = randomInt(hosts.length);
  return openEtcdStore({
    hosts: [...hosts.slice(first), ...hosts.slice(0, first)],
    prefix,
    clock: systemClock,
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    ...(user === undefined || password === undefined ? {} : { user: { name: user.name, password } }),
  });
}

/** Whether other processes are kept out by the store itself. */
export const isExclusive = (store: ServerOptions['store']): boolean => typeof store === 'string';

/**
 * The store as a server serves it: counted on from where the cluster's last one ended.
 * @param resources what it takes is given back with them
 * @param stop is called when the store is somebody else's
 * @throws Failure `conflict` when the store is half restored, or the cluster has left it
 */
export async function openServedStore(
  kind: ServerOptions['store'],
  directory: string,
  resources: AsyncDisposableStack,
  log: Log,
  stop: () => void,
): Promise<Store> {
  const store = resources.use(await openStore(kind, directory));
  const { startServing, readEpoch } = await serving();
  const id = randomBytes(8).toString('hex');
  const options = { clock: systemClock, log, id, exclusive: isExclusive(kind), trama: version, onLost: stop };
  resources.use(await startServing(store, options));
  return shiftedStore(store, (await readEpoch(store)).shift);
}

async function readFlag(flag: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('invalid', `${flag}: ${path} cannot be read: ${reason}`, { cause });
  }
}
