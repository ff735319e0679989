import { expect, test } from 'vitest';
import { Failure } from '../../domain/domain.ts';
import { type Log, type SteadyClock, silentLog } from '../../platform/platform.ts';
import type { MetricsMessage, Peer } from '../bus.ts';
import { Sessions } from './sessions.ts';
import type { Header } from './wire.ts';
import { encodeJson, noPayload } from './wire.ts';

/** Time that goes on only by `pass`. */
class HeldClock implements SteadyClock {
  #now = 0;
  /** By what somebody has set the time. */
  ahead = 0;
  #sleeping: { until: number; wake: () => void }[] = [];

  now(): number {
    return this.#now + this.ahead;
  }

  elapsed(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleeping.push({ until: this.#now + ms, wake: resolve });
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now += 500;
      for (const sleeper of this.#sleeping.filter(({ until }) => until <= this.#now)) sleeper.wake();
      this.#sleeping = this.#sleeping.filter(({ until }) => until > this.#now);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function stage(onMetrics: (message: MetricsMessage) => void = () => {}) {
  const clock = new HeldClock();
  const seen: [string | undefined, boolean][] = [];
  const dismissed: Failure[] = [];
  const sent: Header[] = [];
  const logged: string[] = [];
  const noted = (message: string) => void logged.push(message);
  const log: Log = { ...silentLog, warn: noted, error: noted };
  const sessions = new Sessions({
    clock,
    log,
    newId: () => 'id',
    gatekeeper: { peerOf: (key) => ({ kind: 'node', key, node: `node of ${key}` }) },
    handler: { call: async () => 1, open: () => Promise.reject(new Failure('not-found', 'No.')) },
    onMetrics,
    onPeer: (peer, connected) => seen.push([peer.node, connected]),
  });
  const begin = (key: string) =>
    sessions.begin({ kind: 'node', key, node: `node of ${key}` } satisfies Peer, {
      send: (header) => sent.push(header),
      dismiss: (failure) => dismissed.push(failure),
    });
  return { clock, seen, dismissed, sent, logged, sessions, begin };
}

test('a node that is silent for 15 s has left; one that pings has not', async () => {
  const { clock, seen, sent, sessions, begin } = stage();
  begin('silent');
  const pinging = begin('pinging');
  for (let s = 0; s < 20; s += 5) {
    await clock.pass(5000);
    sessions.receive(pinging, { t: 'ping' }, noPayload);
    if (s === 5) expect(sessions.connectedNodes()).toHaveLength(2);
  }
  expect(seen.slice(2)).toEqual([['node of silent', false]]);
  expect(sessions.connectedNodes()).toEqual(['node of pinging']);
  expect(sent.filter(({ t }) => t === 'pong')).toHaveLength(4);
  sessions.close();
});

test('a clock that somebody sets makes nobody silent', async () => {
  const { clock, sessions, begin } = stage();
  const session = begin('a');
  for (const hour of [3_600_000, -7_200_000]) {
    clock.ahead = hour;
    await clock.pass(5000);
    sessions.receive(session, { t: 'ping' }, noPayload);
    await clock.pass(14_000);
    expect(sessions.connectedNodes()).toHaveLength(1);
    sessions.receive(session, { t: 'ping' }, noPayload);
  }
  await clock.pass(17_000);
  expect(sessions.connectedNodes()).toEqual([]);
  sessions.close();
});

test('a session that has ended is not heard any more', async () => {
  const { sent, sessions, begin } = stage();
  const session = begin('a');
  sessions.expel('a');
  sessions.receive(session, { t: 'ping' }, noPayload);
  sessions.receive(session, { t: 'request', id: '1', method: 'm', left: 1000 }, noPayload);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toEqual([]);
  sessions.close();
});

test('the end of an older session does not take the newer one away', () => {
  const { dismissed, sessions, begin } = stage();
  const older = begin('a');
  begin('a');
  expect(dismissed).toHaveLength(1);
  sessions.receive(older, { t: 'bye' }, noPayload);
  expect(sessions.connectedNodes()).toEqual(['node of a']);
  sessions.close();
});

test('metrics that are no JSON or too large are dropped with a line in the log, and the session goes on', () => {
  const taken: MetricsMessage[] = [];
  const { dismissed, logged, sessions, begin } = stage((message) => taken.push(message));
  const session = begin('a');
  sessions.receive(session, { t: 'metrics' }, Buffer.from('{"cpu":'));
  // JSON of 64 KiB and one byte, then of 64 KiB.
  for (const letters of [64 * 1024 - 1, 64 * 1024 - 2])
    sessions.receive(session, { t: 'metrics' }, encodeJson('x'.repeat(letters)));
  expect(logged).toEqual(['metrics that are no JSON were dropped', 'metrics that are too large were dropped']);
  expect(taken).toEqual([{ node: 'node of a', data: expect.stringMatching(/^x+$/) }]);
  expect(dismissed).toEqual([]);
  sessions.close();
});

test('who takes metrics and throws is in the log, and ends nothing', () => {
  const { dismissed, logged, sessions, begin } = stage(() => {
    throw new Error('no room');
  });
  sessions.receive(begin('a'), { t: 'metrics' }, encodeJson({ cpu: 1 }));
  expect(logged).toEqual(['metrics could not be taken']);
  expect(dismissed).toEqual([]);
  sessions.close();
});
