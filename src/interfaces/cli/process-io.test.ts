import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { OutputClosed } from './io.ts';
import { outputOf } from './process-io.ts';

/** A stream on which every write fails so. */
const failing = (code: string) =>
  new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(`${code}: write`), { code })) });

test('nobody reads any more: that is an end, not a failure', async () => {
  const output = outputOf(failing('EPIPE'));
  await expect(output.write('a')).rejects.toBeInstanceOf(OutputClosed);
  await expect(output.write('b')).rejects.toBeInstanceOf(OutputClosed);
});

test('what cannot be written is a failure, the second time as well', async () => {
  const output = outputOf(failing('ENOSPC'));
  for (const text of ['a', 'b']) {
    await expect(output.write(text)).rejects.toMatchObject({
      code: 'exhausted',
      message: 'the output cannot be written: the disk is full; what came before may be cut off',
    });
  }
  await expect(outputOf(failing('EIO')).write('a')).rejects.toMatchObject({ message: expect.stringContaining('EIO') });
});
