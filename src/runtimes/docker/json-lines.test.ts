import { expect, test } from 'vitest';
import { jsonLines } from './json-lines.ts';

async function read(...chunks: string[]) {
  const values: unknown[] = [];
  const source = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk);
  })();
  for await (const value of jsonLines(source)) values.push(value);
  return values;
}

test('lines may be cut anywhere, be empty, or lack the last newline', async () => {
  expect(await read('{"a"', ':1}\r\n\n{"b":', '2', '}\n{"c":3}')).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
});

test('a line without an end does not fill the memory', async () => {
  const piece = 'x'.repeat(600_000);
  await expect(read(piece, piece)).rejects.toThrow('longer than');
});

test('what is not JSON is a Failure', async () => {
  await expect(read('<html>\n')).rejects.toMatchObject({ code: 'internal' });
});
