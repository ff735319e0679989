/** Where a server keeps the cluster: the words of `--store` and `--etcd-…`, and what goes with what. */
import { Failure, isFailure } from '../../domain/errors.ts';
import { quoted } from '../../domain/quoted.ts';
import { parseServer, type ServerAddress } from '../../domain/token.ts';
import type { EtcdOptions, ServerOptions } from './io.ts';
import { UsageError } from './usage.ts';

export type StoreKind = 'sqlite' | 'memory' | { readonly hosts: readonly ServerAddress[] };

const scheme = 'etcd://';
const etcdPort = 2379;

/** @throws Failure `invalid` */
export function storeKind(text: string): StoreKind {
  if (text === 'sqlite' || text === 'memory') return text;
  if (!text.startsWith(scheme)) {
    throw new Failure(
      'invalid',
      `${quoted(text)} is not a store: there are sqlite, memory and ${scheme}H1:2379,H2:2379`,
    );
  }
  const hosts = text.slice(scheme.length).split(',').map(etcdHost);
  const places = new Set(hosts.map(({ host, port }) => `${host} ${port}`));
  if (places.size < hosts.length) throw new Failure('invalid', `${quoted(text)} names a member twice: name each once`);
  return { hosts };
}

function etcdHost(text: string): ServerAddress {
  try {
    return parseServer(text, etcdPort);
  } catch (cause) {
    if (!isFailure(cause)) throw cause;
    const message = `${quoted(text)} is not an etcd's address: write it like 10.0.0.1 or 10.0.0.1:${etcdPort}`;
    throw new Failure('invalid', message, { cause });
  }
}

/** Keys begin with it, so that it can be no text that a key cannot hold. */
export function etcdPrefix(text: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text;
  throw new Failure(
    'invalid',
    `${quoted(text)} cannot be a prefix of keys: use up to 200 letters, digits and signs, like trama/`,
  );
}

export function etcdUser(text: string): string {
  if (/^[^\0\n]{1,200}$/.test(text)) return text;
  throw new Failure('invalid', `${quoted(text)} cannot be a user of etcd: it is a name`);
}

export const etcdSettings = [
  'etcd-ca',
  'etcd-cert',
  'etcd-key',
  'etcd-user',
  'etcd-password-file',
  'etcd-prefix',
] as const;

type EtcdValues = { readonly [K in (typeof etcdSettings)[number]]: string | undefined };

/** @throws UsageError when the settings do not go together. */
export function storeOptions(store: StoreKind, values: EtcdValues): ServerOptions['store'] {
  if (typeof store === 'string') {
    const stray = etcdSettings.find((name) => values[name] !== undefined);
    if (stray === undefined) return store;
    throw new UsageError(
      `${stray} is for an etcd, and the store is ${store}: set store to ${scheme}HOST, or leave ${stray} out`,
    );
  }
  const { 'etcd-ca': ca, 'etcd-cert': certificate, 'etcd-key': key } = values;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new UsageError('etcd-cert and etcd-key belong together: set both, or neither');
  }
  return {
    hosts: store.hosts,
    prefix: values['etcd-prefix'] ?? 'trama/',
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    ...userOptions(values),
  };
}

function userOptions({ 'etcd-user': name, 'etcd-password-file': passwordFile }: EtcdValues): Pick<EtcdOptions, 'user'> {
  if (name === undefined && passwordFile === undefined) return {};
  if (name === undefined || passwordFile === undefined) {
    throw new UsageError('etcd-user and etcd-password-file belong together: set both, or neither');
  }
  return { user: { name, passwordFile } };
}
