import { expect, test } from 'vitest';
import { cpuShare, hostMetrics, parseCpuTimes, parseMemory } from './metrics.ts';

const stat = (user: number, idle: number) => `cpu  ${user} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n`;

test('CPU is the busy share of what passed between two looks', () => {
  expect(cpuShare(parseCpuTimes(stat(100, 900)), parseCpuTimes(stat(150, 950)))).toBe(0.5);
  expect(cpuShare(parseCpuTimes(stat(100, 900)), parseCpuTimes(stat(100, 900)))).toBe(0);
});

test('waiting for disks is idle; guests are not counted twice', () => {
  expect(parseCpuTimes('cpu  10 2 3 40 5 1 1 1 7 0\n')).toEqual({ busy: 18, total: 63 });
});

test('memory in use is what new programs cannot have', () => {
  expect(parseMemory('MemTotal:       1000 kB\nMemFree: 10 kB\nMemAvailable:    600 kB\n')).toEqual({
    used: 400 * 1024,
    total: 1000 * 1024,
  });
});

test('a sampler remembers its last look', async () => {
  let user = 0;
  const sample = hostMetrics(async (path) =>
    path === '/proc/stat' ? stat(user, 100) : 'MemTotal: 1 kB\nMemAvailable: 1 kB\n',
  );
  await sample();
  user = 100;
  expect((await sample()).cpu).toBe(1);
});
