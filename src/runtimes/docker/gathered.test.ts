import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { gathered } from './gathered.ts';

async function* pieces(...all: readonly (Buffer | number)[]): AsyncGenerator<Buffer> {
  for (const one of all) {
    if (typeof one === 'number') await delay(one);
    else yield one;
  }
}

async function read(source: AsyncIterable<Buffer>) {
  const rests: number[] = [];
  const got: Buffer[] = [];
  const rest = async () => void rests.push(got.length);
  for await (const data of gathered(source, rest)) got.push(data);
  return { rests, text: Buffer.concat(got).toString() };
}

const small = (text: string) => Buffer.from(text);

test('in a burst of small pieces its reader rests, from the second on, and every byte comes', async () => {
  const { rests, text } = await read(pieces(small('a'), small('b'), small('c')));
  expect(text).toBe('abc');
  expect(rests.length).toBeGreaterThanOrEqual(1);
  expect(rests).not.toContain(1);
});

test('what comes now and then is never held up', async () => {
  expect(await read(pieces(small('a'), 20, small('b'), 20, small('c')))).toEqual({ rests: [], text: 'abc' });
});

test('neither is what comes in large pieces', async () => {
  const large = Buffer.alloc(64 * 1024, 'x');
  expect((await read(pieces(large, large, large))).rests).toEqual([]);
});
