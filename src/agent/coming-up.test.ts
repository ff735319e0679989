import { describe, expect, test } from 'vitest';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, RestartedContainer } from '../runtimes/runtimes.ts';
import { ComingUp } from './coming-up.ts';
import type { LocalState } from './local-state.ts';
import { workloadLabel } from './workloads.ts';

const atRest = (id: string, name: string, dockerId: string, labels = {}): RestartedContainer => ({
  ...{ id, labels },
  networks: [{ name, id: dockerId }],
});
const web = atRest('web', 'app', 'docker-1');
const settled = () => new Promise((done) => setImmediate(done));

/** An engine that was seen before and has died. */
async function scene(files: () => Promise<RestartedContainer[]>) {
  const state = {
    engine: new Map<string, { home: string }>(),
    dockerNetworks: new Map([
      ['docker-1', { dockerId: 'docker-1', network: 'n1' }],
      ['docker-2', { dockerId: 'docker-2', network: 'n2' }],
    ]),
  } as unknown as LocalState;
  const lists: PromiseWithResolvers<ContainerInfo[]>[] = [];
  let looks = 0;
  const engine = new ComingUp({
    runtime: {
      list: () => {
        const asked = Promise.withResolvers<ContainerInfo[]>();
        lists.push(asked);
        return asked.promise;
      },
      home: async () => '/home',
      startedByItself: async (home) => {
        looks += 1;
        return home === '/home' ? await files() : [];
      },
    },
    ...{ state, clock: { now: () => 0, sleep: settled as () => Promise<void> }, log: silentLog },
  });
  engine.onEvent({ type: 'connected' });
  await settled();
  engine.onEvent({ type: 'disconnected' });
  return { engine, lists, looks: () => looks, started: () => engine.startedIn('n1', 200) };
}

describe('an engine that asks', () => {
  test('is mute while what it was asked is unanswered, and is not asked again', async () => {
    const { engine, lists } = await scene(async () => []);
    expect(await engine.isMute(200)).toBe(true);
    expect(await engine.isMute(200)).toBe(true);
    expect(lists).toHaveLength(1);
  });

  test('is not from the moment on at which it answers, though its events are not heard yet', async () => {
    const { engine, lists } = await scene(async () => []);
    expect(await engine.isMute(200)).toBe(true);
    lists[0]?.resolve([]);
    await settled();
    expect(await engine.isMute(200)).toBe(false);
  });

  test('is not when it refuses, and is asked anew the next time', async () => {
    const { engine, lists } = await scene(async () => []);
    const first = engine.isMute(200);
    lists[0]?.reject(new Error('refused'));
    expect(await first).toBe(false);
    expect(await engine.isMute(200)).toBe(true);
    expect(lists).toHaveLength(2);
  });

  test('is not while its events are heard, however slow it is', async () => {
    const { engine, lists } = await scene(async () => []);
    expect(await engine.isMute(200)).toBe(true);
    engine.onEvent({ type: 'connected' });
    expect(await engine.isMute(200)).toBe(false);
    engine.onEvent({ type: 'disconnected' });
    expect(await engine.isMute(200)).toBe(true);
    expect(lists).toHaveLength(2);
  });
});

describe('whom it starts in a network', () => {
  test('is told beside others in other networks, and beside what asks for an address of its own', async () => {
    const { started, looks } = await scene(async () => [
      web,
      atRest('other', 'other', 'docker-2'),
      atRest('own', 'mine', 'docker-3'),
      atRest('host', 'host', ''),
      { id: 'fixed', labels: {}, networks: [] },
      atRest('ours', 'app', 'docker-1', { [workloadLabel]: 'w' }),
    ]);
    expect(await started()).toEqual(['web']);
    expect(await started()).toEqual(['web']);
    expect(looks()).toBe(1);
  });

  test('may be several, and one that has not been in a network yet is one of them', async () => {
    const { started } = await scene(async () => [web, atRest('db', 'app', 'docker-1'), atRest('new', 'app', '')]);
    expect(await started()).toEqual(['web', 'db', 'new']);
  });

  test('is not known where its files cannot be read, or not in time', async () => {
    expect(await (await scene(() => Promise.reject(new Error('no such file')))).started()).toEqual([]);
    expect(await (await scene(() => new Promise(() => {}))).started()).toEqual([]);
  });

  test('is read anew of an engine that comes up once more', async () => {
    const found = [web];
    const { engine, started } = await scene(async () => [...found]);
    expect(await started()).toEqual(['web']);
    found.push(atRest('db', 'app', 'docker-1'));
    engine.onEvent({ type: 'disconnected' });
    expect(await started()).toEqual(['web', 'db']);
  });
});
