import { expect, test } from 'vitest';
import { holdPort } from './held-port.ts';
import { output, spawn } from './spawn.ts';

test.each(['tcp', 'udp'] as const)('a %s port is held by one, until that one lets it go', async (protocol) => {
  const held = await holdPort(protocol, '127.0.0.1', 0);
  await expect(holdPort(protocol, '127.0.0.1', held.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await held[Symbol.asyncDispose]();
  await using again = await holdPort(protocol, '127.0.0.1', held.port);
  expect(again.port).toBe(held.port);
});

test('whoever does not get a port keeps nothing open', async () => {
  const module = new URL('./held-port.ts', import.meta.url).href;
  // By itself: nothing else opens and closes files there.
  const script = `import { readdirSync } from 'node:fs';
    import { setImmediate } from 'node:timers/promises';
    import { holdPort } from '${module}';
    const openFiles = () => readdirSync('/proc/self/fd').length;
    for (const protocol of ['tcp', 'udp']) {
      const held = await holdPort(protocol, '127.0.0.1', 0);
      const before = openFiles();
      for (let i = 0; i < 20; i += 1) await holdPort(protocol, '127.0.0.1', held.port).catch(({ code }) => code);
      for (let turn = 0; turn < 100 && openFiles() > before; turn += 1) await setImmediate();
      console.log(protocol, openFiles() - before);
    }`;
  const argv = [process.execPath, '--input-type=module', '-e', script] as const;
  expect(await output(spawn, { argv: [...argv], timeoutMs: 60_000 })).toBe('tcp 0\nudp 0\n');
}, 60_000);
