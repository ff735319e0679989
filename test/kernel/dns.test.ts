/** The name server at a gateway's address, asked from a container's namespace by dig and by libc's own resolver. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { output, type Running, spawn, start } from '../../src/platform/platform.ts';
import { ownNamespaces } from './own-namespaces.ts';

const id = await ownNamespaces();
const [host, container] = [`tkg${id}`, `tkc${id}`];
const [gateway, later] = ['10.42.0.2', '10.43.0.2'];
const told: string[] = [];
let server: Running | undefined;

const run = (...argv: [string, ...string[]]) => output(spawn, { argv });
const inside = (...argv: string[]) =>
  output(spawn, { argv: ['nsenter', `--net=/run/netns/${container}`, ...argv], timeoutMs: 20_000 });
const dig = async (...words: string[]) => (await inside('dig', '+tries=1', '+time=3', ...words)).trim();

beforeAll(async () => {
  for (const ns of [host, container]) {
    await run('ip', 'netns', 'add', ns);
    await run('ip', '-n', ns, 'link', 'set', 'lo', 'up');
  }
  await run('ip', '-n', host, 'link', 'add', 'gate', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', container);
  await run('ip', '-n', host, 'addr', 'add', `${gateway}/16`, 'dev', 'gate');
  await run('ip', '-n', container, 'addr', 'add', '10.42.0.6/16', 'dev', 'eth0');
  await run('ip', '-n', host, 'link', 'set', 'gate', 'up');
  await run('ip', '-n', container, 'link', 'set', 'eth0', 'up');
  await run('ip', '-n', container, 'route', 'add', 'default', 'via', gateway);
  const script = join(import.meta.dirname, 'dns-server.ts');
  server = start(['nsenter', `--net=/run/netns/${host}`, process.execPath, script, gateway, later]);
  const lines = server.lines[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('begun');
  void (async () => {
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) told.push(line.value);
  })();
  await vi.waitFor(() => dig(`@${gateway}`, 'web'), { timeout: 10_000 });
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  for (const ns of [container, host]) await spawn({ argv: ['ip', 'netns', 'del', ns] });
});

describe('dig', () => {
  test.each(['+notcp', '+tcp', '+noedns', '+bufsize=512', '+dnssec', '+nsid'])('%s: an address', async (option) => {
    expect(await dig(`@${gateway}`, option, '+short', 'web')).toBe('10.42.0.5');
  });

  test('names of an address, and of one that nobody has', async () => {
    expect(await dig(`@${gateway}`, '+short', '-x', '10.42.0.5')).toBe('web.app.trama.test.\nweb.');
    expect(await dig(`@${gateway}`, '-x', '10.42.0.99')).toContain('status: NXDOMAIN');
  });

  test('a name without IPv6 is not a missing name', async () => {
    const [here, missing] = [await dig(`@${gateway}`, 'web', 'AAAA'), await dig(`@${gateway}`, 'x.trama.test', 'AAAA')];
    expect(here).toMatch(/status: NOERROR[\s\S]*ANSWER: 0, AUTHORITY: 1[\s\S]*SOA/);
    expect(missing).toMatch(/status: NXDOMAIN[\s\S]*ANSWER: 0, AUTHORITY: 1[\s\S]*SOA/);
  });

  test('what does not fit into a datagram comes over TCP', async () => {
    const all = await dig(`@${gateway}`, 'many');
    expect(all).toMatch(/Truncated, retrying in TCP mode[\s\S]*ANSWER: 100/);
    expect(all).not.toMatch(/warning|malformed|FORMERR/i);
  });

  test('many questions on one connection', async () => {
    const answers = await dig(`@${gateway}`, '+tcp', '+keepopen', '+short', 'web', 'db', 'web');
    expect(answers.split('\n')).toHaveLength(5);
  });
});

test("libc's resolver finds names without waiting: it asks A and AAAA at once, from one port", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dns-'));
  try {
    const file = join(directory, 'resolv.conf');
    await writeFile(file, `nameserver ${gateway}\n`);
    const script = 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"';
    const resolve = async (name: string) => {
      const began = performance.now();
      const argv = ['unshare', '--mount', 'sh', '-c', script, 'sh', file, 'getent', 'ahosts', name];
      const found = await inside(...argv).catch(() => 'none');
      expect(performance.now() - began).toBeLessThan(2000);
      return [...new Set(found.match(/^\S+/gm))].sort();
    };
    expect(await resolve('web')).toEqual(['10.42.0.5']);
    expect(await resolve('db')).toEqual(['10.42.0.7', '10.42.0.8', '10.42.0.9']);
    expect(await resolve('many')).toHaveLength(100);
    expect(await resolve('nobody.trama.test')).toEqual(['none']);
    // The zone of the tests names no other server: refused, and nobody waits.
    expect(await resolve('example.com')).toEqual(['none']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('an address that the host gets only later is told, and then served', async () => {
  await expect.poll(() => told, { timeout: 10_000 }).toHaveLength(1);
  expect(told[0]).toContain(`${later} port 53: this host does not have that address yet`);
  await run('ip', '-n', host, 'addr', 'add', `${later}/16`, 'dev', 'gate');
  await expect
    .poll(() => dig(`@${later}`, 'web', '+short', '+time=1').catch(() => ''), { timeout: 10_000 })
    .toBe('10.42.0.5');
  expect(told).toHaveLength(1);
});
