/** A report as JUnit XML, which test runners and CI servers read. */
import type { Report } from './verify.ts';

export function junit({ lab, verdicts, took }: Report): string {
  const failures = verdicts.filter(({ ok }) => !ok).length;
  const cases = verdicts.map(({ expected, ok, found }) => {
    const open = `  <testcase classname="${escaped(lab)}" name="${escaped(expected)}"`;
    return ok ? `${open}/>` : `${open}>\n    <failure message="${escaped(found)}"/>\n  </testcase>`;
  });
  const seconds = (took / 1000).toFixed(3);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="${escaped(lab)}" tests="${verdicts.length}" failures="${failures}" time="${seconds}">
${cases.join('\n')}
</testsuite>
`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
