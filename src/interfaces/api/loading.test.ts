import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const source = resolve(import.meta.dirname, '../..');
/** These two load what daemons need, when they need it. */
const atNeed = new Set(['main/daemon-modules.ts', 'interfaces/local/server.ts']);

/** All that is loaded with a module, or may be at some time. */
async function reached(path: string, found = new Set<string>()): Promise<Set<string>> {
  const name = relative(source, path);
  if (found.has(name)) return found;
  found.add(name);
  const text = await readFile(path, 'utf8');
  const always = [...text.matchAll(/^(?:import|export)(?! type)[^;]*? from '(\.[^']+)';$/gm)];
  const atTimes = atNeed.has(name) ? [] : [...text.matchAll(/import\('(\.[^']+)'\)/g)];
  for (const [, to = ''] of [...always, ...atTimes]) await reached(resolve(dirname(path), to), found);
  return found;
}

test('no command loads the HTTP API, and daemons load it when it is asked for', async () => {
  const all = [...(await reached(resolve(source, 'main/trama.ts')))];
  expect(all).toContain('interfaces/cli/commands/daemons.ts');
  expect(all).toContain('main/daemons.ts');
  expect(all.filter((name) => name.startsWith('interfaces/api/') || name === 'platform/https.ts')).toEqual([]);
  const daemons = [...(await reached(resolve(source, 'interfaces/local/server.ts')))];
  expect(daemons.filter((name) => name.startsWith('interfaces/api/'))).toEqual(['interfaces/api/replies.ts']);
});
