import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeZ85 } from '../../domain/encodings.ts';
import { formatToken } from '../../domain/token.ts';
import { configPath } from './config-file.ts';
import { allSettings } from './settings.ts';
import { type Ran, trama } from './testing/fake-io.ts';

const file = (text: string) => ({ files: { [configPath]: text } });

async function refused(ran: Promise<Ran>): Promise<string> {
  const { code, err, io } = await ran;
  expect(code).toBe(2);
  expect(err).toMatch(/^trama: [^\n]+\n$/);
  expect(io.started).toEqual([]);
  return err.slice('trama: '.length).trimEnd();
}

describe('daemons', () => {
  test('defaults', async () => {
    const every = { state: '/var/lib/trama', httpListen: '127.0.0.1', logFormat: 'text' };
    const server = {
      store: 'sqlite',
      listen: '0.0.0.0',
      ...every,
      httpPort: 4700,
      requestsPort: 4701,
      feedPort: 4702,
      health: { suspectMs: 3000, downMs: 5000, evictMs: 60_000 },
    };
    const agent = { ...every, dockerSocket: '/var/run/docker.sock', agentHttpPort: 4704 };
    expect((await trama('server')).io.started).toEqual(['server', server]);
    expect((await trama('agent')).io.started).toEqual(['agent', agent]);
    expect((await trama('up')).io.started).toEqual(['up', { ...server, ...agent }]);
  });

  test('figures and health can be elsewhere, or nowhere; the log can be JSON', async () => {
    const options = { env: { TRAMA_HTTP_LISTEN: '10.0.0.1' }, ...file('agent-http-port: none\nlog-format: json') };
    const { io } = await trama('up --http-port 5000', options);
    expect(io.started[1]).toMatchObject({ httpPort: 5000, httpListen: '10.0.0.1', logFormat: 'json' });
    expect(io.started[1]).not.toHaveProperty('agentHttpPort');
    expect((await trama('server --http-port 0')).io.started[1]).not.toHaveProperty('httpPort');
    expect(await refused(trama('server --http-port no'))).toContain('--http-port: "no" is not a port');
    expect(await refused(trama('agent --log-format xml'))).toContain('there are text and json');
    expect(await refused(trama('up --http-port 4704'))).toContain('must differ');
    expect(await refused(trama('server --http-port 4701'))).toContain('must differ');
  });

  test('the HTTP API is served over TLS where it is asked for', async () => {
    const served = async (words: string) => ((await trama(words)).io.started[1] as { api?: unknown }).api;
    expect(await served('server')).toBeUndefined();
    expect(await served('server --api-listen 10.0.0.1')).toEqual({ address: '10.0.0.1', port: 4705 });
    expect(await served('up --api-listen [fd00::1]:8443 --api-cert /c --api-key /k')).toEqual({
      ...{ address: 'fd00::1', port: 8443, certificate: { cert: '/c', key: '/k' } },
    });
    expect(await refused(trama('server --api-listen 10.0.0.1 --api-cert /c'))).toContain('set both, or neither');
    expect(await refused(trama('server --api-cert /c --api-key /k'))).toContain('set api-listen too');
    expect(await refused(trama('server --api-listen h1'))).toContain('--api-listen:');
    expect(await refused(trama('server --api-listen 10.0.0.1:4702'))).toContain('must differ');
  });

  test('a join is taken apart; the port is that for requests', async () => {
    const token = { serverKey: encodeZ85(new Uint8Array(32).fill(7)), secret: new Uint8Array(32).fill(9) };
    const { io } = await trama(['agent', '--join', `${formatToken(token)}@10.0.0.1,h2:5000`, '--name', 'h1']);
    expect(io.started[1]).toMatchObject({
      name: 'h1',
      join: {
        token,
        servers: [
          { host: '10.0.0.1', port: 4701 },
          { host: 'h2', port: 5000 },
        ],
      },
    });
  });

  test('an etcd, with how it is reached', async () => {
    const { io } = await trama('server --store etcd://10.0.0.1,h2:1,[fd00::3]:2379');
    const hosts = [
      { host: '10.0.0.1', port: 2379 },
      { host: 'h2', port: 1 },
      { host: 'fd00::3', port: 2379 },
    ];
    expect(io.started[1]).toMatchObject({ store: { hosts, prefix: 'trama/' } });
    const all = await trama('up --store etcd://h --etcd-cert /c --etcd-key /k --etcd-prefix x/', {
      env: { TRAMA_ETCD_CA: '/a', TRAMA_ETCD_USER: 'u' },
      ...file('etcd-password-file: /p'),
    });
    expect((all.io.started[1] as { store: unknown }).store).toEqual({
      ...{ hosts: [{ host: 'h', port: 2379 }], prefix: 'x/', ca: '/a', certificate: '/c', key: '/k' },
      user: { name: 'u', passwordFile: '/p' },
    });
  });

  test('a flag goes before the environment, that before the file, that before the default', async () => {
    const options = {
      env: { TRAMA_FEED_PORT: '2', TRAMA_HTTP_PORT: '2222', TRAMA_STORE: '' },
      ...file('feed-port: 3\nhttp-port: 3\nrequests-port: 3333\nname: 010'),
    };
    expect((await trama('server --feed-port 1111', options)).io.started[1]).toMatchObject({
      store: 'sqlite',
      feedPort: 1111,
      httpPort: 2222,
      requestsPort: 3333,
    });
  });

  test('values of the file are taken as they are written', async () => {
    const { io } = await trama('agent', file("name: '010'\nstate: relative/dir\n# a comment\naddress: 10.0.0.1\n"));
    expect(io.started[1]).toMatchObject({ name: '010', address: '10.0.0.1' });
    expect((io.started[1] as { state: string }).state).toMatch(/^\/.*\/relative\/dir$/);
    expect((await trama('agent', file(''))).code).toBe(0);
    expect((await trama('agent', file('name:\n'))).code).toBe(0);
  });
});

