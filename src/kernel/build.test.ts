import { expect, test } from 'vitest';
import { build } from './build.ts';
import type { KernelObject } from './objects.ts';

test('what one process does one thing at a time is done in as many as there are things', async () => {
  const said: string[] = [];
  const rules = ['-i', '-o'].map(
    (way): KernelObject => ({
      ...({ kind: 'iptables', ns: 'a', table: 'filter', chain: 'DOCKER-USER' } as const),
      rule: [way, 'br0', '-j', 'ACCEPT'],
    }),
  );
  const results = await build(
    rules.map((after) => ({ op: 'create', after })),
    async ({ argv }) => {
      said.push(argv.join(' '));
      return { code: 0, stdout: '', stderr: '' };
    },
  );
  expect(results.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  expect(said).toEqual([expect.stringContaining('-i br0'), expect.stringContaining('-o br0')]);
});
