import { expect, test } from 'vitest';
import { SealChecker, Sealer, sessionOf } from './seal.ts';

const session = Buffer.alloc(16, 5);
const key = Buffer.alloc(32, 1);
const header = Buffer.from('{"t":"ping"}');
const payload = Buffer.from('payload');

test('a right seal is taken once, and none older than the last', () => {
  const sealer = new Sealer(session, key);
  const checker = new SealChecker(key);
  const [first, second] = [sealer.seal(header, payload), sealer.seal(header, payload)];
  expect(sessionOf(second)).toBe(session.toString('hex'));
  expect(checker.check(second, header, payload)).toBe(true);
  expect(checker.check(second, header, payload)).toBe(false);
  expect(checker.check(first, header, payload)).toBe(false);
});

test('whatever is changed, the seal is wrong; and a wrong one does not use the counter up', () => {
  const seal = new Sealer(session, key).seal(header, payload);
  const checker = new SealChecker(key);
  for (let at = 1; at < seal.length; at++) {
    const changed = Buffer.from(seal);
    changed.writeUInt8((seal[at] ?? 0) ^ 1, at);
    expect(checker.check(changed, header, payload)).toBe(false);
  }
  expect(checker.check(seal, Buffer.from('{"t":"pong"}'), payload)).toBe(false);
  expect(checker.check(seal, header, Buffer.from('other'))).toBe(false);
  // The border between header and payload is sealed too.
  expect(checker.check(seal, Buffer.concat([header, payload]), Buffer.alloc(0))).toBe(false);
  expect(new SealChecker(Buffer.alloc(32, 2)).check(seal, header, payload)).toBe(false);
  expect(checker.check(seal.subarray(1), header, payload)).toBe(false);
  expect(checker.check(seal, header, payload)).toBe(true);
});
