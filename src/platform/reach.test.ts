import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freeSpace, holdersOf, reachTcp } from './reach.ts';

async function listening(): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test('a port is open, closed, or cannot be reached from where one is', async () => {
  const port = await listening();
  expect(await reachTcp('127.0.0.1', port, 1000)).toBe('open');
  expect(await reachTcp('127.0.0.1', 1, 1000)).toBe('refused');
  // An address that this host has not.
  expect(await reachTcp('127.0.0.1', port, 1000, '192.0.2.77')).toBe('unreachable');
});

test('whoever listens at a port is found by its socket', async () => {
  const port = await listening();
  const table = await readFile('/proc/net/tcp', 'utf8');
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = table.split('\n').find((each) => each.includes(`0100007F:${hex} 00000000:0000 0A`));
  const inode = Number(line?.trim().split(/\s+/)[9]);
  const words = (await readFile('/proc/self/cmdline', 'utf8')).replaceAll('\0', ' ').trim();
  expect(await holdersOf(inode)).toContain(words);
  expect(await holdersOf(0)).toEqual([]);
});

test('the space of a directory that is not there yet is that of where it would be', async () => {
  const { free, total } = await freeSpace('/nowhere/at/all');
  expect(free).toBeGreaterThan(0);
  expect(total).toBe((await freeSpace('/')).total);
  await expect(freeSpace('/etc/passwd/x')).rejects.toThrow('ENOTDIR');
});
