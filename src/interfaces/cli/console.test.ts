import { expect, test } from 'vitest';
import { trama } from './testing/fake-io.ts';

test('the console is opened as it is asked for', async () => {
  expect((await trama('console')).io.started).toEqual(['console', { readOnly: false }]);
  const { io, code } = await trama('console --lang es --read-only');
  expect({ code, started: io.started }).toEqual({ code: 0, started: ['console', { readOnly: true, language: 'es' }] });
});
