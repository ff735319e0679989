import { expect, test } from 'vitest';
import { createKnocking, hasHalfOpen } from './knocking.ts';

/** As the kernel wrote it on a server whose answers were lost on their way to 10.9.9.2. */
const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:125D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 30809200 2 000000003ae888b2 100 0 0 10 0
   1: 0109090A:125D 0209090A:8D88 03 00000000:00000000 01:00000033 00000001     0        0 0 0 0000000049c0c7a3
   2: 0109090A:125D 0309090A:8D89 01 00000000:00000000 01:00000033 00000001     0        0 0 0 0000000049c0c7a4
`;
const mapped =
  '   1: 0000000000000000FFFF00000109090A:125D 0000000000000000FFFF00000209090A:8D88 03 00000000:00000000 01:0000 00000000';

test('who is half-way in is at the door; who is in, or asks for another port, is not', () => {
  expect(hasHalfOpen(table, '10.9.9.2', [4701])).toBe(true);
  expect(hasHalfOpen(mapped, '10.9.9.2', [4701])).toBe(true);
  expect(hasHalfOpen(table, '10.9.9.2', [4702, 80])).toBe(false);
  expect(hasHalfOpen(table, '10.9.9.3', [4701])).toBe(false);
  expect(hasHalfOpen(table, '9.9.2.10', [4701])).toBe(false);
  expect(hasHalfOpen('', '10.9.9.2', [4701])).toBe(false);
  // Of a while ago: it may have heard since.
  expect(hasHalfOpen(table.replace('01:00000033 00000001', '01:00000033 00000003'), '10.9.9.2', [4701])).toBe(false);
});

test('nobody is at the door of a port that nobody has', async () => {
  expect(await createKnocking()('127.0.0.1', [1])).toBe(false);
});
