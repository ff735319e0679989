/**
 * A watch over one stream at a time. When a stream ends, the next begins after what was yielded last, so nothing is lost
 * and nothing comes twice.
 *
 * A stream is asked for the revision before the wanted one as well, and that one's events are dropped. etcd 3.4 forgets a
 * deletion made exactly at the revision to which it was compacted (etcd issue 18089), and yet lets watches begin there;
 * so asked, it says that they cannot.
 */
import type { Clock } from '../../platform/platform.ts';
import type { StoreEvent, WatchItem } from '../store.ts';
import { etcdFailure, isStaleToken, isTransient } from './etcd-failure.ts';
import { type Connection, GrpcError, type GrpcStream, grpcCodes } from './grpc.ts';
import { grpcError, type Members } from './members.ts';
import {
  calls,
  type Span,
  type WatchAnswer,
  watchAnswer,
  watchCreateRequest,
  watchProgressRequest,
} from './messages.ts';

export interface WatchOptions {
  readonly members: Members;
  readonly clock: Clock;
  /** How long no stream may come about before the watch ends as `unavailable`. */
  readonly deadlineMs: number;
  readonly bare: (key: string) => string;
}

/** Between attempts: constant, since a watch is what everybody waits for. */
const retryMs = 500;
/** Silence after which we ask whether the member lives. */
const askMs = 1000;

export async function* watchSpan(
  options: WatchOptions,
  span: Span,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<WatchItem, void, void> {
  let next = Math.max(1, from);
  let lostAt = performance.now();
  let refusals = 0;
  while (!signal.aborted) {
    let connection: Connection | undefined;
    try {
      const opened = await options.members.open(calls.watch);
      connection = opened.connection;
      opened.stream.send(watchCreateRequest(span, Math.max(1, next - 1)));
      for await (const answer of answers(opened.stream, connection, options.bare, signal)) {
        if (answer.compactRevision > 0) {
          yield { kind: 'compacted', compactedTo: answer.compactRevision + 1 };
          return;
        }
        if (answer.cancelled !== undefined) {
          // A token that has become invalid is told as a permission that is missing.
          throw new GrpcError(grpcCodes.permissionDenied, answer.cancelled || 'etcd ended the watch', true);
        }
        for (const batch of batches(answer.events, next)) {
          next = batch.revision + 1;
          refusals = 0;
          yield batch;
          if (signal.aborted) return;
        }
        lostAt = performance.now();
      }
      if (signal.aborted) return;
      throw new GrpcError(grpcCodes.unavailable, 'the stream ended', true);
    } catch (error) {
      if (signal.aborted) return;
      const known = grpcError(error);
      const refused = known.code === grpcCodes.permissionDenied && refusals === 0;
      if (refused) refusals += 1;
      const forgettable = refused || isTransient(known) || isStaleToken(known);
      if (connection !== undefined) options.members.failed(connection, known);
      if (!forgettable || performance.now() - lostAt >= options.deadlineMs) {
        throw etcdFailure(options.members.where, known, false);
      }
      await options.clock.sleep(retryMs, signal).catch(() => {});
    }
  }
}

/** Answers until the signal aborts. While we wait for one the member is asked every second whether it lives. */
async function* answers(
  stream: GrpcStream,
  connection: Connection,
  bare: (key: string) => string,
  signal: AbortSignal,
): AsyncGenerator<WatchAnswer, void, void> {
  let waitingSince = performance.now();
  let waiting = true;
  const timer = setInterval(() => {
    const silent = performance.now() - waitingSince;
    if (!waiting || silent < askMs) return;
    if (silent >= 2 * askMs) connection.prove();
    else stream.send(watchProgressRequest);
  }, askMs / 2);
  const cancel = () => stream.cancel();
  signal.addEventListener('abort', cancel);
  try {
    if (signal.aborted) return;
    for await (const message of stream) {
      waiting = false;
      yield watchAnswer(message, bare);
      waiting = true;
      waitingSince = performance.now();
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

/** An answer may hold several revisions, and some from before `next`. */
function batches(events: readonly StoreEvent[], next: number): (WatchItem & { readonly kind: 'events' })[] {
  const byRevision = new Map<number, StoreEvent[]>();
  for (const event of events) {
    const revision = event.type === 'put' ? event.entry.modRevision : event.revision;
    if (revision < next) continue;
    const batch = byRevision.get(revision);
    if (batch === undefined) byRevision.set(revision, [event]);
    else batch.push(event);
  }
  return [...byRevision].map(([revision, events]) => ({ kind: 'events', revision, events }));
}
