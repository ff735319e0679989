import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeDurably } from '../platform/platform.ts';
import { type Identity, loadIdentity, saveIdentity } from './identity.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'identity-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const identity: Identity = {
  version: 1,
  name: 'h1',
  cluster: 'c1',
  keys: { publicKey: 'p', secretKey: 's' },
  servers: [{ host: '10.0.0.1', ports: { requests: 4701, feed: 4702 }, key: 'k' }],
};
const write = (value: unknown) => writeDurably(join(directory, 'identity.json'), JSON.stringify(value));

test('what was saved is loaded; a host that never joined has none', async () => {
  expect(await loadIdentity(directory)).toBeUndefined();
  await saveIdentity(directory, identity);
  expect(await loadIdentity(directory)).toEqual(identity);
});

test('what a newer Trama has added to it keeps nobody from reading it', async () => {
  await write({ ...identity, favourite: 'h2' });
  expect(await loadIdentity(directory)).toMatchObject(identity);
});

test('what an older Trama had in it and nobody needs any more is passed over', async () => {
  const [server] = identity.servers;
  await write({ ...identity, servers: [{ ...server, ports: { ...server?.ports, metrics: 9 } }] });
  expect(await loadIdentity(directory)).toEqual(identity);
});

test('one of a newer format is not called damaged: nobody shall remove it', async () => {
  await write({ version: 2, who: 'h1' });
  await expect(loadIdentity(directory)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/written by a newer Trama \(format 2, this one reads 1\): install that version/),
  });
});

test('a damaged one is', async () => {
  await write({ version: 1, name: 'h1' });
  await expect(loadIdentity(directory)).rejects.toMatchObject({ message: expect.stringMatching(/is damaged/) });
});
