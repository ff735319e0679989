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
function scene(
  answer: (method: string, params: unknown) => unknown,
  own: readonly EndpointRecord[] = [],
  written = () => {},
) {
  const calls: string[] = [];
  const wakes: (() => void)[] = [];
  const reported: string[] = [];
  const publisher = new EndpointPublisher({
    api: {
      call: async (method, params) => {
        calls.push(method);
        return answer(method, params);
      },
      open: () => Promise.reject(new Error('no streams here')),
    },
    endpointsOf: () => own,
    written: async () => written(),
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

  test('is not over before what is still being written was told', async () => {
    const { publisher, calls } = scene(
      async () => ({}),
      [],
      () => publisher.delete(endpoint('10.42.0.2')),
    );
    await publisher.told();
    expect(calls).toEqual(['endpoint.delete']);
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

describe('a claim', () => {
  test('is granted or refused by a server; without one nobody can say', async () => {
    let said: Failure | undefined;
    const { publisher, reported } = scene(() => {
      if (said !== undefined) throw said;
      return {};
    });
    expect(await publisher.claim(endpoint('10.42.0.2'))).toBe(true);
    said = new Failure('deadline', 'no answer');
    expect(await publisher.claim(endpoint('10.42.0.3'))).toBe(false);
    said = new Failure('conflict', 'MAC 02:00:00:00:00:01 is in use by web');
    await expect(publisher.claim(endpoint('10.42.0.4'))).rejects.toThrow('is in use by web');
    expect(reported).toEqual([]);
  });

  test('granted is not taken back by a sync before the endpoint is there, and is once it is given up', async () => {
    const told: string[][] = [];
    const { publisher } = scene((method, params) => {
      if (method === 'endpoint.sync')
        told.push((params as { endpoints: EndpointRecord[] }).endpoints.map(({ id }) => id));
      return { refused: [] };
    });
    await publisher.claim(endpoint('10.42.0.2'));
    await publisher.sync('n1');
    publisher.delete(endpoint('10.42.0.2'));
    await publisher.sync('n1');
    expect(told).toEqual([['10.42.0.2'], []]);
  });
});

test('what a sync was refused is told with the reason, by the name of its container', async () => {
  const lost = { ...endpoint('10.42.0.2'), container: { id: 'c1', name: 'late' } };
  const { publisher, reported } = scene(
    (method) => {
      if (method === 'endpoint.put') throw new Failure('conflict', 'MAC 02:00:00:00:00:01 is in use by web');
      return { refused: [lost.id] };
    },
    [lost],
  );
  await publisher.sync('n1');
  expect(reported).toEqual([
    'container late of this node at 10.42.0.2 is not known to other nodes: MAC 02:00:00:00:00:01 is in use by web',
  ]);
});
