import { expect, test } from 'vitest';
import { channels } from '../../../protocol/api.ts';
import { LogLines } from './log-lines.ts';

test('lines in pieces, of both streams, with the time of each', () => {
  const lines = new LogLines(100);
  expect(lines.push(channels.stdout, Buffer.from('2026-01-31T11:00:00.1Z on'))).toEqual([]);
  expect(lines.push(channels.stderr, Buffer.from('2026-01-31T11:00:00.2Z bad\r\n'))).toEqual([
    { time: '2026-01-31T11:00:00.2Z', text: 'bad', error: true },
  ]);
  expect(lines.push(channels.stdout, Buffer.from('e\n2026-01-31T11:00:00.3Z \nno time'))).toEqual([
    { time: '2026-01-31T11:00:00.1Z', text: 'one', error: false },
    { time: '2026-01-31T11:00:00.3Z', text: '', error: false },
  ]);
  expect(lines.finish()).toEqual([{ time: '', text: 'no time', error: false }]);
});

test('a character in two pieces is one; a line without end is parted', () => {
  const lines = new LogLines(100);
  const euro = Buffer.from('€\n');
  lines.push(channels.stdout, euro.subarray(0, 1));
  expect(lines.push(channels.stdout, euro.subarray(1))).toMatchObject([{ text: '€' }]);
  const parted = lines.push(channels.stdout, Buffer.from(`${'x'.repeat(250)}\n${'y'.repeat(150)}`));
  expect(parted.map(({ text }) => text.length)).toEqual([100, 100, 50, 100]);
  expect(lines.finish()).toMatchObject([{ text: 'y'.repeat(50) }]);
});
