import { expect, test } from 'vitest';
import { readUsage } from './usage.ts';

const answer = {
  read: '2026-11-21T10:00:00.5Z',
  cpu_stats: { cpu_usage: { total_usage: 5_000_000_000 } },
  memory_stats: { usage: 1000, limit: 4000, stats: { inactive_file: 300 } },
  pids_stats: { current: 7 },
  networks: { eth0: { rx_bytes: 10, tx_bytes: 1 }, eth1: { rx_bytes: 20, tx_bytes: 2 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: 'read', value: 100 },
      { op: 'write', value: 50 },
      { op: 'read', value: 5 },
      { op: 'total', value: 155 },
    ],
  },
};

test('what a container uses is read as docker stats counts it', () => {
  expect(readUsage(answer)).toEqual({
    time: Date.parse('2026-11-21T10:00:00.5Z'),
    cpuNanoseconds: 5e9,
    memory: { used: 700, limit: 4000 },
    network: { received: 30, sent: 3 },
    block: { read: 105, written: 50 },
    pids: 7,
  });
});

test('control groups of version 1 have other names for the same', () => {
  const old = {
    ...answer,
    memory_stats: { usage: 1000, limit: 4000, stats: { total_inactive_file: 400, inactive_file: 300 } },
    blkio_stats: { io_service_bytes_recursive: [{ op: 'Write', value: 9 }] },
  };
  expect(readUsage(old)).toMatchObject({ memory: { used: 600 }, block: { read: 0, written: 9 } });
});

test('what is missing is nothing, and what does not run is not measured', () => {
  const bare = { read: answer.read, cpu_stats: { cpu_usage: {} }, memory_stats: {}, networks: null, blkio_stats: null };
  expect(readUsage(bare)).toMatchObject({ cpuNanoseconds: 0, memory: { used: 0, limit: 0 }, pids: 0 });
  expect(readUsage({ ...bare, read: '0001-01-01T00:00:00Z' })).toBeUndefined();
});
