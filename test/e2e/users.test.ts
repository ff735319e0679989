/** A cluster controlled from a machine that is no member: by users, without root, each as far as the role goes. */
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
} from '../../src/lab/lab.ts';
import { HostTerminal } from '../terminal.ts';
import { run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let laptop: LabHost;

/** Hosts of the lab share the machine's /tmp. */
let home: string;
const program = join(import.meta.dirname, '../../bin/trama');
/** A person without rights of any kind on that machine, who keeps no compiled code. */
const anas = (...args: string[]) =>
  ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'env', `HOME=${home}`, program, ...args] as const;

beforeAll(async () => {
  lab = await createLab();
  [cluster, laptop] = await Promise.all([
    startCluster(lab, { hosts: ['h1', 'h2'] }),
    lab.host('laptop', { docker: false }),
  ]);
  home = await mkdtemp(join(tmpdir(), 'trama-users-'));
  await chown(home, 65_534, 65_534);
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await cluster.trama('network', 'create', 'db', '--subnet', '10.43.0.0/16');
  await Promise.all([
    run(cluster, 'web', 'h2', 'app', 'sh', '-c', 'echo begun; while sleep 0.2; do echo more; done'),
    run(cluster, 'postgres', 'h2', 'db'),
  ]);
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const trama = (...args: string[]) => laptop.run(anas(...args), { timeoutMs: 60_000 });
const ok = async (...args: string[]) => {
  const { code, stdout, stderr } = await trama(...args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout;
};

/** Makes a user on the cluster, and a context of the same name on the laptop; the key goes by standard input alone. */
async function user(name: string, ...flags: string[]): Promise<string> {
  const key = (await cluster.trama('user', 'create', name, ...flags)).trim();
  const { address } = cluster.host('h1');
  const creating = anas('context', 'create', name, '--server', address, '--key', '-');
  await laptop.output(creating, { input: `${key}\n`, timeoutMs: 60_000 });
  return key;
}

describe('an operator, on a machine that is no member and without root', () => {
  beforeAll(async () => {
    await user('oto', '--role', 'operator');
    await ok('context', 'use', 'oto');
  });

  test('sees what there is, and runs more', async () => {
    const listed = JSON.parse(await ok('ps', '-o', 'json')) as { name: string; status: string }[];
    expect(listed.map(({ name }) => name).sort()).toEqual(['postgres', 'web']);
    await ok('run', '-d', '--name', 'mine', '--network', 'app', '--node', 'h1', labImage, 'sleep', '1000');
    expect(await cluster.trama('ps')).toContain('mine');
    await ok('rm', '-f', 'mine');
  });

  test('exec passes the exit code on, and both streams', async () => {
    const { code, stdout, stderr } = await trama('exec', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 42');
    expect({ code, stdout, stderr }).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' });
  });

  test('follows logs', async () => {
    const following = await laptop.start(anas('logs', '-f', 'web'), { name: 'logs' });
    await eventually('lines come', async () => (await following.output()).split('more').length > 3);
    following.kill('SIGKILL');
    await following.ended;
  });

  test('is refused what is not for operators, and what only a host can do', async () => {
    for (const words of [
      ['node', 'drain', 'h1'],
      ['token', 'create'],
      ['user', 'ls'],
    ]) {
      const { code, stdout, stderr } = await trama(...words);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^trama: user oto \(operator\) may not .*: that takes the role admin\n$/);
    }
    for (const words of [['doctor'], ['node', 'leave'], ['debug', 'web', '--host-tools', 'id']]) {
      const { code, stderr } = await trama(...words);
      expect({ words, code, stderr }).toEqual({ words, code: 1, stderr: expect.stringMatching(/run it on a host/) });
    }
  });

  test('has a terminal in a container, and the console, which says where one is', async () => {
    await using terminal = await HostTerminal.open(laptop, 'oto', { columns: 100, rows: 30 });
    await terminal.line(`clear; ${anas('exec', '-it', 'web', 'sh').join(' ')}; echo code $?`);
    await terminal.until(/# *$/m);
    await terminal.line('stty size; exit 42');
    await terminal.until(/^30 100$/m);
    await terminal.until(/^code 42$/m);
    await terminal.line(`clear; ${anas('--context', 'oto', 'console').join(' ')}`);
    const screen = await terminal.until(/web +running +h2/);
    expect(screen).toMatch(/Trama +oto · cluster [0-9a-f]{8}/);
    await terminal.press('5');
    await terminal.until(/ready\$ *$/m);
  });

  test('its context has learned what the server is listed as; a server that is away is told with the context', async () => {
    const file = await laptop.output(['cat', `${home}/.config/trama/contexts/oto.json`]);
    expect(JSON.parse(file).servers).toMatchObject([{ host: cluster.host('h1').address, id: expect.any(String) }]);
    const key = JSON.parse(file).key as string;
    await ok('context', 'create', 'gone', '--server', '10.99.0.200', '--key', key);
    const { code, stderr } = await trama('--context', 'gone', 'ps');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^trama: context gone: no server answers: the server at 10\.99\.0\.200:4701/);
  });
});

test('a viewer who tries to remove is refused, and it is written down', async () => {
  await user('vic', '--role', 'viewer');
  const { code, stderr } = await trama('--context', 'vic', 'rm', '-f', 'web');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'trama: user vic (viewer) may not remove containers: that takes the role operator\n',
  });
  expect(await ok('--context', 'vic', 'logs', '--tail', '1', 'web')).toBe('more\n');
  expect((await trama('--context', 'vic', 'exec', 'web', 'true')).code).toBe(1);
  const audit = await cluster.host('h1').output(['cat', '/var/lib/trama/server/audit.log']);
  const last = audit
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { who: string; method: string });
  expect(last.filter(({ who }) => who === 'user:vic')).toMatchObject([
    { method: 'workload.remove', outcome: 'denied', subject: { container: 'web' } },
    { method: 'workload.exec', outcome: 'denied' },
  ]);
  expect(await cluster.trama('ps')).toContain('web');
});

