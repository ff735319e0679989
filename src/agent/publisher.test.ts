import { describe, expect, test } from 'vitest';
import { type EndpointRecord, Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { EndpointPublisher } from './publisher.ts';

const endpoint = (address: string): EndpointRecord => ({
  id: address,
  network: 'n1',
  node: 'h1',
  kind: 'container',
  address,
  mac: '02:00:00:00:00:01',
});

/** A server that answers as the test says. */
function scene(answer: (method: string) => unknown) {
  const calls: string[] = [];
  const wakes: (() => void)[] = [];
  const reported: string[] = [];
  const publisher = new EndpointPublisher({
    api: {
      call: async (method) => {
        calls.push(method);
        return answer(method);
      },
      open: () => Promise.reject(new Error('no streams here')),
    },
    endpointsOf: () => [],
    report: (message) => void reported.push(message),
    clock: { now: () => 0, sleep: () => new Promise((resolve) => wakes.push(resolve)) },
    log: silentLog,
  });
  return { publisher, calls, reported, wake: () => wakes.shift()?.() };
}

describe('telling servers of endpoints', () => {
  test('is over when everything until then was told', async () => {
    let told = 0;
    const { publisher } = scene(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      told += 1;
    });
    publisher.put(endpoint('10.42.0.2'));
    publisher.delete(endpoint('10.42.0.2'));
    await publisher.told();
    expect(told).toBe(2);
  });

  test('with no server, what waits is told at once by a sync and does not wait one by one', async () => {
    let answers = false;
    const { publisher, calls, wake } = scene(() => {
      if (!answers) throw new Failure('deadline', 'no answer');
      return { refused: [] };
    });
    for (const address of ['10.42.0.2', '10.42.0.3', '10.42.0.4']) publisher.put(endpoint(address));
    await publisher.told();
    answers = true;
    wake();
    await new Promise((resolve) => setImmediate(resolve));
    await publisher.told();
    expect(calls).toEqual(['endpoint.put', 'endpoint.sync']);
  });

  test('a refusal is reported, and everything told once more', async () => {
    const { publisher, calls, reported, wake } = scene((method) => {
      if (method === 'endpoint.put') throw new Failure('conflict', 'network app is being removed at this moment');
      return { refused: [] };
    });
    publisher.put(endpoint('10.42.0.2'));
    await publisher.told();
    wake();
    await new Promise((resolve) => setImmediate(resolve));
    await publisher.told();
    expect(reported).toEqual(['network app is being removed at this moment']);
    expect(calls).toEqual(['endpoint.put', 'endpoint.sync']);
  });
});
