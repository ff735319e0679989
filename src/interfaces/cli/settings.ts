/** Settings of the daemons: from flags, else the environment, else the configuration file, else their default. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { canonicalAddress } from '../../domain/address.ts';
import { isFailure } from '../../domain/errors.ts';
import { checkNodeName } from '../../domain/names.ts';
import { parseDuration, parsePort } from '../../domain/run-options.ts';
import { type JoinTarget, parseJoin, parseServer } from '../../domain/token.ts';
import { type ConfigEntry, readConfig } from './config-file.ts';
import type { CliIo } from './io.ts';
import { etcdPrefix, etcdUser, storeKind } from './store-flags.ts';
import { UsageError } from './usage.ts';
import { directory, oneOf, portOrNone } from './values.ts';

interface Setting<T, D extends string | undefined = string | undefined> {
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly says: string;
  /** @throws Failure `invalid` */
  readonly parse: (text: string) => T;
  /** As it would be typed. */
  readonly byDefault: D;
}

const requestsPort = 4701;
const apiPort = 4705;
const logFormat = oneOf('a format of the log', ['text', 'json']);
const path = (text: string): string => resolve(directory(text));

/** By flag, without the dashes; the same word is the key in the file and, in capitals after TRAMA_, the variable. */
const settings = {
  store: setting(
    'KIND',
    'where the cluster is kept: sqlite, memory (lost at the end), or etcd://H1[:2379][,H2…]',
    storeKind,
    'sqlite',
  ),
  'etcd-ca': setting('FILE', 'etcd by TLS: certificates of the authorities that it must be from (PEM)', path),
  'etcd-cert': setting('FILE', 'etcd by TLS: the certificate that we show it (PEM)', path),
  'etcd-key': setting('FILE', 'the key of --etcd-cert (PEM)', path),
  'etcd-user': setting('NAME', "etcd's user", etcdUser),
  'etcd-password-file': setting('FILE', 'file with the password of --etcd-user', path),
  'etcd-prefix': setting(
    'TEXT',
    'before all keys in etcd; each cluster in it needs its own (default: trama/)',
    etcdPrefix,
  ),
  listen: setting('IP', 'address to listen on', canonicalAddress, '0.0.0.0'),
  advertise: setting(
    'HOST',
    'address or name that agents reach this server at (default: --listen, or of the default route, or the only one)',
    advertised,
  ),
  'requests-port': setting('PORT', 'port for requests of agents', parsePort, String(requestsPort)),
  'feed-port': setting('PORT', 'port of the feed of changes', parsePort, '4702'),
  'suspect-after': setting('TIME', 'silence after which a node is suspect', parseDuration, '3s'),
  'down-after': setting('TIME', 'silence after which it is down: peers fence it, its names go', parseDuration, '5s'),
  'evict-after': setting('TIME', 'silence after which what it had is given away', parseDuration, '60s'),
  'http-port': setting('PORT', "port of the server's figures and health over HTTP, or none", portOrNone, '4700'),
  'agent-http-port': setting('PORT', "port of the agent's figures and health over HTTP, or none", portOrNone, '4704'),
  'http-listen': setting('IP', 'address at which figures and health are served', canonicalAddress, '127.0.0.1'),
  'api-listen': setting('IP[:PORT]', 'serve the HTTP API over TLS there, to users; port 4705 unless given', apiPlace),
  'api-cert': setting('FILE', 'the certificate of the HTTP API (PEM; default: one of its own)', path),
  'api-key': setting('FILE', 'the key of --api-cert (PEM)', path),
  join: setting('TOKEN@HOST', 'join the cluster of these servers: TOKEN@HOST[:PORT][,HOST…]', joinTarget),
  name: setting('NAME', "this node's name (default: the host's name)", checkNodeName),
  address: setting(
    'IP',
    'address that other nodes reach this host at (default: of the default route, or the only one)',
    canonicalAddress,
  ),
  'docker-socket': setting('PATH', "the Docker Engine's socket", path, '/var/run/docker.sock'),
  'log-format': setting('LOG', 'how the log is written: text or json', logFormat, 'text'),
  state: setting('DIR', 'directory of what must survive a restart', path, '/var/lib/trama'),
} as const;

type Settings = typeof settings;
export type SettingName = keyof Settings;
type Value<N extends SettingName> =
  Settings[N] extends Setting<infer T, infer D> ? T | (D extends string ? never : undefined) : never;
export type Values<N extends SettingName> = { readonly [K in N]: Value<K> };

function setting<T, D extends string | undefined = undefined>(
  placeholder: string,
  says: string,
  parse: (text: string) => T,
  byDefault?: D,
): Setting<T, D> {
  return { placeholder, says, parse, byDefault: byDefault as D };
}

function joinTarget(text: string): JoinTarget {
  return parseJoin(text, requestsPort);
}

function apiPlace(text: string): { readonly address: string; readonly port: number } {
  const { host, port } = parseServer(text, apiPort);
  return { address: canonicalAddress(host), port };
}

/** Ports are told apart from it. */
function advertised(text: string): string {
  const { host, port } = parseServer(text, requestsPort);
  if (port !== requestsPort || text.endsWith(`:${requestsPort}`))
    throw new UsageError(`${text} has a port: give the address alone, ports have flags of their own`);
  return host;
}

const variable = (name: SettingName): string => `TRAMA_${name.toUpperCase().replaceAll('-', '_')}`;

export interface SettingShown {
  readonly name: SettingName;
  readonly variable: string;
  readonly byDefault: string | undefined;
}

export const allSettings: readonly SettingShown[] = (Object.keys(settings) as SettingName[]).map((name) => ({
  name,
  variable: variable(name),
  byDefault: settings[name].byDefault,
}));

export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const { placeholder, says, byDefault } = settings[name] as Setting<unknown>;
    const note = `${byDefault === undefined ? '' : `default: ${byDefault}; `}also ${variable(name)}`;
    command.option(`--${name} <${placeholder}>`, `${says} (${note})`);
  }
  return command;
}

/** @param flags of the command line, as commander names them. @throws UsageError that says where the bad value is. */
export async function resolveSettings<N extends SettingName>(
  io: Pick<CliIo, 'env' | 'readFile'>,
  flags: Readonly<Record<string, string | undefined>>,
  names: readonly N[],
): Promise<Values<N>> {
  const file = await readConfig((path) => io.readFile(path), Object.keys(settings));
  const values = names.map((name) => [name, settled(name, flags, io.env, file)] as const);
  return Object.fromEntries(values) as Values<N>;
}

function settled(
  name: SettingName,
  flags: Readonly<Record<string, string | undefined>>,
  env: CliIo['env'],
  file: ReadonlyMap<string, ConfigEntry>,
): unknown {
  const { parse, byDefault } = settings[name] as Setting<unknown>;
  const entry = file.get(name);
  const sources: readonly (readonly [where: string, text: string | undefined])[] = [
    [`--${name}`, flags[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())]],
    // An empty variable counts as none: that is how they are unset in unit files.
    [variable(name), env[variable(name)] || undefined],
    [entry?.where ?? '', entry?.text],
    ['default', byDefault],
  ];
  const [where, text] = sources.find(([, text]) => text !== undefined) ?? [];
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (isFailure(error)) throw new UsageError(`${where}: ${error.message}`, { cause: error });
    throw error;
  }
}
