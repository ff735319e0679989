import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { holdPort } from './held-port.ts';

const openFiles = async () => (await readdir('/proc/self/fd')).length;

test.each(['tcp', 'udp'] as const)(
  'a %s port is held by one, and whoever does not get it keeps nothing open',
  async (protocol) => {
    const held = await holdPort(protocol, '127.0.0.1', 0);
    const before = await openFiles();
    for (let i = 0; i < 20; i += 1)
      await expect(holdPort(protocol, '127.0.0.1', held.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect.poll(openFiles).toBeLessThan(before + 10);
    await held[Symbol.asyncDispose]();
    await using again = await holdPort(protocol, '127.0.0.1', held.port);
    expect(again.port).toBe(held.port);
  },
);
