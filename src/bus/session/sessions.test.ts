import { expect, test } from 'vitest';
import { Failure } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import { silentLog } from '../../platform/platform.ts';
import type { Peer } from '../bus.ts';
import { Sessions } from './sessions.ts';
import type { Header } from './wire.ts';
import { noPayload } from './wire.ts';

/** Time that goes on only by `pass`. */
class HeldClock implements Clock {
  #now = 0;
  #sleeping: { until: number; wake: () => void }[] = [];

  now(): number {
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

function stage() {
  const clock = new HeldClock();
  const seen: [string | undefined, boolean][] = [];
  const dismissed: Failure[] = [];
  const sent: Header[] = [];
  const sessions = new Sessions({
    clock,
    log: silentLog,
    newId: () => 'id',
    gatekeeper: { peerOf: (key) => ({ kind: 'node', key, node: `node of ${key}` }) },
    handler: { call: async () => 1, open: () => Promise.reject(new Failure('not-found', 'No.')) },
    onPeer: (peer, connected) => seen.push([peer.node, connected]),
  });
  const begin = (key: string) =>
    sessions.begin({ kind: 'node', key, node: `node of ${key}` } satisfies Peer, {
      send: (header) => sent.push(header),
      dismiss: (failure) => dismissed.push(failure),
    });
  return { clock, seen, dismissed, sent, sessions, begin };
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
