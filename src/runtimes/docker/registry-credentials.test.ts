import { expect, test } from 'vitest';
import { type Log, type Spawn, silentLog } from '../../platform/platform.ts';
import { registryCredentials } from './registry-credentials.ts';

const refuse: Spawn = async () => {
  throw new Error('nothing is to be spawned');
};

function credentials(config: unknown, spawn = refuse, log: Log = silentLog) {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return registryCredentials({ readConfig: async () => (config === undefined ? undefined : text), spawn, log });
}

/** As the engine decodes: the padding has to be there. */
function decode(header: string | undefined): unknown {
  expect(header).toMatch(/^[\w-]+={0,2}$/);
  expect((header?.length ?? 0) % 4).toBe(0);
  return JSON.parse(Buffer.from(header ?? '', 'base64url').toString());
}

test('logins of docker login, for a registry and for Docker Hub', async () => {
  const auth = Buffer.from('me:p:w?>').toString('base64');
  const find = credentials({ auths: { 'r.example:5000': { auth }, 'https://index.docker.io/v1/': { auth } } });
  expect(decode(await find('r.example:5000'))).toEqual({
    username: 'me',
    password: 'p:w?>',
    serveraddress: 'r.example:5000',
  });
  expect(decode(await find('docker.io'))).toMatchObject({ serveraddress: 'https://index.docker.io/v1/' });
  expect(await find('other.example')).toBeUndefined();
});

test('a credential helper is asked by name', async () => {
  const asked: unknown[] = [];
  const spawn: Spawn = async ({ argv, input }) => {
    asked.push([argv, input]);
    if (input !== 'r.example') return { code: 1, stdout: 'credentials not found', stderr: '' };
    return { code: 0, stdout: JSON.stringify({ Username: '<token>', Secret: 't' }), stderr: '' };
  };
  const find = credentials({ credsStore: 'pass' }, spawn);
  expect(decode(await find('r.example'))).toEqual({ identitytoken: 't', serveraddress: 'r.example' });
  expect(await find('other.example')).toBeUndefined();
  expect(asked[0]).toEqual([['docker-credential-pass', 'get'], 'r.example']);
});

test.each([undefined, 'no json', { auths: [] }, { credsStore: '../../bin/sh' }])(
  'without a readable configuration (%j) there are none, and no error',
  async (config) => {
    expect(await credentials(config)('r.example')).toBeUndefined();
  },
);
