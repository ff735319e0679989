import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeZ85 } from '../../domain/encodings.ts';
import { formatToken } from '../../domain/token.ts';
import { formatUserKey, parseUserKey } from '../../domain/users.ts';
import { contextFiles } from '../contexts/context-files.ts';
import { runCli } from './cli.ts';
import type { ContextStore } from './io.ts';
import { fakeCluster } from './testing/fake-cluster.ts';
import { FakeIo, type FakeIoOptions, trama } from './testing/fake-io.ts';

const secrets = { serverKey: encodeZ85(new Uint8Array(32).fill(7)), secret: new Uint8Array(32).fill(8) };
const key = formatUserKey(secrets);

let home: string;
let contexts: ContextStore;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'trama-contexts-'));
  contexts = contextFiles({ HOME: home });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const cli = (words: string, options: FakeIoOptions = {}) => trama(words, { contexts, ...options });
const create = (name: string) => cli(`context create ${name} --server 10.0.0.1,h2.lan:99 --key ${key}`);
const modeOf = async (path: string) => ((await stat(join(home, path))).mode & 0o777).toString(8);

describe('context create', () => {
  test('keeps servers and key, for the owner alone, and prints the name', async () => {
    expect(await create('prod')).toMatchObject({ code: 0, out: 'prod\n', err: '' });
    expect(await contexts.read('prod')).toEqual({
      name: 'prod',
      key,
      servers: [
        { host: '10.0.0.1', ports: { requests: 4701, feed: 4702 } },
        { host: 'h2.lan', ports: { requests: 99, feed: 100 } },
      ],
    });
    expect(await modeOf('.config/trama/contexts')).toBe('700');
    expect(await modeOf('.config/trama/contexts/prod.json')).toBe('600');
  });

  test('reads the key from standard input', async () => {
    const io = new FakeIo({ contexts });
    const running = runCli(['context', 'create', 'prod', '--server', '10.0.0.1', '--key', '-'], io);
    io.keys.write(`${key.slice(0, 50)}`);
    io.keys.write(`${key.slice(50)}\n`);
    expect(await running).toBe(0);
    expect((await contexts.read('prod'))?.key).toBe(key);
  });

  test.each([
    ['context create local --server 10.0.0.1 --key K', 'local'],
    ['context create ../x --server 10.0.0.1 --key K', "a context's name"],
    ['context create x --server 10.1 --key K', "a server's address"],
    ['context create x --server 10.0.0.1', '--key'],
    ['context create x --key K', '--server'],
    ['context create x --server 10.0.0.1 --key K', "not a user's key"],
    [`context create x --server 10.0.0.1 --key ${formatToken(secrets)}`, "this is a join token, not a user's key"],
  ])('%s: usage', async (words, why) => {
    const { code, err } = await cli(words);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(why) });
    expect(await contexts.names()).toEqual([]);
  });

  test('replaces none', async () => {
    await create('prod');
    expect(await create('prod')).toMatchObject({ code: 1, err: expect.stringContaining('already') });
  });
});

test("a user's key is no join token", async () => {
  const { code, err } = await cli(`agent --join ${key}@10.0.0.1`);
  expect(code).toBe(2);
  expect(err).toContain("this is a user's key, not a join token");
  expect(parseUserKey(key)).toEqual(secrets);
});

describe('which cluster a command is about', () => {
  const reached = async (words: string, options: FakeIoOptions = {}) => (await cli(words, options)).io.reached;

  test('flag before variable before `use` before this host', async () => {
    for (const name of ['one', 'two', 'three']) await create(name);
    expect(await reached('ps')).toBe('local');
    expect(await cli('context use one')).toMatchObject({ code: 0, out: 'one\n' });
    expect(await reached('ps')).toBe('one');
    expect(await reached('ps', { env: { TRAMA_CONTEXT: 'two' } })).toBe('two');
    expect(await reached('--context three ps', { env: { TRAMA_CONTEXT: 'two' } })).toBe('three');
    expect(await reached('--context=local ps', { env: { TRAMA_CONTEXT: 'two' } })).toBe('local');
    expect(await reached('ps', { env: { TRAMA_CONTEXT: '' } })).toBe('one');
    expect((await cli('--context two console')).io.started).toEqual(['console', { readOnly: false }, 'two']);
    await cli('context use local');
    expect(await reached('ps')).toBe('local');
  });

  test('one that is not there', async () => {
    expect(await cli('--context nix ps')).toMatchObject({ code: 1, err: expect.stringContaining('(--context)') });
    const said = await cli('ps', { env: { TRAMA_CONTEXT: '../nix' } });
    expect(said).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(TRAMA_CONTEXT)') });
    expect(await cli('context use nix')).toMatchObject({ code: 1 });
  });

  test.each(['doctor', 'up', 'server', 'agent', 'store backup f', 'lab ls', 'context ls'])(
    'it cannot be told to %s',
    async (words) => {
      await create('prod');
      const { code, err } = await cli(`--context prod ${words}`);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('run it on a host of the cluster') });
    },
  );

  test('the doctor stays at home, whoever chose', async () => {
    await create('prod');
    const { code, err, io } = await cli('doctor', { env: { TRAMA_CONTEXT: 'prod' } });
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('you are on context prod') });
    expect(io.started).toEqual([]);
  });

  test('sentences about wrong words know the command behind the flag', async () => {
    await create('prod');
    expect((await cli('--context prod node')).err).toContain('trama node needs to know what to do');
  });
});

