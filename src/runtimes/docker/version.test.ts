import { expect, test } from 'vitest';
import { chooseApiVersion, describeEngine } from './version.ts';

test.each([
  ['1.41', '1.12', '1.41'],
  ['1.43', '1.12', '1.43'],
  ['1.51', '1.24', '1.44'],
  ['1.52', '1.44', '1.44'],
  ['1.60', '1.48', '1.48'],
  ['2.1', '2.0', '2.0'],
  ['1.41', undefined, '1.41'],
])('an engine of %s down to %s is spoken to in %s', (ApiVersion, MinAPIVersion, chosen) => {
  expect(chooseApiVersion({ Version: 'x', ApiVersion, MinAPIVersion })).toBe(chosen);
});

test.each(['1.40', '1.9'])('an engine of %s is too old', (ApiVersion) => {
  expect(() => chooseApiVersion({ Version: '19.03.5', ApiVersion })).toThrow(
    `Docker 19.03.5 on this host is too old: it speaks API ${ApiVersion} and 1.41 is needed; install Docker 20.10 or newer.`,
  );
});

test("an engine's name", () => {
  expect(describeEngine({ Version: '20.10.24+dfsg1', ApiVersion: '1.41' }, '1.41')).toBe('Docker 20.10.24, API 1.41');
});
