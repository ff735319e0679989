import { describe, expect, test } from 'vitest';
import type { StatsView } from '../../../protocol/views.ts';
import { container, keys, Scene } from '../testing/scene.ts';
import { lookedAt } from './use.ts';

const details = `:containers\r/web\r\r`;

const stats = (time: number, more: Partial<StatsView> = {}): StatsView => ({
  ...{ name: 'web', node: 'h1', containerId: 'f'.repeat(64), time, cpu: 0.25, pids: 3 },
  ...{ memory: { used: 64 * 2 ** 20, limit: 2 ** 30 }, network: { received: 0, sent: 0 } },
  ...{ block: { read: 0, written: 0 } },
  ...more,
});

const use = (id: string, one: StatsView) => ({ kind: 'use', id, stats: one }) as const;

describe('whose use is asked for', () => {
  test('the container whose details are on the screen, and nobody else', () => {
    const scene = new Scene();
    expect(lookedAt(scene.state)).toBeUndefined();
    scene.type(details);
    expect(lookedAt(scene.state)).toEqual({ id: 'h1/web', reference: 'web' });
    scene.type(':');
    expect(lookedAt(scene.state)).toEqual({ id: 'h1/web', reference: 'web' });
    scene.type(`${keys.escape}?`);
    expect(lookedAt(scene.state)).toBeUndefined();
    scene.type(keys.escape);
    scene.type('l');
    expect(lookedAt(scene.state)).toBeUndefined();
    scene.type(keys.escape).type(keys.escape);
    expect(lookedAt(scene.state)).toBeUndefined();
  });

  test('one that somebody started with docker by its node, and none that does not run', () => {
    const scene = new Scene().type(`:containers\r/mine\r\r`);
    expect(lookedAt(scene.state)).toEqual({ id: 'h1/mine', reference: 'h1/mine' });
    scene.happen({ kind: 'data', data: { containers: [container('mine', 'h1', { status: 'exited' })] } });
    expect(lookedAt(scene.state)).toBeUndefined();
    expect(scene.screen()).not.toContain('TRAFFIC');
  });
});

test('rates are what was counted between two looks', () => {
  const scene = new Scene().type(details);
  expect(scene.screen()).toMatch(/CPU +being measured/);
  scene.happen(use('h1/web', stats(10_000)));
  expect(scene.state.used?.samples).toEqual([
    { cpu: 0.25, memory: 64 * 2 ** 20, limit: 2 ** 30, received: 0, sent: 0 },
  ]);
  scene.happen(use('h1/web', stats(12_000, { network: { received: 4096, sent: 2048 } })));
  expect(scene.state.used?.samples.at(-1)).toMatchObject({ received: 2048, sent: 1024 });
  // Told twice.
  scene.happen(use('h1/web', stats(12_000, { network: { received: 4096, sent: 2048 } })));
  expect(scene.state.used?.samples).toHaveLength(2);
  // Started anew.
  scene.happen(use('h1/web', stats(14_000, { network: { received: 10, sent: 10 } })));
  expect(scene.state.used?.samples.at(-1)).toMatchObject({ received: 0, sent: 0 });
});

test('at most sixty are kept, and those of one container only', () => {
  const scene = new Scene().type(details);
  for (let beat = 0; beat < 80; beat += 1) scene.happen(use('h1/web', stats(beat * 2000)));
  expect(scene.state.used?.samples).toHaveLength(60);
  scene.happen(use('h2/db', stats(1)));
  expect(scene.state.used).toMatchObject({ id: 'h2/db', samples: [{}] });
  expect(scene.screen()).toMatch(/CPU +being measured/);
});

test('why there is nothing is said, in the language of who reads it', () => {
  const silent = { ...{ name: 'web', node: 'h1', containerId: 'f' }, missing: 'node h1 does not answer in time' };
  const scene = new Scene({ language: 'es' }).type(details).happen(use('h1/web', silent));
  expect(scene.screen()).toMatch(/CPU +el nodo h1 no responde a tiempo/);
});
