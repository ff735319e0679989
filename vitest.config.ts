import { defineConfig } from 'vitest/config';

/** unit: no root, seconds. kernel: root, own namespaces. e2e: root, simulated hosts with real engines; one file at a time. */
export default defineConfig({
  test: {
    // Many of the tests wait for a deadline more than they compute.
    maxWorkers: 4,
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'test/conformance/**/*.test.ts'], pool: 'threads' } },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
