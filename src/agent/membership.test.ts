import { expect, test, vi } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { Bus, BusClientOptions } from '../bus/bus.ts';
import { silentLog } from '../platform/platform.ts';
import { Membership, type MembershipOptions } from './membership.ts';

/** A host whose engine answers when it is told to. */
function scene() {
  const clock = heldClock();
  const order: string[] = [];
  const engine: { answer: PromiseWithResolvers<{ available: boolean; message: string }> } = {
    answer: Promise.withResolvers(),
  };
  const status = vi.fn(() => engine.answer.promise);
  const membership = new Membership({
    agent: { clock, log: silentLog, version: '0.1.0', runtime: { status } },
    identity: { name: 'h1', servers: [] },
    clone: { refresh: (stale?: string[]) => stale ?? order.push('refresh'), revisions: () => ({}) },
    underlay: () => ({ address: '192.0.2.1', interface: 'eth0', mtu: 1500, routes: [] }),
    onRegistered: () => order.push('registered'),
  } as unknown as MembershipOptions);
  vi.spyOn(membership, 'call').mockImplementation(async (method, params) => {
    if (method === 'node.heartbeat') return { stale: [] };
    order.push(`${method}: ${(params as { engine: string }).engine}`);
    return {};
  });
  vi.spyOn(membership, 'connected', 'get').mockReturnValue(true);
  const answers = async (message: string) => {
    engine.answer.resolve({ available: true, message });
    await clock.advance(0);
    engine.answer = Promise.withResolvers();
  };
  return { membership, clock, order, status, answers };
}

test('an engine that does not answer holds up a registration for a second; what it says then, the next heartbeat tells', async () => {
  const { membership, clock, order, status, answers } = scene();
  const stop = new AbortController();
  const beating = membership.sendHeartbeats(stop.signal).catch(() => {});
  const registering = membership.register();
  expect(order).toEqual(['refresh']);
  await clock.advance(1000);
  await registering;
  expect(order.slice(1)).toEqual([expect.stringMatching(/^node.register: Docker does not answer/), 'registered']);
  order.length = 0;
  await clock.advance(5000);
  expect(order).toEqual([]);
  await answers('Docker 28.2.2, API 1.50');
  await clock.advance(5000);
  await answers('Docker 28.2.2, API 1.50');
  expect(order).toEqual(['refresh', 'node.register: Docker 28.2.2, API 1.50', 'registered']);
  expect(status).toHaveBeenCalledTimes(2);
  stop.abort();
  await beating;
});

test('while it does not answer, what it said last is told, and it is not asked again and again', async () => {
  const { membership, clock, order, status, answers } = scene();
  const first = membership.register();
  await answers('Docker 1');
  await first;
  for (let again = 0; again < 3; again += 1) {
    const registering = membership.register();
    await clock.advance(1000);
    await registering;
  }
  expect(order.filter((each) => each.startsWith('node'))).toEqual(Array(4).fill('node.register: Docker 1'));
  expect(status).toHaveBeenCalledTimes(2);
});

test('a feed that was interrupted is asked about as soon as a server can tell what is missing', async () => {
  const clock = heldClock();
  const asked: string[] = [];
  const refreshed: unknown[] = [];
  let options: BusClientOptions | undefined;
  const client = {
    state: 'ready',
    call: async (method: string) => {
      asked.push(method);
      return { stale: ['network/n1'] };
    },
    subscribe: () => {},
  };
  const bus = {
    connect: async (given: BusClientOptions) => {
      options = given;
      return client;
    },
  } as unknown as Bus;
  const membership = new Membership({
    agent: { clock, log: silentLog, bus },
    identity: { name: 'h1', servers: [{ host: '192.0.2.1' }] },
    clone: { refresh: (stale?: string[]) => stale !== undefined && refreshed.push(stale), revisions: () => ({}) },
  } as unknown as MembershipOptions);
  await membership.connect();
  options?.onFeedAgain?.();
  await clock.advance(1000);
  expect(asked).toEqual([]);
  await clock.advance(100);
  expect(asked).toEqual(['node.heartbeat']);
  expect(refreshed).toEqual([['network/n1']]);
});
