/** The cost of one endpoint's change in a network of 100 endpoints and in one of 10,000, in counted operations. */
import { type Costs, costOfAChange } from './growth.ts';
import type { Subject } from './subject.ts';

const [few, many] = [100, 10_000];

export const scale: Subject = async (bench) => {
  const [small, large] = [await costOfAChange(few), await costOfAChange(many)];
  bench.say(`counted with ${few} and with ${many} endpoints`);
  const figures = (['coming', 'going'] as const).flatMap((what) =>
    Object.keys(small[what]).map((cost) => ({
      label: `${what}, ${cost}`,
      unit: units[cost.split(': ')[1] ?? ''] ?? '',
      values: [small[what][cost] ?? 0, large[what][cost] ?? 0],
    })),
  );
  return {
    subject: 'scale',
    title: "operations for one endpoint's coming or going among so many endpoints",
    columns: [few, many].map((count) => count.toLocaleString('en')),
    figures,
    targets: (['coming', 'going'] as const).map((what) => ({
      what: `most that a cost of ${what} grows from ${few} to ${many} endpoints`,
      relation: 'at most',
      limit: 1,
      measured: growth(small[what], large[what]),
      unit: '×',
    })),
    notes: ['A real server over the store in memory, two agents over a kernel that takes every command.'],
  };
};

const units: Readonly<Record<string, string>> = { feedBytes: 'bytes' };

/** What was nothing must stay nothing. */
function growth(small: Costs, large: Costs): number {
  const ratios = Object.entries(large).map(([cost, count]) => (count === 0 ? 0 : count / (small[cost] ?? 0)));
  return Math.max(...ratios);
}
