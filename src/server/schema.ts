/**
 * The form of what is in the store, and how it goes on to the next (docs/adr/0014-versions.md). A form has a number. A server
 * works on a store whose `needs` it reaches, also when newer servers have added to it what it passes over; and it brings an
 * older store forward when it starts. Steps may be done by several servers at once, and again after one was killed half-way.
 */
import { Failure } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import type { Condition, KeyRange, Store } from '../store/store.ts';
import { schemaKey, servingRange } from './keys.ts';
import { asSeen, type Found, put, read, readAll } from './records.ts';

export interface SchemaRecord {
  /** Which step was the last to be done. */
  readonly version: number;
  /** Servers whose own schema is below cannot work on it. */
  readonly needs: number;
  /** The Trama that wrote this, for people. */
  readonly trama: string;
}

/** From the form before to this one. */
export interface SchemaStep {
  readonly to: number;
  /**
   * The lowest schema whose servers can work on what it leaves. Of the release before at most, so that servers can be replaced one
   * after the other: a release that reads a new form comes before the one that writes it.
   */
  readonly needs: number;
  readonly range: KeyRange;
  /** @returns the record in the new form; one that is in it already, as it is */
  convert(record: unknown): unknown;
}

export interface Schema {
  readonly version: number;
  /** In order, one for each version above 1. */
  readonly steps: readonly SchemaStep[];
}

export const ownSchema: Schema = { version: 1, steps: [] };

/** Who serves a store. */
export interface Serving {
  /** For people: `h1 (process 4711)`. */
  readonly who: string;
  /** The schema that it knows; absent: 1. */
  readonly schema?: number;
}

export interface SchemaOptions {
  /** Trama's version here. */
  readonly trama: string;
  readonly schema: Schema;
  readonly log: Log;
}

const unwritten: Omit<SchemaRecord, 'trama'> = { version: 1, needs: 1 };
/** Records that are looked at, and written, at once. */
const page = 100;

/**
 * @returns the condition that it stays so
 * @throws Failure `conflict` when the store is too new for this server
 */
export async function checkSchema(store: Store, options: SchemaOptions): Promise<Condition> {
  const found = await read<SchemaRecord>(store, schemaKey);
  if (found && found.value.needs > options.schema.version) throw new Failure('conflict', tooNew(found.value, options));
  return asSeen(schemaKey, found);
}

/**
 * Brings the store to this server's schema, if it is behind. Who calls it serves the store: no command has it for itself.
 * @throws Failure `conflict` when it is too new, or servers are there that could not work on what would be made of it
 */
export async function upgradeSchema(store: Store, options: SchemaOptions): Promise<void> {
  const { schema, trama, log } = options;
  for (;;) {
    await checkSchema(store, options);
    const found = await read<SchemaRecord>(store, schemaKey);
    const now = found?.value ?? { ...unwritten, trama };
    const step = schema.steps.find(({ to }) => to > now.version);
    if (step === undefined && found !== undefined) return;
    if (step === undefined) await write(store, found, now);
    else if (step.needs > now.needs) {
      await checkServers(store, step.needs);
      // First of all: whoever starts from here on sees it, and who was there is seen below.
      await write(store, found, { ...now, needs: step.needs, trama });
    } else {
      await checkServers(store, step.needs);
      log.info('bringing the store to a newer form', { from: now.version, to: step.to });
      await rewrite(store, step);
      await write(store, found, { ...now, version: step.to, trama });
    }
  }
}

/** When somebody else has written meanwhile, the next look shows. */
async function write(store: Store, seen: Found<SchemaRecord> | undefined, record: SchemaRecord): Promise<void> {
  await store.transact([asSeen(schemaKey, seen)], [put(schemaKey, record)]);
}

async function rewrite(store: Store, { range, convert }: SchemaStep): Promise<void> {
  let { start } = range;
  for (;;) {
    const { entries, more } = await store.range({ ...range, start }, { limit: page });
    const changed = entries.flatMap(({ key, value, modRevision, lease }) => {
      const record = JSON.stringify(convert(JSON.parse(value)));
      return record === value || lease !== undefined ? [] : [{ key, value: record, modRevision }];
    });
    const { succeeded } = await store.transact(
      changed.map(({ key, modRevision }) => ({ key, is: 'unchanged', since: modRevision })),
      changed.map(({ key, value }) => ({ op: 'put', key, value })),
    );
    // Somebody else has written one of them: all are looked at again.
    if (!succeeded) continue;
    const last = entries.at(-1);
    if (!more || last === undefined) return;
    start = `${last.key}\u0001`;
  }
}

async function checkServers(store: Store, needs: number): Promise<void> {
  const servers = await readAll<Serving>(store, servingRange);
  const older = servers.flatMap(({ value }) => ((value.schema ?? 1) < needs ? [value.who] : []));
  if (older.length === 0) return;
  throw new Failure(
    'conflict',
    `the store is to be brought to a form that servers of an older Trama cannot read, and ${older.join(', ')} runs one: upgrade or stop it first (one that was killed counts for ten seconds more)`,
  );
}

function tooNew({ needs, trama }: SchemaRecord, options: SchemaOptions): string {
  const here = `Trama ${options.trama} on this host reads up to schema ${options.schema.version}`;
  return `the store was brought to schema ${needs} by Trama ${trama}, and ${here}: install ${trama} or newer here; to go back, restore a backup of before with \`trama store restore --force\``;
}
