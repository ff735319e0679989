import { expect, test } from 'vitest';
import { type Finished, spawn } from './spawn.ts';

test('who waits for a time that is over goes on at once, and nothing is said on stderr', async () => {
  const module = new URL('./clock.ts', import.meta.url).href;
  // By itself: Node says it once in a process.
  const script = `import { systemClock } from '${module}';
    const alive = setInterval(() => {}, 1000);
    await systemClock.sleep(-0.003);
    systemClock.after(-1, () => {
      console.log('done');
      clearInterval(alive);
    });`;
  const argv = [process.execPath, '--input-type=module', '-e', script] as const;
  const finished = await spawn({ argv: [...argv], timeoutMs: 60_000 });
  expect(finished).toEqual<Finished>({ code: 0, stdout: 'done\n', stderr: '' });
}, 60_000);
