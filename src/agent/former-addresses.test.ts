import { describe, expect, test } from 'vitest';
import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import type { ContainerInfo, RuntimeEvent } from '../runtimes/runtimes.ts';
import { FormerAddresses } from './former-addresses.ts';
import { workloadLabel } from './workloads.ts';

const network = { id: 'n1', name: 'app' } as NetworkRecord;

const endpoint = (id: string, address: string): EndpointRecord => ({
  ...{ id: `e-${id}`, network: 'n1', node: 'h1', kind: 'container', address, mac: '' },
  container: { id, name: id },
});

const container = (id: string, state: ContainerInfo['state'], name = 'app', labels = {}): ContainerInfo => ({
  ...{ id, name: id, image: 'i', state, labels },
  networks: [{ name, endpointId: '', address: '', mac: '' }],
});

const event = (action: string, id: string): RuntimeEvent => ({ type: 'container', action, id, attributes: {} });

/** An engine with these containers, and addresses that rest. */
function scene(containers: ContainerInfo[], ...resting: string[]) {
  const rest = new Set(resting);
  let looks = 0;
  const former = new FormerAddresses({
    runtime: {
      list: async () => {
        looks += 1;
        return containers;
      },
    },
    addresses: { rests: (_, address) => rest.has(address), assignAgain: (_, address) => rest.delete(address) },
    clock: { now: () => 0, sleep: () => new Promise<void>(() => {}) },
  });
  return { former, rest, looks: () => looks };
}

describe('the address that a container had', () => {
  test.each(['exited', 'restarting', 'dead'] as const)('is its own again, once, when it is %s', async (state) => {
    const { former } = scene([container('web', state), container('db', 'running')], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe('10.42.0.9');
    expect(await former.assign(network)).toBeUndefined();
  });

  test('goes to nobody else: not to a new container, which is not even looked for', async () => {
    const { former, looks } = scene([container('web', 'exited')], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    former.onEvent(event('create', 'new'));
    expect(await former.assign(network)).toBeUndefined();
    expect(looks()).toBe(0);
    former.onEvent(event('start', 'new'));
    expect(await former.assign(network)).toBe('10.42.0.9');
  });

  test.each([
    ['one that was made and has not run', container('other', 'created')],
    ['another that does not run', container('other', 'exited')],
  ])('is nobody’s while %s could be meant', async (_, other) => {
    const { former } = scene([container('web', 'exited'), other], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBeUndefined();
  });

  test.each([
    ['is on other networks', container('other', 'exited', 'else')],
    ['Trama runs', container('other', 'exited', 'app', { [workloadLabel]: 'w1' })],
    ['is being removed', container('other', 'removing')],
  ])('is its own beside one that %s', async (_, other) => {
    const { former } = scene([container('web', 'exited'), other], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe('10.42.0.9');
  });

  test('is forgotten with the container, and with the address', async () => {
    const { former, rest, looks } = scene([container('web', 'exited')], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    former.onEvent(event('destroy', 'web'));
    expect(await former.assign(network)).toBeUndefined();
    former.ended(endpoint('web', '10.42.0.9'));
    rest.clear();
    expect(await former.assign(network)).toBeUndefined();
    expect(looks()).toBe(0);
  });

  test('is not waited for while the engine does not answer', async () => {
    const former = new FormerAddresses({
      runtime: { list: () => new Promise(() => {}) },
      addresses: { rests: () => true, assignAgain: () => true },
      clock: { now: () => 0, sleep: async () => {} },
    });
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBeUndefined();
  });
});
