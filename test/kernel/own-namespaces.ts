/** Network namespaces of tests: their names say which process made them, so that what a killed one left goes with the next. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { spawn } from '../../src/platform/platform.ts';

let made = 0;

/** What names of this test's own namespaces are made of, after `tk` and a letter. */
export async function ownNamespaces(): Promise<string> {
  const there = await readdir('/run/netns').catch(() => []);
  for (const name of there) {
    const [, pid] = /^tk[a-z](\d+)x\d+$/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await spawn({ argv: ['ip', 'netns', 'del', name] });
  }
  made += 1;
  return `${process.pid}x${made}`;
}
