import { describe, expect, test } from 'vitest';
import { type EndpointRecord, Failure, type NetworkRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, RuntimeEvent } from '../runtimes/runtimes.ts';
import { FormerAddresses } from './former-addresses.ts';
import type { LocalState } from './local-state.ts';
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

const event = (action: string, id: string): RuntimeEvent => ({
  ...{ type: 'container', action, id, attributes: {}, time: 0 },
});

const answering = { onEvent: () => {}, isMute: async () => false, startedIn: async () => [] };
const localState = () => ({ former: new Map(), endpoints: new Map() }) as unknown as LocalState;

/** Addresses at rest, until they are given. */
function givenFrom(rest: Set<string>) {
  const given = new Set<string>();
  return {
    rests: (_: string, address: string) => rest.has(address),
    isTaken: (_: string, address: string) => given.has(address),
    assignAgain: (_: NetworkRecord, address: string) => rest.delete(address) && given.add(address).has(address),
  };
}

/** An engine with these containers, of which it starts the first, and addresses that rest. */
function scene(containers: ContainerInfo[], ...resting: string[]) {
  const rest = new Set(resting);
  const starting = new Set(containers.slice(0, 1).map(({ id }) => id));
  const clock = { time: 0, now: () => clock.time, sleep: () => new Promise<void>((done) => setImmediate(done)) };
  let looks = 0;
  const former = new FormerAddresses({
    runtime: {
      list: async () => {
        looks += 1;
        return containers;
      },
      inspect: async (id) => {
        const found = containers.find((each) => each.id === id);
        if (found === undefined) throw new Failure('not-found', id);
        return starting.has(id) ? new Promise(() => {}) : found;
      },
    },
    addresses: givenFrom(rest),
    ...{ engine: answering, state: localState(), clock, log: silentLog },
  });
  return { former, rest, starting, clock, looks: () => looks };
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

  const others: [string, ContainerInfo][] = [
    ['one that was made and has not run', container('other', 'created')],
    ['another that does not run', container('other', 'exited')],
    ['another of a network of another name', container('other', 'exited', 'mine')],
  ];

  test.each(others)('is nobody’s while %s is started, too or alone', async (_, other) => {
    const { former, starting } = scene([container('web', 'exited'), other], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    starting.add('other');
    expect(await former.assign(network)).toBeUndefined();
    starting.delete('web');
    expect(await former.assign(network)).toBeUndefined();
  });

  test.each(others)('is its own beside %s, which is not started', async (_, other) => {
    const { former } = scene([container('web', 'exited'), other], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe('10.42.0.9');
  });

  test('is not given to one that runs and is connected', async () => {
    const { former, starting } = scene([container('web', 'exited'), container('db', 'running')], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    starting.clear();
    expect(await former.assign(network)).toBeUndefined();
  });

  test('is told from others’: each of several has its own again, the latest that it had', async () => {
    const all = ['10.42.0.8', '10.42.0.9', '10.42.0.10'];
    const { former, starting } = scene([container('web', 'exited'), container('db', 'exited')], ...all);
    former.ended(endpoint('web', '10.42.0.8'));
    former.ended(endpoint('db', '10.42.0.9'));
    former.ended(endpoint('web', '10.42.0.10'));
    expect(await former.assign(network)).toBe('10.42.0.10');
    starting.clear();
    starting.add('db');
    expect(await former.assign(network)).toBe('10.42.0.9');
  });

  test('is looked for beside one that was made before it ended, or long ago', async () => {
    const { former, clock, rest, looks } = scene(
      [container('web', 'exited'), container('never', 'created')],
      '10.42.0.9',
    );
    former.onEvent(event('create', 'never'));
    clock.time = 10;
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe('10.42.0.9');
    rest.add('10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    former.onEvent(event('create', 'another'));
    expect(await former.assign(network)).toBeUndefined();
    expect(looks()).toBe(1);
    clock.time += 500;
    expect(await former.assign(network)).toBe('10.42.0.9');
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

  test.each([
    [255, '10.42.0.9'],
    [256, undefined],
  ])('beside %i others that do not run is %s', async (many, address) => {
    const others = Array.from({ length: many }, (_, i) => container(`c${i}`, 'exited'));
    const { former } = scene([container('web', 'exited'), ...others], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe(address);
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
      runtime: { list: () => new Promise(() => {}), inspect: () => new Promise(() => {}) },
      addresses: { rests: () => true, isTaken: () => false, assignAgain: () => true },
      ...{ engine: answering, state: localState(), clock: { now: () => 0, sleep: async () => {} }, log: silentLog },
    });
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBeUndefined();
  });
});

describe('from an engine that comes up', () => {
  const nobody = () => Promise.reject(new Error('it answers nobody'));

  function comingUp(state: LocalState, started: readonly string[], ...resting: string[]) {
    const rest = new Set(resting);
    return new FormerAddresses({
      runtime: { list: nobody, inspect: nobody },
      engine: {
        onEvent: () => {},
        isMute: async () => true,
        startedIn: async (id) => (id === network.id ? started : []),
      },
      addresses: givenFrom(rest),
      ...{ state, clock: { now: () => 0, sleep: async () => {} }, log: silentLog },
    });
  }

  test.each([
    [['web'], '10.42.0.9'],
    [['db'], '10.42.0.8'],
    [['new'], undefined],
    [[], undefined],
    [['new', 'another'], undefined],
  ])('the one that it starts there, of %j, has %s', async (started, address) => {
    const former = comingUp(localState(), started, '10.42.0.8', '10.42.0.9');
    former.ended(endpoint('db', '10.42.0.8'));
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe(address);
  });

  test('several that it starts there are put off, as long as one of them could have its address again', async () => {
    const former = comingUp(localState(), ['web', 'new'], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    const refused = former.assign(network);
    await expect(refused).rejects.toThrow(Failure);
    await expect(refused).rejects.toThrow(
      'Docker comes up and starts 2 containers in network app without saying for which it asks: Trama starts each of them',
    );
    former.onEvent(event('destroy', 'web'));
    expect(await former.assign(network)).toBeUndefined();
  });

  test('what one was given is known until its endpoint is there: its start may end with the agent', async () => {
    const state = localState();
    const former = comingUp(state, ['web'], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    expect(await former.assign(network)).toBe('10.42.0.9');
    await former.save();
    expect([...state.former.values()].flat()).toHaveLength(1);
    expect(await former.assign(network)).toBeUndefined();
    (state.endpoints as unknown as Map<string, unknown>).set('e', { record: endpoint('web', '10.42.0.9') });
    await former.save();
    expect([...state.former.values()]).toEqual([]);
  });

  test('nobody is put off while all but one of them live: it is only slow', async () => {
    const state = localState();
    const former = comingUp(state, ['web', 'db'], '10.42.0.9');
    former.ended(endpoint('web', '10.42.0.9'));
    (state.endpoints as unknown as Map<string, unknown>).set('e', { record: endpoint('web', '10.42.0.10') });
    expect(await former.assign(network)).toBeUndefined();
  });

  test('also where the agent ended meanwhile, of those at rest', async () => {
    const state = localState();
    const before = comingUp(state, [], '10.42.0.9');
    before.ended(endpoint('db', '10.42.0.8'));
    before.ended(endpoint('web', '10.42.0.9'));
    // It is not said that it ends.
    await new Promise((done) => setImmediate(done));
    expect([...state.former.values()].flat()).toEqual([{ network: 'n1', address: '10.42.0.9', container: 'web' }]);
    const after = comingUp(state, ['web'], '10.42.0.9');
    expect(await after.assign(network)).toBe('10.42.0.9');
  });
});
