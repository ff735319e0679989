import { expect, test } from 'vitest';
import type { LogLine } from '../state.ts';
import { keys, Scene } from '../testing/scene.ts';
import { keptLines } from './logs.ts';

const lines = (count: number, from = 0): LogLine[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ time: `2026-01-31T11:00:00.${String(i % 1000).padStart(3, '0')}000000Z`, error: false },
    text: `line ${from + i}${(from + i) % 10 === 0 ? ' Tenth' : ''}`,
  }));

const log = () => new Scene().type(':containers\r/web\rl').happen({ kind: 'log-lines', stream: 1, lines: lines(100) });
const body = (scene: Scene) =>
  scene
    .lines()
    .slice(4, 22)
    .map((line) => line.trimEnd());

test('it follows, stands still when one goes up, and follows again', () => {
  const scene = log();
  expect(body(scene).at(-1)).toBe('line 99');
  scene.type(keys.up).happen({ kind: 'log-lines', stream: 1, lines: lines(5, 100) });
  expect(body(scene).at(-1)).toBe('line 98');
  expect(scene.type('G')).toBe(scene);
  expect(body(scene).at(-1)).toBe('line 104');
  expect(body(scene.type('g'))[0]).toBe('line 0 Tenth');
});

test('a search goes from one to the next and round; it says how many there are', () => {
  const scene = log().type('g/tenth\r');
  expect(body(scene)[0]).toBe('line 0 Tenth');
  expect(scene.lines()[3]).toContain('10 with tenth');
  expect(body(scene.type('n'))[0]).toBe('line 10 Tenth');
  expect(body(scene.type('NN'))[0]).toBe('line 90 Tenth');
});

test('times and wrapping', () => {
  const scene = log().happen({
    kind: 'log-lines',
    stream: 1,
    lines: [{ time: '2026-01-31T11:00:00.5Z', text: 'x'.repeat(100), error: true }],
  });
  expect(body(scene).at(-1)).toMatch(/^x+…$/);
  expect(body(scene.type('w')).slice(-2)).toEqual(['x'.repeat(80), 'x'.repeat(20)]);
  expect(body(scene.type('wt'))[0]).toMatch(/^2026-01-31 11:00:00\.\d{3} line/);
});

test('a range is asked for anew, and what the older stream still says is dropped', () => {
  const scene = log().type('r10m\r');
  expect(scene.effects.at(-1)).toMatchObject({ kind: 'open-logs', stream: 2, range: { text: '10m' } });
  scene.happen({ kind: 'log-lines', stream: 1, lines: lines(3) });
  expect(scene.screen()).toContain('It has printed nothing');
  expect(scene.type('rnever\r').screen()).toContain('never is no time range');
});

test('saved as a file, with times if they are shown', () => {
  const scene = log().type(`tS${'\x15'}/tmp/web.log\r`);
  expect(scene.effects.at(-1)).toEqual({
    ...{ kind: 'save-logs', reference: 'web', range: { text: '' }, timestamps: true, path: '/tmp/web.log' },
  });
});

test('no more is kept than is said; its end is told; its stream ends with its view', () => {
  const scene = log().happen({ kind: 'log-lines', stream: 1, lines: lines(keptLines + 5) });
  const [, view] = scene.state.views;
  expect(view?.kind === 'logs' && view.lines).toHaveLength(keptLines);
  expect(scene.type('g').screen()).toContain('older lines are not kept');
  scene.happen({ kind: 'log-end', stream: 1, why: '' });
  expect(scene.lines()[3]).toContain('ended');
  expect(scene.type(keys.escape).effects.at(-1)).toEqual({ kind: 'close-logs' });
});

test('what would steer the terminal does not', () => {
  const scene = log().happen({
    ...{ kind: 'log-lines', stream: 1 },
    lines: [{ time: '', text: '\x1b[31mred\x1b[0m\x1b]0;title\x07 \x07bell\rback', error: false }],
  });
  expect(body(scene).at(-1)).toBe('red bellback');
});
