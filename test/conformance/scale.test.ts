import { expect, test } from 'vitest';
import { costOfAChange } from '../../bench/growth.ts';

test("one endpoint's change costs the server and each agent the same among 100 and among 10,000", async () => {
  const small = await costOfAChange(100);
  const large = await costOfAChange(10_000);
  expect(large).toEqual(small);
  // Neither is it nothing that was counted.
  expect(small.coming).toMatchObject({
    'agent that hears of it: feedMessages': 1,
    'agent that hears of it: mirrorChanges': 1,
    'agent that hears of it: kernelCommands': 4,
    'agent that hears of it: kernelListings': 0,
  });
  expect(small.coming['server: storeCalls']).toBeGreaterThan(0);
  expect(small.coming['agent that has it: trackerOperations']).toBeGreaterThan(0);
  expect(Object.values(small.going).some((cost) => cost > 0)).toBe(true);
}, 30_000);
