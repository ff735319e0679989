import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Demultiplexer } from './frames.ts';

function frame(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 });
const cuts = fc.array(fc.nat(60), { maxLength: 60 });

test('channels come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(frames, cuts, (sent, lengths) => {
      let rest = Buffer.concat(sent.map(([type, payload]) => frame(type, payload)));
      const demultiplexer = new Demultiplexer();
      const got: Record<number, number[]> = { 1: [], 2: [] };
      const take = (length: number) => {
        for (const { channel, data } of demultiplexer.push(Buffer.from(rest.subarray(0, length))))
          got[channel]?.push(...data);
        rest = rest.subarray(length);
      };
      for (const length of lengths) take(length);
      take(rest.length);
      const of = (type: number) => sent.flatMap(([each, payload]) => (each === type ? [...payload] : []));
      expect(got).toEqual({ 1: of(1), 2: of(2) });
    }),
  );
});

test('an error of the engine, or bytes without frames, are a Failure', () => {
  const read = (data: Buffer) => [...new Demultiplexer().push(data)];
  expect(() => read(frame(3, Buffer.from('log driver broke\n')))).toThrow(
    'Docker broke off the stream: log driver broke',
  );
  expect(() => read(Buffer.from('plain text, no frames'))).toThrow('unknown format');
});
