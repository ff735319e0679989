import { expect, test } from 'vitest';
import { cpuShare, hostMetrics, parseCpuTimes, parseMemory, parseTraffic } from './metrics.ts';

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
  const sample = hostMetrics({
    read: async (path) => (path === '/proc/stat' ? stat(user, 100) : 'MemTotal: 1 kB\nMemAvailable: 1 kB\n'),
    device: () => 'eth0',
    now: () => 0,
  });
  await sample();
  user = 100;
  expect((await sample()).cpu).toBe(1);
});

const dev = (received: number, sent: number) =>
  `Inter-|   Receive                            |  Transmit\n face |bytes packets\n  eth0: ${received} 1 0 0 0 0 0 0 ${sent} 1 0 0 0 0 0 0\n`;

test('the bytes of one interface', () => {
  expect(parseTraffic(dev(10, 20), 'eth0')).toEqual({ received: 10, sent: 20 });
  expect(parseTraffic(dev(10, 20), 'eth1')).toBeUndefined();
});

test('traffic is a rate between two looks, and none over a change of interface', async () => {
  let [now, device, received] = [1000, 'eth0', 0];
  const sample = hostMetrics({
    read: async (path) => (path === '/proc/net/dev' ? dev(received, 500) : stat(1, 1)),
    device: () => device,
    now: () => now,
  });
  expect((await sample()).traffic).toBeUndefined();
  [now, received] = [3000, 4000];
  expect((await sample()).traffic).toEqual({ received: 2000, sent: 0 });
  [now, device] = [4000, 'eth1'];
  expect((await sample()).traffic).toBeUndefined();
});
