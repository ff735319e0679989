import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** Limits are for what hangs; a machine that is busy elsewhere takes its time. */
const patience = { expect: { poll: { timeout: 15_000 } } };
const unit = { testTimeout: 20_000, ...patience };

/** They wait for kernels and engines as much as they compute; more at once would hold up one another's deadlines. */
const machines = { maxWorkers: Math.max(3, availableParallelism() >> 1), ...patience };

/** ZeroMQ's binding aborts the process when a thread that has sockets is ended: these need processes of their own. */
const overZeroMq = ['src/bus/zeromq/**/*.test.ts', 'test/conformance/next-version.test.ts'];

/** unit: no root, seconds. kernel: root, own namespaces. e2e: root, simulated hosts with real engines. */
export default defineConfig({
  test: {
    // Many of the tests wait for a deadline more than they compute.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,test/conformance,test/faults}/**/*.test.ts'],
          exclude: overZeroMq,
          pool: 'threads',
          ...unit,
        },
      },
      { test: { name: 'unit-zeromq', include: overZeroMq, pool: 'forks', ...unit } },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...machines,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          ...machines,
        },
      },
    ],
  },
});
