/**
 * A record for every lab of bare namespaces that there is, or that an `up` had begun: what it was built from, and by whom.
 * It is made before anything else and removed last. What belongs to a lab is told from the kernel, by the namespaces' names.
 */
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../domain/domain.ts';
import {
  bootId,
  identify,
  isRunning,
  type ProcessIdentity,
  readIfThere,
  writeDurably,
} from '../../platform/platform.ts';
import type { Source } from './sources.ts';

/** What `set` changed, by the index of a cable. */
export type Changes = Readonly<
  Record<string, { readonly rate?: number | null; readonly loss?: number; readonly up?: boolean }>
>;

export interface LabRecord {
  readonly name: string;
  readonly source: Source;
  /** `building` by a process that is no more: it was interrupted. */
  readonly state: 'building' | 'up';
  readonly owner: ProcessIdentity;
  readonly bootId: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly changes: Changes;
}

const directory = '/run/trama-labs';

/** Logs of the programs that run in a lab, and its record. */
export const directoryOf = (lab: string): string => join(directory, lab);
const fileOf = (lab: string) => join(directoryOf(lab), 'lab.json');

/** The label of every process that a lab starts, in its environment. */
export const labelOf = (lab: string): Readonly<Record<string, string>> => ({ TRAMA_TOPOLOGY: lab });

/** Makes the record; of two that try at once, one. @throws Failure `conflict` */
export async function claim(name: string, source: Source, now: number): Promise<LabRecord> {
  const owner = await identify(process.pid);
  if (owner === undefined)
    throw new Failure('internal', `/proc/${process.pid}/stat does not tell when this process started`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await mkdir(directoryOf(name), { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new Failure('conflict', await whyTaken(name));
  }
  const record: LabRecord = { name, source, state: 'building', owner, bootId: await bootId(), since: now, changes: {} };
  await save(record);
  return record;
}

async function whyTaken(name: string): Promise<string> {
  const record = await readRecord(name);
  if (record?.state === 'up')
    return `lab ${name} is up already: take it down with \`trama lab down ${name}\`, or give the file another name`;
  if (record !== undefined && (await isAlive(record)))
    return `lab ${name} is being built by process ${record.owner.pid}: wait for it`;
  return `lab ${name} was begun and not finished: remove what there is of it with \`trama lab down ${name}\``;
}

/** Whether its builder still is at it. */
export async function isAlive(record: LabRecord): Promise<boolean> {
  return record.bootId === (await bootId()) && (await isRunning(record.owner));
}

export async function save(record: LabRecord): Promise<void> {
  await writeDurably(fileOf(record.name), JSON.stringify(record));
}

/** @returns undefined when there is none, or a part of one */
export async function readRecord(name: string): Promise<LabRecord | undefined> {
  const text = await readIfThere(fileOf(name));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LabRecord);
  } catch {
    return undefined;
  }
}

/** Labs with a directory, whatever is in it. */
export async function recordedNames(): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

export async function removeRecord(name: string): Promise<void> {
  await rm(directoryOf(name), { recursive: true, force: true });
  await rmdir(directory).catch(() => {});
}