describe('context ls, show, rm', () => {
  test('the one that is used has a star; keys are shown nowhere', async () => {
    await create('prod');
    await cli('context use prod');
    const { out } = await cli('context ls');
    expect(out).toMatch(/^NAME +CURRENT +SERVERS\nlocal +- +this host\nprod +\* +10\.0\.0\.1:4701, h2\.lan:99\n$/);
    const json = await cli('context ls -o json');
    expect(JSON.parse(json.out)[1]).toEqual({
      name: 'prod',
      current: true,
      servers: ['10.0.0.1:4701', 'h2.lan:99'],
    });
    const shown = await cli('context show');
    expect(shown.out).toContain('prod');
    for (const text of [out, json.out, shown.out]) expect(text).not.toContain(key.slice(11, 40));
  });

  test('rm forgets it, with what was chosen', async () => {
    await create('prod');
    await cli('context use prod');
    expect(await cli('context rm prod')).toMatchObject({ code: 0, out: 'prod\n' });
    expect(await contexts.names()).toEqual([]);
    expect((await cli('ps')).io.reached).toBe('local');
    expect(await cli('context rm prod')).toMatchObject({ code: 1 });
    expect(await cli('context rm local')).toMatchObject({ code: 1 });
  });

  test('a damaged file is told of without what is in it, and can be removed', async () => {
    await create('prod');
    const path = join(home, '.config/trama/contexts/prod.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"servers"', '"servants"'));
    const { code, err } = await cli('--context prod ps');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('is damaged') });
    expect(err).not.toContain(key.slice(11, 40));
    expect((await cli('context rm prod')).code).toBe(0);
  });
});

describe('user', () => {
  const users = [
    {
      ...{ name: 'ana', role: 'operator', networks: ['app'], key: 'k'.repeat(40) },
      ...{ createdAt: 1_699_999_000_000, expiresAt: 1_600_000_000_000, expired: true },
    },
  ];

  test('create prints the key, once, and nothing else; the secret stays here', async () => {
    const api = fakeCluster().on('user.create', () => ({ serverKey: secrets.serverKey }));
    const { code, out, err } = await cli('user create ana --role operator --network app --network db --ttl 30d', {
      api,
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^tramauser1\.[A-Za-z0-9_-]{91}\n$/);
    const { secret } = parseUserKey(out.trim());
    expect(api.asked).toEqual([
      {
        method: 'user.create',
        params: {
          ...{ name: 'ana', role: 'operator', key: 'u'.repeat(40) },
          ...{ networks: ['app', 'db'], ttlMs: 30 * 86_400_000 },
        },
      },
    ]);
    expect(JSON.stringify(api.asked)).not.toContain(Buffer.from(secret).toString('base64url'));
  });

  test('ls, inspect, rm', async () => {
    const api = fakeCluster()
      .on('user.list', () => users)
      .on('user.inspect', () => users[0])
      .on('user.remove', () => ({}));
    expect((await cli('user ls', { api })).out).toMatch(/\nana +operator +app +\d+m ago +expired\n$/);
    expect((await cli('user inspect ana', { api })).out).toContain('operator');
    expect((await cli('user rm ana', { api })).out).toBe('ana\n');
    expect((await cli('__complete user', { api })).out).toBe('ana\n');
  });

  test.each(['user create ana', 'user create ana --role king', 'user create a/b --role viewer'])(
    '%s: usage',
    async (words) => expect((await cli(words)).code).toBe(2),
  );

  test('contexts are completed', async () => {
    await create('prod');
    expect((await cli('__complete context')).out).toBe('local\nprod\n');
  });
});
