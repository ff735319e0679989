/** A transaction decided: pure over what the store holds. */
import { Failure } from '../domain/domain.ts';
import { contains } from './keys.ts';
import type { Medium } from './medium.ts';
import { type Condition, type Entry, type StoreEvent, transactionLimits, type Write } from './store.ts';

type State = Pick<Medium, 'revision' | 'get' | 'range' | 'hasLease'>;

/** The events of a transaction whose conditions hold, else the entries that its conditions are about. */
export type Decision =
  | { readonly succeeded: true; readonly events: readonly StoreEvent[] }
  | { readonly succeeded: false; readonly current: readonly Entry[] };

/** @throws Failure('invalid') for what no state could make right. */
export function checkTransaction(conditions: readonly Condition[], writes: readonly Write[]): void {
  for (const [what, count] of [
    ['conditions', conditions.length],
    ['writes', writes.length],
  ] as const) {
    if (count > transactionLimits.operations) {
      throw new Failure(
        'invalid',
        `A transaction with ${count} ${what} is refused: at most ${transactionLimits.operations} fit, split it.`,
      );
    }
  }
  let bytes = 0;
  for (const { key } of conditions) bytes += checkKey(key);
  for (const write of writes) {
    if (write.op !== 'delete-range') bytes += checkKey(write.key);
    if (write.op === 'put') bytes += checkValue(write.key, write.value);
  }
  if (bytes > transactionLimits.bytes) {
    throw new Failure(
      'invalid',
      `A transaction of ${bytes} bytes is refused: at most ${transactionLimits.bytes} fit, store less or split it.`,
    );
  }
  checkWrittenOnce(writes);
}

function checkKey(key: string): number {
  if (key === '' || !key.isWellFormed() || key.includes('\0') || key.includes('\u{10FFFF}')) {
    throw new Failure(
      'invalid',
      `${JSON.stringify(key)} is refused as a key: it must be well-formed text without NUL and not empty.`,
    );
  }
  return Buffer.byteLength(key);
}

function checkValue(key: string, value: string): number {
  if (!value.isWellFormed()) {
    throw new Failure('invalid', `The value of ${key} is refused: it holds half a surrogate pair, which no UTF-8 can.`);
  }
  return Buffer.byteLength(value);
}

function checkWrittenOnce(writes: readonly Write[]): void {
  const put = new Set<string>();
  const twice = (key: string) => {
    throw new Failure('invalid', `A transaction that writes ${key} twice is refused: write each key once.`);
  };
  for (const write of writes) {
    if (write.op !== 'put') continue;
    if (put.has(write.key)) twice(write.key);
    put.add(write.key);
  }
  for (const write of writes) {
    if (write.op === 'delete' && put.has(write.key)) twice(write.key);
    if (write.op !== 'delete-range') continue;
    for (const key of put) if (contains(write.range, key)) twice(key);
  }
}

/** @throws Failure('not-found') for an unknown lease, only when the conditions hold: etcd looks at it no sooner. */
export function decide(state: State, conditions: readonly Condition[], writes: readonly Write[]): Decision {
  if (!conditions.every((condition) => holds(condition, state.get(condition.key)))) {
    const keys = new Set(conditions.map((condition) => condition.key));
    return { succeeded: false, current: [...keys].flatMap((key) => state.get(key) ?? []) };
  }
  const events: StoreEvent[] = [];
  const deleted = new Set<string>();
  const remove = (previous: Entry | undefined) => {
    if (previous === undefined || deleted.has(previous.key)) return;
    deleted.add(previous.key);
    events.push({ type: 'delete', key: previous.key, revision: state.revision + 1, previous });
  };
  // No key is written twice, so every write can be judged against the state before.
  for (const write of writes) {
    if (write.op === 'put') events.push(put(state, write));
    else if (write.op === 'delete') remove(state.get(write.key));
    else for (const entry of state.range(write.range, 0)) remove(entry);
  }
  return { succeeded: true, events };
}

function holds(condition: Condition, entry: Entry | undefined): boolean {
  if (condition.is === 'absent') return entry === undefined;
  if (condition.is === 'present') return entry !== undefined;
  return (entry?.modRevision ?? 0) === condition.since;
}

function put(state: State, write: Write & { readonly op: 'put' }): StoreEvent {
  if (write.lease !== undefined && !state.hasLease(write.lease)) throw unknownLease(write.lease);
  const previous = state.get(write.key);
  const revision = state.revision + 1;
  const entry: Entry = {
    key: write.key,
    value: write.value,
    createRevision: previous?.createRevision ?? revision,
    modRevision: revision,
    version: (previous?.version ?? 0) + 1,
    ...(write.lease === undefined ? {} : { lease: write.lease }),
  };
  return previous === undefined ? { type: 'put', entry } : { type: 'put', entry, previous };
}

export function unknownLease(id: string): Failure {
  return new Failure('not-found', `The lease ${id} is not there: it has expired or was revoked, so grant a new one.`);
}
