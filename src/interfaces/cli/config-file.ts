/** `/etc/trama/config.yaml`: a map from the daemons' flags, without dashes, to their values. */
import { quoted } from '../../domain/quoted.ts';
import { alternatives } from './text.ts';
import { UsageError } from './usage.ts';

export const configPath = '/etc/trama/config.yaml';

export interface ConfigEntry {
  readonly text: string;
  /** File and line, for messages. */
  readonly where: string;
}

/** @returns entries by key; none when there is no file. @throws UsageError that names file and line. */
export async function readConfig(
  read: (path: string) => Promise<string | undefined>,
  keys: readonly string[],
): Promise<ReadonlyMap<string, ConfigEntry>> {
  let text: string | undefined;
  try {
    text = await read(configPath);
  } catch (error) {
    throw new UsageError(`${configPath} cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
  return text === undefined ? new Map() : parseConfig(text, keys);
}

async function parseConfig(text: string, keys: readonly string[]): Promise<ReadonlyMap<string, ConfigEntry>> {
  // Loaded only where there is a file.
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${configPath} line ${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error) throw new UsageError(`${at(error.pos[0])}: ${error.message}`, { cause: error });
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return new Map();
  if (!isMap(root)) throw new UsageError(`${configPath}: it must hold lines like "state: /var/lib/trama"`);
  const entries = new Map<string, ConfigEntry>();
  for (const { key, value } of root.items) {
    const where = at(isScalar(key) ? (key.range?.[0] ?? 0) : 0);
    const name = isScalar(key) ? String(key.value) : '';
    if (!keys.includes(name)) {
      throw new UsageError(`${where}: ${quoted(name)} is not a setting: there are ${alternatives(keys)}`);
    }
    if (value === null || (isScalar(value) && value.value === null)) continue;
    if (!isScalar(value)) throw new UsageError(`${where}: ${name} takes one value, not a list or a map`);
    // As it was written: 010 and 1e3 are no numbers to us.
    entries.set(name, { text: value.source ?? String(value.value), where: `${where}, ${name}` });
  }
  return entries;
}
