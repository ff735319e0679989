import { describe, expect, test } from 'vitest';
import { encodeZ85 } from '../../domain/encodings.ts';
import { formatToken } from '../../domain/token.ts';
import { configPath } from './config-file.ts';
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
    const server = {
      store: 'sqlite',
      listen: '0.0.0.0',
      state: '/var/lib/trama',
      requestsPort: 4701,
      feedPort: 4702,
      metricsPort: 4703,
    };
    const agent = { state: '/var/lib/trama', dockerSocket: '/var/run/docker.sock' };
    expect((await trama('server')).io.started).toEqual(['server', server]);
    expect((await trama('agent')).io.started).toEqual(['agent', agent]);
    expect((await trama('up')).io.started).toEqual(['up', { ...server, ...agent }]);
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
      env: { TRAMA_FEED_PORT: '2', TRAMA_METRICS_PORT: '2222', TRAMA_STORE: '' },
      ...file('feed-port: 3\nmetrics-port: 3\nrequests-port: 3333\nname: 010'),
    };
    expect((await trama('server --feed-port 1111', options)).io.started[1]).toMatchObject({
      store: 'sqlite',
      feedPort: 1111,
      metricsPort: 2222,
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
