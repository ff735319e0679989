import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { spawn } from '../../platform/platform.ts';
import { commandTree } from './completion-tree.ts';
import { buildProgram } from './program.ts';
import { roff } from './roff.ts';
import { Session } from './session.ts';
import { allSettings } from './settings.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

let page = '';
const sections = 'NAME SYNOPSIS DESCRIPTION OPTIONS COMMANDS EXIT.STATUS ENVIRONMENT FILES EXAMPLES SEE.ALSO'.split(
  ' ',
);

beforeAll(async () => {
  const { code, out } = await trama('__manual 2027-01-31');
  expect(code).toBe(0);
  page = out;
});

describe('the manual page', () => {
  test('has its sections in the order of man-pages(7)', () => {
    const found = [...page.matchAll(/^\.SH (.+)$/gm)].map(([, title = '']) => title.replace(' ', '.'));
    expect(found).toEqual(sections);
    expect(page).toMatch(/^\.TH TRAMA 1 "2027-01-31" "trama 0\.1\.0" /);
  });

  test('names each command that does something, and each of its flags', async () => {
    const tree = commandTree(await buildProgram(new Session(new FakeIo()), () => {}, undefined));
    const blocks = page.split('\n.SS ').slice(1);
    const leaves = tree.filter(({ path, below }) => path !== '' && below.length === 0);
    expect(leaves.length).toBeGreaterThan(20);
    expect(blocks).toHaveLength(leaves.length);
    for (const { path, flags, says } of leaves) {
      const block = blocks.find((one) => one.startsWith(`"trama ${path} `)) ?? '';
      expect(block.replaceAll('\n', ' ')).toContain(roff(says));
      for (const { spellings } of flags.filter((flag) => !flag.spellings.includes('--help'))) {
        expect(block).toContain(roff(spellings.join(', ')));
      }
    }
  });

  test('hides what the help hides', () => {
    expect(page).not.toMatch(/__complete|__manual|\\-\\-opt /);
  });

  test('names every variable of a setting', () => {
    for (const { variable } of allSettings) expect(page).toContain(`.B "${variable}"`);
  });

  test.skipIf(!existsSync('/usr/bin/man'))('is read without a warning, where there is man(1)', async () => {
    const { code, stdout, stderr } = await spawn({
      argv: ['man', '--warnings', '-l', '-'],
      input: page,
      env: { LC_ALL: 'C.UTF-8' },
    });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const text = stdout.replace(/\s+/g, ' ');
    expect(text).toContain('trama network create [OPTIONS] <NAME>');
    expect(text).toContain("Docker's own included");
  });
});

test('what roff would take for its own is escaped', () => {
  expect(roff('.B it\'s --a \\n ~/x `y` ^z "q" …')).toBe(
    '\\&.B it\\(aqs \\-\\-a \\en \\(ti/x \\(gay\\(ga \\(haz \\(dqq\\(dq ...',
  );
  expect(roff("'tis")).toBe('\\(aqtis');
});
