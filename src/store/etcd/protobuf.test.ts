import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode, Message } from './protobuf.ts';

describe('Protocol Buffers', () => {
  test('what is written is read again', () => {
    const whole = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), whole, fc.nat(), fc.boolean(), (text, id, number, flag) => {
        const inner = encode([
          [1, text],
          [16, number],
        ]);
        const bytes = encode([
          [1, id],
          [2, inner],
          [2, inner],
          [3, flag],
          [200, number],
        ]);
        const message = new Message(bytes);
        expect(message.id(1)).toBe(id);
        expect(message.messages(2).map((each) => [each.text(1), each.number(16)])).toEqual([
          [text, number],
          [text, number],
        ]);
        expect([message.flag(3), message.number(200)]).toEqual([flag, number]);
      }),
    );
  });

  test('as the specification has it', () => {
    expect(encode([[1, 150]]).toString('hex')).toBe('089601');
    expect(encode([[2, 'testing']]).toString('hex')).toBe('120774657374696e67');
    // -1, as etcd answers for a lease that is gone.
    expect(new Message(Buffer.from(`08${'ff'.repeat(9)}01`, 'hex')).number(1)).toBe(-1);
  });

  test('what is zero, empty or absent', () => {
    expect(
      encode([
        [1, 0],
        [2, false],
        [3, undefined],
      ]),
    ).toHaveLength(0);
    const nothing = new Message(Buffer.alloc(0));
    expect([nothing.number(1), nothing.flag(1), nothing.text(1), nothing.message(1)]).toEqual([
      0,
      false,
      '',
      undefined,
    ]);
  });

  test('fields that nobody knows are passed over, of any kind; what is cut is refused', () => {
    const unknown = Buffer.concat([Buffer.from([0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4]), encode([[1, 7]])]);
    expect(new Message(unknown).number(1)).toBe(7);
    const bytes = encode([[2, 'testing']]);
    for (let length = 1; length < bytes.length; length += 1) {
      expect(() => new Message(bytes.subarray(0, length))).toThrow(RangeError);
    }
  });
});
