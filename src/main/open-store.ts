/** The store that a server was told to stand over. Loads only that one. */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../domain/domain.ts';
import type { ServerOptions } from '../interfaces/interfaces.ts';
import { systemClock } from '../platform/platform.ts';
import type { Store } from '../store/store.ts';
import { etcdStore, sqliteStore } from './daemon-modules.ts';

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

async function readFlag(flag: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('invalid', `${flag}: ${path} cannot be read: ${reason}`, { cause });
  }
}
