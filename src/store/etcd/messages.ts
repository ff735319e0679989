/**
 * etcd's calls and messages, version 3, as far as the store uses them: `api/etcdserverpb/rpc.proto` and
 * `api/mvccpb/kv.proto` of etcd 3.4, which later versions extend only.
 */
import type { Condition, Entry, RangeResult, StoreEvent, Write } from '../store.ts';
import { encode, type Message } from './protobuf.ts';

export const calls = {
  authenticate: '/etcdserverpb.Auth/Authenticate',
  compact: '/etcdserverpb.KV/Compact',
  leaseGrant: '/etcdserverpb.Lease/LeaseGrant',
  leaseKeepAlive: '/etcdserverpb.Lease/LeaseKeepAlive',
  leaseRevoke: '/etcdserverpb.Lease/LeaseRevoke',
  range: '/etcdserverpb.KV/Range',
  txn: '/etcdserverpb.KV/Txn',
  watch: '/etcdserverpb.Watch/Watch',
} as const;

/** Keys as etcd has them: with the prefix. */
export interface Span {
  readonly key: string;
  /** Not after it; absent: the key alone. */
  readonly end?: string;
}

export const authenticateRequest = (name: string, password: string) =>
  encode([
    [1, name],
    [2, password],
  ]);

export interface Look {
  readonly limit?: number;
  /** As of which; absent: as of now. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

/** Linearizable: the answer is not older than the question. */
export const rangeRequest = ({ key, end }: Span, { limit, revision, keysOnly }: Look = {}) =>
  encode([
    [1, key],
    [2, end],
    [3, limit],
    [4, revision],
    [8, keysOnly],
  ]);

export const compactRequest = (revision: number) => encode([[1, revision]]);
export const leaseGrantRequest = (ttlSeconds: number) => encode([[1, ttlSeconds]]);
export const leaseRequest = (id: bigint) => encode([[1, id]]);

/** @param from 1 at least: 0 is "from now on". */
export const watchCreateRequest = ({ key, end }: Span, from: number) =>
  encode([
    [
      1,
      encode([
        [1, key],
        [2, end],
        [3, from],
        [6, true],
      ]),
    ],
  ]);

/** Answered at once, which tells that the member is alive. */
export const watchProgressRequest = encode([[3, encode([])]]);

/** All writes if all conditions hold, else a look at the conditions' keys. `prefixed` makes a key etcd's. */
export function txnRequest(
  conditions: readonly Condition[],
  writes: readonly Write[],
  prefixed: (key: string) => string,
  leaseId: (id: string) => bigint,
): Buffer {
  const looks = [...new Set(conditions.map(({ key }) => key))];
  return encode([
    ...conditions.map((condition) => [1, compare(condition, prefixed(condition.key))] as const),
    ...writes.map((write) => [2, writeOperation(write, prefixed, leaseId)] as const),
    ...looks.map((key) => [3, looked(prefixed(key))] as const),
  ]);
}

/** Single keys, all as of one revision, and not older than the question: of a transaction that only reads, etcd sees to that. */
export const looksRequest = (keys: readonly string[]) => encode(keys.map((key) => [2, looked(key)] as const));

const looked = (key: string) => encode([[1, rangeRequest({ key })]]);

/** Of a comparison, the fields `result` and `target`; a revision of zero is what is compared with when none is sent. */
const equal = 0;
const greater = 1;
const createRevision = 1;
const modRevision = 2;

function compare(condition: Condition, key: string): Buffer {
  if (condition.is === 'unchanged') {
    return encode([
      [1, equal],
      [2, modRevision],
      [3, key],
      [6, condition.since],
    ]);
  }
  return encode([
    [1, condition.is === 'present' ? greater : equal],
    [2, createRevision],
    [3, key],
  ]);
}

function writeOperation(write: Write, prefixed: (key: string) => string, leaseId: (id: string) => bigint): Buffer {
  if (write.op === 'put') {
    const lease = write.lease === undefined ? undefined : leaseId(write.lease);
    const put = encode([
      [1, prefixed(write.key)],
      [2, write.value],
      [3, lease],
    ]);
    return encode([[2, put]]);
  }
  const [key, end] =
    write.op === 'delete' ? [prefixed(write.key)] : [prefixed(write.range.start), prefixed(write.range.end)];
  return encode([
    [
      3,
      encode([
        [1, key],
        [2, end],
      ]),
    ],
  ]);
}

/** The revision of the store as of an answer. */
const revisionOf = (answer: Message): number => answer.message(1)?.number(3) ?? 0;

/** @param bare takes the prefix off a key. */
export function rangeAnswer(answer: Message, bare: (key: string) => string): RangeResult {
  return {
    revision: revisionOf(answer),
    entries: answer.messages(2).map((kv) => entryOf(kv, bare)),
    more: answer.flag(3),
  };
}

export function txnAnswer(answer: Message, bare: (key: string) => string) {
  const succeeded = answer.flag(2);
  const looks = succeeded ? [] : answer.messages(3).flatMap((response) => response.messages(1));
  return {
    succeeded,
    revision: revisionOf(answer),
    current: looks.flatMap((look) => rangeAnswer(look, bare).entries),
  };
}

/** In the order of the question. */
export const looksAnswer = (answer: Message, bare: (key: string) => string): (Entry | undefined)[] =>
  answer
    .messages(3)
    .flatMap((response) => response.messages(1))
    .map((look) => rangeAnswer(look, bare).entries[0]);

export const leaseGrantAnswer = (answer: Message) => ({ id: answer.id(2), ttlSeconds: answer.number(3) });
/** Seconds that a renewed lease has; 0 when there is none. */
export const leaseKeepAliveAnswer = (answer: Message) => answer.number(3);
export const authenticateAnswer = (answer: Message) => answer.text(2);

export interface WatchAnswer {
  /** The watch was cancelled, for this reason or because history is gone. */
  readonly cancelled?: string;
  readonly created: boolean;
  /** Greater than zero: of history only what comes after this revision is left. */
  readonly compactRevision: number;
  /** Of several revisions perhaps, never half of one. */
  readonly events: StoreEvent[];
}

export function watchAnswer(answer: Message, bare: (key: string) => string): WatchAnswer {
  return {
    created: answer.flag(3),
    compactRevision: answer.number(5),
    events: answer.messages(11).map((event) => eventOf(event, bare)),
    ...(answer.flag(4) ? { cancelled: answer.text(6) } : {}),
  };
}

function eventOf(event: Message, bare: (key: string) => string): StoreEvent {
  const kv = event.message(2);
  if (kv === undefined) throw new RangeError('an event without its key');
  const entry = entryOf(kv, bare);
  const before = event.message(3);
  const previous = before === undefined ? {} : { previous: entryOf(before, bare) };
  return event.flag(1)
    ? { type: 'delete', key: entry.key, revision: entry.modRevision, ...previous }
    : { type: 'put', entry, ...previous };
}

function entryOf(kv: Message, bare: (key: string) => string): Entry {
  const lease = kv.id(6);
  return {
    key: bare(kv.text(1)),
    value: kv.text(5),
    createRevision: kv.number(2),
    modRevision: kv.number(3),
    version: kv.number(4),
    ...(lease === 0n ? {} : { lease: leaseText(lease) }),
  };
}

/** As etcdctl writes them. */
export const leaseText = (id: bigint): string => BigInt.asUintN(64, id).toString(16);
