import { expect, test } from 'vitest';
import { type EndpointRecord, endpointPortName } from '../domain/domain.ts';
import { endGoneEndpoints } from './gone-sandboxes.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';

const nowhere = '/run/docker/netns/of-no-one';

function scene(sandboxes: Readonly<Record<string, string | undefined>>, missing: readonly string[]) {
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
  let whileLooking = () => {};
  return {
    endpoints,
    released,
    meanwhile: (happens: () => void) => {
      whileLooking = happens;
    },
    end: () =>
      endGoneEndpoints({
        state: { endpoints } as unknown as Pick<LocalState, 'endpoints'>,
        missingPairs: async () => {
          whileLooking();
          return new Set(missing.map(endpointPortName));
        },
        removeEndpoint: async (id) => void endpoints.delete(id),
        releaseAddress: (_, address) => void released.push(address),
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
