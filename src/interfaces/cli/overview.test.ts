import { expect, test } from 'vitest';
import { overview } from './overview.ts';
import { asksForOverview } from './quick-words.ts';
import { trama } from './testing/fake-io.ts';

test.each([40, 60, 72, 80, 93, 100, 120, 132, 200, 400])(
  'it is what the command tree says, in %i cells',
  async (columns) => {
    const { out } = await trama('--help', { columns });
    expect(overview(columns)).toBe(out);
  },
);

test('who asks for it, and nobody else', () => {
  for (const words of [[], ['--help'], ['-h']]) expect(asksForOverview(words)).toBe(true);
  for (const words of [['ps', '--help'], ['--help', 'ps'], ['help'], ['--context', 'x', '--help']])
    expect(asksForOverview(words)).toBe(false);
});