describe('what is wrong is said with its place', () => {
  test.each([
    ['a: b: c', `${configPath} line 1: `],
    ['state: /x\nstat: /y', `${configPath} line 2: "stat" is not a setting: there are store, `],
    ['state: /x\nstate: /y', `${configPath} line 2: `],
    ['\n\nfeed-port: 70000', `${configPath} line 3, feed-port: "70000" is not a port`],
    ['feed-port: 0x10', `${configPath} line 1, feed-port: "0x10" is not a port`],
    ['feed-port: [1]', `${configPath} line 1: feed-port takes one value`],
    ['- a', `${configPath}: it must hold lines like`],
    ['[', `${configPath} line 1: `],
  ])('%j', async (text, start) => {
    expect(await refused(trama('server', file(text)))).toContain(start);
  });

  test.each([
    ['--store etcd', '--store: "etcd" is not a store: there are sqlite, memory and etcd://'],
    ['--store etcd://', '--store: "" is not an etcd\'s address: write it like 10.0.0.1 or 10.0.0.1:2379'],
    ['--store etcd://h1:0', '--store: "h1:0" is not an etcd\'s address'],
    ['--store etcd://h1,h1:2379', '--store: "etcd://h1,h1:2379" names a member twice'],
    ['--store etcd://h1 --etcd-cert c', 'etcd-cert and etcd-key belong together'],
    ['--store etcd://h1 --etcd-password-file p', 'etcd-user and etcd-password-file belong together'],
    ['--store etcd://h1 --etcd-prefix é', '--etcd-prefix: "é" cannot be a prefix of keys'],
    ['--etcd-ca c', 'etcd-ca is for an etcd, and the store is sqlite'],
  ])('of an etcd: %s', async (flags, start) => {
    for (const daemon of ['server', 'up']) expect(await refused(trama(`${daemon} ${flags}`))).toContain(start);
  });

  test('in the environment', async () => {
    expect(await refused(trama('server', { env: { TRAMA_LISTEN: '010.1.1.1' } }))).toMatch(
      /^TRAMA_LISTEN: "010.1.1.1" is not/,
    );
  });
});

test('the file that the package installs sets nothing, and shows every setting as it may be', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../packaging/debian/config.yaml'), 'utf8');
  expect((await trama('server', file(text))).io.started).toEqual((await trama('server')).io.started);
  const shown = [...text.matchAll(/^#([a-z-]+): (.+)$/gm)].map(([, key = '', value = '']) => [key, value] as const);
  expect([...new Set(shown.map(([key]) => key))].sort()).toEqual(allSettings.map(({ name }) => name).sort());
  const token = formatToken({ serverKey: encodeZ85(new Uint8Array(32)), secret: new Uint8Array(32) });
  const one = new Map(shown.map(([key, value]) => [key, value.replace('TOKEN', token)]));
  const settings = file([...one].map(([key, value]) => `${key}: ${value}`).join('\n'));
  for (const daemon of ['server', 'agent']) expect(await trama(daemon, settings)).toMatchObject({ code: 0, err: '' });
});
