import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Frames, framed } from './frames.ts';

test('messages come out whole, however the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map((message) => framed(Buffer.from(message))));
      const frames = new Frames();
      const received: Buffer[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + (cuts[i % cuts.length] ?? 1);
        received.push(...frames.take(stream.subarray(at, end)));
        at = end;
      }
      expect(received.map((each) => each.toString('hex'))).toEqual(
        sent.map((each) => Buffer.from(each).toString('hex')),
      );
    }),
  );
});
