import { expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { RuntimeEvent } from '../runtimes/runtimes.ts';
import { Happenings } from './happenings.ts';
import type { LocalEndpoint } from './local-state.ts';
import { workloadLabel } from './workloads.ts';

interface Told {
  readonly id: string;
  readonly type: string;
  readonly action: string;
  readonly name: string;
  readonly attributes: Record<string, string>;
}

const id = (letter: string) => letter.repeat(64);

function scene(attached: readonly { id: string; name: string }[] = []) {
  const heard: Told[][] = [];
  let answer: Failure | undefined;
  const link = {
    everywhere: async (method: string, params: unknown) => {
      expect(method).toBe('node.happened');
      if (answer !== undefined) throw answer;
      heard.push((params as { events: Told[] }).events);
    },
  };
  const endpoints = new Map(
    attached.map((container) => [container.id, { record: { container } } as unknown as LocalEndpoint]),
  );
  let linked = true;
  let time = 1000;
  const happenings = new Happenings({ node: 'h1', link: () => (linked ? link : undefined), endpoints, log: silentLog });
  const event = (type: 'container' | 'network', action: string, of: string, attributes: Record<string, string>) => {
    time += 1;
    const told: RuntimeEvent = { type, action, id: of, attributes, time };
    happenings.onEvent(told);
    return told;
  };
  return {
    happenings,
    event,
    words: () => heard.flat().map(({ type, action, name }) => `${type} ${action} ${name}`),
    heard,
    answers: (failure: Failure | undefined) => {
      answer = failure;
    },
    connected: (yes: boolean) => {
      linked = yes;
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("of the cluster's own containers all is told, of others what is on its networks", async () => {
  const { event, words } = scene();
  event('container', 'start', id('a'), { name: 'web', [workloadLabel]: 'w1', image: 'nginx' });
  event('container', 'start', id('b'), { name: 'private' });
  event('network', 'connect', 'n', { container: id('c'), name: 'bridge', type: 'bridge' });
  event('container', 'start', id('c'), { name: 'on-docker0' });
  event('network', 'connect', 'n', { container: id('d'), name: 'app', type: 'trama' });
  event('container', 'start', id('d'), { name: 'plain' });
  event('container', 'die', id('d'), { name: 'plain', exitCode: '3' });
  event('container', 'kill', id('d'), { name: 'plain' });
  event('container', 'destroy', id('d'), { name: 'plain' });
  event('container', 'start', id('d'), { name: 'another of that id' });
  await settle();
  expect(words()).toEqual([
    'container start web',
    'network connect app',
    'container start plain',
    'container die plain',
    'container remove plain',
  ]);
});

test('it is told what it ended with, and of which image it is', async () => {
  const { event, heard } = scene();
  event('container', 'die', id('a'), { name: 'web', [workloadLabel]: 'w', image: 'nginx:1', exitCode: '137' });
  await settle();
  expect(heard.flat()[0]?.attributes).toEqual({ container: 'aaaaaaaaaaaa', image: 'nginx:1', exitCode: '137' });
});

test('what ran before the agent did is known by its endpoints', async () => {
  const { happenings, event, words } = scene([{ id: id('e'), name: 'old' }]);
  happenings.onEvent({ type: 'connected' });
  event('container', 'die', id('e'), { name: 'old' });
  await settle();
  expect(words()).toEqual(['container die old']);
});

test('what the engine tells twice is told once', async () => {
  const { happenings, event, words } = scene();
  const told = event('container', 'start', id('a'), { name: 'web', [workloadLabel]: 'w' });
  happenings.onEvent(told);
  await settle();
  expect(words()).toEqual(['container start web']);
});

test('while no server answers the newest are kept, and told together when one does', async () => {
  const { happenings, event, heard, answers, connected } = scene();
  answers(new Failure('unavailable', 'no server'));
  for (let n = 0; n < 600; n += 1) event('container', 'start', id('a'), { name: `c${n}`, [workloadLabel]: 'w' });
  await settle();
  answers(undefined);
  connected(false);
  await happenings.tell();
  expect(heard).toEqual([]);
  connected(true);
  await happenings.tell();
  expect(heard.every((some) => some.length <= 50)).toBe(true);
  expect(heard.flat()).toHaveLength(500);
  expect(heard.flat().at(-1)?.name).toBe('c599');
});

test('a server of before, which does not know of it, is not asked for ever', async () => {
  const { happenings, event, heard, answers } = scene();
  answers(new Failure('not-found', 'a server does not know node.happened'));
  event('container', 'start', id('a'), { name: 'web', [workloadLabel]: 'w' });
  await settle();
  answers(undefined);
  await happenings.tell();
  expect(heard).toEqual([]);
});
