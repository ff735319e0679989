/** A client's signs of life, over a link that is only written down. */
import { expect, test } from 'vitest';
import { heldClock } from '../../../test/conformance/held-clock.ts';
import { Failure } from '../../domain/domain.ts';
import { silentLog } from '../../platform/platform.ts';
import { Client } from './client.ts';
import type { LinkEvents } from './link.ts';
import { type Header, noPayload } from './wire.ts';

async function scene() {
  const clock = heldClock();
  const sent: Header['t'][] = [];
  let events: LinkEvents | undefined;
  const states: string[] = [];
  const client = new Client({
    onState: (state) => states.push(state),
    ...{ clock, log: silentLog, random: () => 0.5, newId: () => 'id' },
    server: { host: '192.0.2.1', ports: { requests: 1, feed: 2 }, key: 'k' },
    dialer: {
      target: 'the server',
      dial: async () => ({
        syncing: undefined,
        start: (given) => {
          events = given;
        },
        send: ({ t }) => void sent.push(t),
        subscribe: () => {},
        unsubscribe: () => {},
        close: async () => {},
      }),
    },
  });
  await clock.advance(0);
  /** Seconds in which this happens each. */
  const pass = async (seconds: number, each: () => void = () => {}) => {
    sent.length = 0;
    for (let second = 0; second < seconds; second += 1) {
      each();
      await clock.advance(1000);
    }
    return sent.filter((t) => t === 'ping').length;
  };
  const hear = () => events?.onMessage({ t: 'pong' }, noPayload);
  return { client, clock, states, pass, hear };
}

test('a session in which nothing is said pings every five seconds', async () => {
  const { client, pass, hear } = await scene();
  expect(await pass(5)).toBe(1);
  hear();
  expect(await pass(5)).toBe(1);
  await client[Symbol.asyncDispose]();
});

test('what a node tells and is told does instead; only both together', async () => {
  const { client, pass, hear } = await scene();
  const both = () => {
    client.beat();
    hear();
  };
  expect(await pass(20, both)).toBe(0);
  // Who only listens would be taken for gone at the other end; who only talks would not hear that nobody is there.
  expect(await pass(20, hear)).toBeGreaterThanOrEqual(3);
  expect(await pass(10, () => client.beat())).toBeGreaterThanOrEqual(1);
  await client[Symbol.asyncDispose]();
});

test('a clock that somebody sets ends no session, and keeps nobody from pinging', async () => {
  const { client, clock, states, pass, hear } = await scene();
  for (const hour of [3_600_000, -7_200_000]) {
    clock.set(hour);
    expect(await pass(10, hear)).toBeGreaterThanOrEqual(1);
    expect(states).toEqual(['ready']);
  }
  await client[Symbol.asyncDispose]();
});

test('an attempt that was waited for in vain is followed by the next at once, one that was refused after a rest', async () => {
  const clock = heldClock();
  const attempts: number[] = [];
  let takes = 0;
  const began = clock.elapsed();
  const client = new Client({
    ...{ clock, log: silentLog, random: () => 0.5, newId: () => 'id' },
    server: { host: '192.0.2.1', ports: { requests: 1, feed: 2 }, key: 'k' },
    dialer: {
      target: 'the server',
      dial: async (_topics, signal) => {
        attempts.push(clock.elapsed() - began);
        if (takes > 0) await clock.sleep(takes, signal);
        throw new Failure('unavailable', 'nobody is there');
      },
    },
  });
  await clock.advance(0);
  for (let ms = 0; ms < 10_000; ms += 100) await clock.advance(100);
  expect(attempts).toEqual([0, 100, 300, 700, 1500, 3100, 5100, 7100, 9100]);
  attempts.length = 0;
  takes = 3000;
  for (let ms = 0; ms < 10_000; ms += 100) await clock.advance(100);
  expect(attempts).toEqual([11_100, 14_200, 17_300]);
  await client[Symbol.asyncDispose]();
});
