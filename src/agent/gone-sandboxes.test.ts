import { expect, test } from 'vitest';
import { type EndpointRecord, endpointPeerName, endpointPortName } from '../domain/domain.ts';
import { endGoneEndpoints } from './gone-sandboxes.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';

const nowhere = '/run/docker/netns/of-no-one';

function scene(
  sandboxes: Readonly<Record<string, string | undefined>>,
  missing: readonly string[],
  atHost: readonly string[] = [],
) {
  const endpoints = new Map<string, LocalEndpoint>();
  for (const [id, path] of Object.entries(sandboxes)) {
    const record = { id, network: 'n1', address: `10.0.0.${id}`, kind: 'container' } as EndpointRecord;
    endpoints.set(id, {
      record,
      createdAt: 0,
      ...(path === undefined ? {} : { sandbox: { path, interface: 'eth0' } }),
    });
  }
  const released: string[] = [];
  const ended: string[] = [];
  const clock = { time: 0, now: () => clock.time };
  let whileLooking = () => {};
  return {
    endpoints,
    released,
    ended,
    clock,
    meanwhile: (happens: () => void) => {
      whileLooking = happens;
    },
    end: () =>
      endGoneEndpoints({
        state: { endpoints } as unknown as Pick<LocalState, 'endpoints'>,
        kernel: {
          missingPairs: async () => {
            whileLooking();
            return new Set(missing.map(endpointPortName));
          },
        },
        readFile: async () =>
          `Inter-|   Receive\n face |bytes\n    lo: 1 2\n${atHost.map((id) => `${endpointPeerName(id)}: 0 0\n`).join('')}`,
        former: { ended: ({ id }) => void ended.push(id) },
        clock,
        wiring: { removeEndpoint: async (id) => void endpoints.delete(id) },
        addresses: { releaseUnused: (_, address) => void released.push(address) },
      }),
  };
}

test('only an endpoint whose namespace and pair are both gone is ended, and its address given back', async () => {
  const { endpoints, released, end } = scene({ 1: nowhere, 2: nowhere, 3: '/proc/self/ns/net', 4: undefined }, [
    '1',
    '3',
    '4',
  ]);
  expect(await end()).toBe(true);
  expect([...endpoints.keys()]).toEqual(['2', '3', '4']);
  expect(released).toEqual(['10.0.0.1']);
  expect(await end()).toBe(false);
});

test('one that is joined again meanwhile stays', async () => {
  const { endpoints, meanwhile, end } = scene({ 1: nowhere }, ['1']);
  meanwhile(() => {
    const before = endpoints.get('1');
    if (before?.sandbox !== undefined)
      endpoints.set('1', { ...before, sandbox: { ...before.sandbox, path: '/proc/self/ns/net' } });
  });
  expect(await end()).toBe(false);
  expect([...endpoints.keys()]).toEqual(['1']);
});

test('one whose container end is back with the host is ended, unless it may be on its way into its sandbox', async () => {
  const { endpoints, released, ended, clock, end } = scene(
    { 1: nowhere, 2: nowhere, 3: '/proc/self/ns/net' },
    [],
    ['1', '3'],
  );
  clock.time = 29_999;
  expect(await end()).toBe(false);
  clock.time = 30_000;
  expect(await end()).toBe(true);
  expect([...endpoints.keys()]).toEqual(['2', '3']);
  expect({ released, ended }).toEqual({ released: ['10.0.0.1'], ended: ['1'] });
});
