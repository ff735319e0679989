import { expect, test } from 'vitest';
import type { Check, Finding } from '../doctor/doctor.ts';
import { lineLog } from '../platform/platform.ts';
import { examineItself } from './self-examination.ts';

const finding = (check: Check, status: Finding['status'], subject = 'x'): Finding => {
  return { check, subject, status, found: 'it is so', remedy: status === 'pass' ? '' : 'Mend it.' };
};

async function examined(...looks: readonly (readonly Finding[])[]) {
  const asked: (readonly Check[])[] = [];
  const troubles: string[] = [];
  const lines: string[] = [];
  await examineItself(
    {
      examine: async (only) => looks[asked.push([...only]) - 1] ?? [],
      tidings: { troubles: (messages) => void troubles.push(...messages) },
      clock: { now: () => 0, sleep: async () => {} },
      log: lineLog(
        (line) => void lines.push(line),
        'info',
        () => 0,
      ),
    },
    new AbortController().signal,
  );
  return { asked, troubles, logged: lines.join('') };
}

test('what is well, or passes, is not told', async () => {
  expect(await examined([finding('tools', 'pass')])).toMatchObject({ troubles: [], logged: '' });
  const { asked, troubles } = await examined(
    [finding('routes', 'fail'), finding('disk', 'pass')],
    [finding('routes', 'pass')],
  );
  expect(troubles).toEqual([]);
  expect(asked[1]).toEqual(['routes']);
});

test('what fails twice is told with its remedy; a warning goes to the log', async () => {
  const both = [finding('routes', 'fail', 'app'), finding('disk', 'warn', '/var/lib/trama')];
  const { troubles, logged } = await examined(both, both);
  expect(troubles).toEqual(['doctor: routes of app: it is so. Mend it.']);
  expect(logged).toContain('doctor: disk of /var/lib/trama: it is so. Mend it.');
});

test('warnings of other nodes are none of its own', async () => {
  const warned = [finding('vxlan', 'warn', 'h2'), finding('mtu', 'warn', 'h2')];
  expect(await examined(warned, warned)).toMatchObject({ asked: [expect.anything()], logged: '' });
});

test('what Docker does is told elsewhere, and of its own wiring it need not ask itself', async () => {
  const { asked } = await examined([]);
  for (const check of ['docker', 'drift', 'agent', 'root', 'addresses'] as const) expect(asked[0]).not.toContain(check);
  for (const check of ['firewall', 'kernel', 'mtu', 'vxlan'] as const) expect(asked[0]).toContain(check);
});
