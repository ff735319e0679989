/**
 * Contexts as files of the user's own: `contexts/NAME.json` with the key in it, and `context`, which names the one that is used.
 * Files are 0600, their directory 0700.
 */
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../domain/errors.ts';
import { privateDirectory, readIfThere, removeDurably, writeDurably } from '../../platform/files.ts';
import type { ContextServer, ContextStore, StoredContext } from '../cli/io.ts';
import { currentFile, directoryOf } from './places.ts';

const format = 1;
const suffix = '.json';

/** @throws Failure `invalid` without a home */
function configDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const directory = directoryOf(env);
  if (directory !== undefined) return directory;
  throw new Failure(
    'invalid',
    'contexts are kept in the home directory, and there is none: set HOME or XDG_CONFIG_HOME',
  );
}

export function contextFiles(env: Readonly<Record<string, string | undefined>>): ContextStore {
  const directory = () => join(configDirectory(env), 'contexts');
  const file = (name: string) => join(directory(), `${name}${suffix}`);
  const current = () => currentFile(configDirectory(env));
  const read = async (name: string): Promise<StoredContext | undefined> => {
    const text = await readIfThere(file(name));
    return text === undefined ? undefined : parsed(name, file(name), text);
  };
  return {
    read,
    async names() {
      const found = await readdir(directory()).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return found
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length))
        .sort();
    },
    async write({ name, key, servers }) {
      await privateDirectory(directory());
      await chmod(directory(), 0o700);
      await writeDurably(file(name), `${JSON.stringify({ version: format, key, servers }, null, 2)}\n`);
    },
    remove: (name) => removeDurably(file(name)),
    async current() {
      // Without a home nothing was chosen.
      if (!env.HOME && !env.XDG_CONFIG_HOME) return undefined;
      return (await readIfThere(current()))?.trim() || undefined;
    },
    async use(name) {
      await privateDirectory(configDirectory(env));
      if (name === undefined) await removeDurably(current());
      else await writeDurably(current(), `${name}\n`);
    },
  };
}

/** @throws Failure `invalid` that names the file and nothing of it */
function parsed(name: string, path: string, text: string): StoredContext {
  const { version, key, servers } = objectOf(text);
  if (typeof version === 'number' && version > format) {
    throw new Failure(
      'conflict',
      `${path} was written by a newer Trama: install that version, or make the context anew`,
    );
  }
  if (typeof key === 'string' && Array.isArray(servers) && servers.length > 0 && servers.every(isServer)) {
    return { name, key, servers };
  }
  throw new Failure(
    'invalid',
    `${path} is damaged: remove the context with \`trama context rm ${name}\` and make it anew`,
  );
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isServer(value: unknown): value is ContextServer {
  const { host, ports } = (value ?? {}) as { host?: unknown; ports?: Record<string, unknown> };
  const all = [ports?.requests, ports?.feed];
  return typeof host === 'string' && all.every((port) => typeof port === 'number');
}
