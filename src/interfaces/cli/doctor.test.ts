import { expect, test } from 'vitest';
import type { Finding } from '../../doctor/doctor.ts';
import { trama } from './testing/fake-io.ts';

const well: Finding = { check: 'root', subject: 'this user', status: 'pass', found: 'is root', remedy: '' };
const warned: Finding = {
  ...{ check: 'addresses', subject: 'app', status: 'warn' },
  ...{ found: '60 of 61 addresses are in use', remedy: 'Remove containers.' },
};
const failed: Finding = {
  ...warned,
  check: 'mtu',
  subject: 'h2',
  status: 'fail',
  found: 'large packets\u001b[2J vanish',
};

test('each finding has a line, and what is not well its remedy; a failure is exit code 1', async () => {
  const { code, out, err } = await trama('doctor', { findings: [well, warned, failed] });
  expect(out).toMatchInlineSnapshot(`
    "PASS  root       this user  is root
    WARN  addresses  app        60 of 61 addresses are in use
          → Remove containers.
    FAIL  mtu        h2         large packets[2J vanish
          → Remove containers.
    "
  `);
  expect({ code, err }).toEqual({ code: 1, err: '1 passed, 1 to be warned of, 1 failed\n' });
});

test('warnings are no failure', async () => {
  expect(await trama('doctor', { findings: [well, warned] })).toMatchObject({ code: 0 });
});

test('JSON is the findings as they are', async () => {
  const { code, out } = await trama('doctor -o json', { findings: [well, failed] });
  expect(JSON.parse(out)).toEqual([well, failed]);
  expect(code).toBe(1);
});

test('it looks where the daemons of this host are told to be', async () => {
  const { io } = await trama('doctor --state /srv/trama --address 10.0.0.1', { env: { TRAMA_FEED_PORT: '5702' } });
  expect(io.started).toEqual([
    'doctor',
    {
      state: '/srv/trama',
      dockerSocket: '/var/run/docker.sock',
      address: '10.0.0.1',
      ports: { requests: 4701, feed: 5702 },
    },
  ]);
  expect(await trama('doctor --address nonsense')).toMatchObject({ code: 2 });
});
