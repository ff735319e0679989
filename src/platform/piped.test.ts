import { describe, expect, test } from 'vitest';
import { startPiped } from './piped.ts';
import { identify } from './processes.ts';

describe('a process that one converses with', () => {
  test('takes input, and its streams and exit code come back', async () => {
    const child = startPiped(['sh', '-c', 'read line; echo "$line $GREETED"; echo bad >&2; exit 7'], {
      GREETED: 'you',
    });
    child.stdin.end('hello\n');
    const [out, err] = await Promise.all([child.stdout.toArray(), child.stderr.toArray()]);
    expect([Buffer.concat(out).toString(), Buffer.concat(err).toString()]).toEqual(['hello you\n', 'bad\n']);
    expect(await child.ended).toBe(7);
  });

  test('is killed with what it has started', async () => {
    const child = startPiped(['sh', '-c', 'sleep 100 & echo $!; wait']);
    const [first] = await child.stdout.take(1).toArray();
    const sleeping = Number(String(first));
    child.kill('SIGKILL');
    expect(await child.ended).toBe(137);
    await expect.poll(() => identify(sleeping)).toBeUndefined();
    child.kill('SIGKILL');
  });

  test('that cannot start says so by its code', async () => {
    const child = startPiped(['/nonexistent/program']);
    expect(await child.ended).toBe(-1);
    child.kill('SIGKILL');
  });
});
