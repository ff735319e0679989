import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { commandTree } from './completion-tree.ts';
import { buildProgram } from './program.ts';
import { Session } from './session.ts';
import { allSettings } from './settings.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

let page = '';

beforeAll(async () => {
  const { code, out } = await trama('__reference');
  expect(code).toBe(0);
  page = out;
});

test('docs/reference.md is what the program says now', async () => {
  const kept = await readFile(new URL('../../../docs/reference.md', import.meta.url), 'utf8');
  expect(kept, 'renew it: bin/trama __reference > docs/reference.md').toBe(page);
});

test('it has each command that does something with all its flags, and no hidden one', async () => {
  const tree = commandTree(await buildProgram(new Session(new FakeIo()), () => {}, undefined));
  const leaves = tree.filter(({ path, below }) => path !== '' && below.length === 0);
  expect(leaves.length).toBeGreaterThan(20);
  for (const { path, flags } of leaves) {
    const [block = ''] = page.split(`\n### trama ${path}\n`)[1]?.split('\n#') ?? [];
    expect(page).toContain(`(#trama-${path.replaceAll(' ', '-')})`);
    for (const { spellings } of flags.filter((flag) => !flag.spellings.includes('--help')))
      expect(block, path).toContain(`| \`${spellings.join(', ')}`);
  }
  expect(page).not.toMatch(/__complete|__manual|--opt /);
});

test('it has every variable of a setting, and every exit code', () => {
  for (const { variable } of allSettings) expect(page).toContain(`| \`${variable}\` |`);
  for (const code of ['0', '1', '2', '125', '130']) expect(page).toContain(`| \`${code}\` |`);
});