test('limited to a network', async () => {
  await user('ana', '--role', 'operator', '--network', 'app');
  const as = ['--context', 'ana'];
  expect(JSON.parse(await ok(...as, 'ps', '-o', 'json')).map((one: { name: string }) => one.name)).toEqual(['web']);
  expect(JSON.parse(await ok(...as, 'network', 'ls', '-o', 'json'))).toMatchObject([{ name: 'app' }]);
  await ok(...as, 'exec', 'web', 'true');
  for (const words of [
    ['exec', 'postgres', 'true'],
    ['rm', '-f', 'postgres'],
    ['run', '-d', '--network', 'db', labImage, 'true'],
    ['run', '-d', '--network', 'host', labImage, 'true'],
    ['network', 'create', 'own'],
  ]) {
    const { code, stderr } = await trama(...as, ...words);
    expect({ words, code, stderr }).toEqual({ words, code: 1, stderr: expect.stringMatching(/user ana \(operator\)/) });
  }
});

test('an expired key is told so, and a logs -f ends when the key does', async () => {
  await user('eva', '--role', 'viewer', '--ttl', '15s');
  const following = await laptop.start(anas('--context', 'eva', 'logs', '-f', 'web'), { name: 'eva' });
  await eventually('lines come', async () => (await following.output()).includes('more'));
  expect(await following.ended).toBe(1);
  expect(await following.output()).toMatch(/the key of user eva expired at/i);
  const { code, stderr } = await trama('--context', 'eva', 'ps');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^trama: context eva: the key of user eva expired at /i),
  });
});

test('`user rm` ends a logs -f at once, and the key is worth nothing from then on', async () => {
  await user('rob', '--role', 'viewer');
  const following = await laptop.start(anas('--context', 'rob', 'logs', '-f', 'web'), { name: 'rob' });
  await eventually('lines come', async () => (await following.output()).includes('more'));
  await cluster.trama('user', 'rm', 'rob');
  const removed = Date.now();
  expect(await following.ended).toBe(1);
  expect(Date.now() - removed).toBeLessThan(5000);
  const { code, stderr } = await trama('--context', 'rob', 'ps');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^trama: context rob: the server does not know this user's key/),
  });
});

test('a key is no join token, nor the other way round', async () => {
  const key = (await cluster.trama('user', 'create', 'kim', '--role', 'admin')).trim();
  const token = (await cluster.trama('token', 'create')).trim();
  const joining = await laptop.startAgent(['--join', `${key}@${cluster.host('h1').address}`]);
  expect(await joining.ended).toBe(2);
  expect(await joining.output()).toContain("this is a user's key, not a join token");
  const { code, stderr } = await trama('context', 'create', 'wrong', '--server', '10.0.0.1', '--key', token);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('this is a join token') });
});
