import { expect, test } from 'vitest';
import { type LogFormat, lineLog } from './log.ts';

function written(format: LogFormat, use: (log: ReturnType<typeof lineLog>) => void): string[] {
  const lines: string[] = [];
  use(
    lineLog(
      (line) => lines.push(line),
      'info',
      () => Date.UTC(2026, 0, 2, 3, 4, 5, 6),
      format,
    ),
  );
  return lines;
}

test('text is for people, one line each', () => {
  const lines = written('text', (log) => {
    log.with({ role: 'server' }).info('node connected', { node: 'h1', why: undefined });
    log.debug('not told');
    log.error('it failed', { error: new Error('no\nspace') });
  });
  expect(lines).toEqual([
    '2026-01-02T03:04:05.006Z info  node connected role=server node=h1\n',
    '2026-01-02T03:04:05.006Z error it failed error="no\\nspace"\n',
  ]);
});

test('JSON: one object per line, with errors, their codes and causes as objects', () => {
  const error = Object.assign(new Error('two\nlines', { cause: new TypeError('why') }), { code: 'ENOSPC' });
  const lines = written('json', (log) => {
    log.with({ role: 'agent' }).warn('not kept', { error, count: 3, deep: { list: ['a'] } });
    log.debug('not told');
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: '2026-01-02T03:04:05.006Z',
    level: 'warn',
    message: 'not kept',
    role: 'agent',
    error: { name: 'Error', message: 'two\nlines', code: 'ENOSPC', cause: { name: 'TypeError', message: 'why' } },
    count: 3,
    deep: { list: ['a'] },
  });
});

test('a field that is called like what every line has hides nothing', () => {
  const [line] = written('json', (log) => log.info('started', { level: 7, time: 'x', message: 'y', big: 1n }));
  expect(JSON.parse(line ?? '')).toEqual({
    time: '2026-01-02T03:04:05.006Z',
    level: 'info',
    message: 'started',
    level_: 7,
    time_: 'x',
    message_: 'y',
    big: '1',
  });
});
