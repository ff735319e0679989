import { expect, test } from 'vitest';
import { decodeJson, encodeJson } from './wire.ts';

test('a frozen value is written once, another each time it is sent', () => {
  const frozen = Object.freeze({ a: [1, 'ñ'] });
  expect(encodeJson(frozen)).toBe(encodeJson(frozen));
  expect(decodeJson(encodeJson(frozen))).toEqual(frozen);
  const value = { a: 1 };
  expect(decodeJson(encodeJson(value))).toEqual({ a: 1 });
  value.a = 2;
  expect(decodeJson(encodeJson(value))).toEqual({ a: 2 });
});
