/** The API over TLS, with users that a test makes up. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Failure } from '../../domain/domain.ts';
import { silentLog, spawn } from '../../platform/platform.ts';
import { channels } from '../../protocol/protocol.ts';
import { ownCertificate, type ReadCertificate, readCertificate } from './certificate.ts';
import { type HttpsApi, serveHttpsApi } from './https.ts';
import { ask, begin, FakeApi } from './testing/fake-api.ts';

let directory: string;
let certificate: ReadCertificate;
let another: ReadCertificate;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-https-'));
  const made = (name: string) => ownCertificate(join(directory, name), ['127.0.0.1'], spawn).then(readCertificate);
  certificate = await made('one');
  another = await made('another');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

let api: FakeApi;
let served: HttpsApi;
const open: { terminate?(): void; destroy?(): void }[] = [];
beforeEach(async () => {
  api = new FakeApi();
  served = await serveHttpsApi({
    ...{ address: '127.0.0.1', port: 0, certificate, log: silentLog },
    async admit(userKey) {
      if (userKey.startsWith('good')) return { name: userKey, key: userKey, api };
      throw new Failure('denied', 'the server does not know this user');
    },
  });
});
afterEach(async () => {
  for (const one of open.splice(0)) {
    one.terminate?.();
    one.destroy?.();
  }
  await served[Symbol.asyncDispose]();
});

const options = (key?: string) => ({
  ...{ host: '127.0.0.1', port: served.port, ca: certificate.cert },
  headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
});
const get = (path: string, key?: string) => ask(path, options(key));

describe('who is let in', () => {
  test('whoever shows a key that is known', async () => {
    api.answer = () => [];
    expect(await get('/v1/node.list', 'good')).toMatchObject({ status: 200, text: '[]' });
    const lower = { ...options(), headers: { authorization: 'bearer good' } };
    expect((await ask('/v1/node.list', lower)).status).toBe(200);
  });

  test.each([
    ['no key', undefined],
    ["a key that is nobody's", 'bad'],
  ])('not with %s: 401, how to show one, and nothing is asked', async (_, key) => {
    for (const path of ['/v1/node.list', '/v1/workload.logs?name=web', '/', '/v1/nothing']) {
      const { status, headers, text } = await get(path, key);
      expect([path, status, headers['www-authenticate']]).toEqual([path, 401, 'Bearer realm="trama"']);
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'denied' } });
    }
    expect(api.asked).toEqual([]);
  });

  test('not by another scheme, nor with the key in the query', async () => {
    const basic = { ...options(), headers: { authorization: 'Basic Z29vZDpnb29k' } };
    expect((await ask('/v1/node.list', basic)).status).toBe(401);
    expect((await get('/v1/node.list?access_token=good')).status).toBe(401);
  });

  test('what the role does not reach is 403, with the sentence', async () => {
    api.answer = () => {
      throw new Failure('denied', 'user vic (viewer) may not remove containers: that takes the role operator');
    };
    const refused = await ask('/v1/workload.remove', { ...options('good'), body: '{"name":"web","force":true}' });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('user vic (viewer) may not remove containers');
  });

  test('the document is for everybody', async () => {
    expect((await get('/v1/openapi.json')).status).toBe(200);
  });
});

describe('TLS', () => {
  test('who trusts another certificate does not speak to it', async () => {
    await expect(ask('/v1/node.list', { ...options('good'), ca: another.cert })).rejects.toThrow(/certificate/);
  });

  test('in the clear nothing is answered', async () => {
    const { ca: _, ...clear } = options('good');
    await expect(ask('/v1/node.list', clear)).rejects.toThrow();
  });

  test('nothing older than TLS 1.2', async () => {
    const old = {
      host: '127.0.0.1',
      port: served.port,
      ca: certificate.cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    } as const;
    const said = await new Promise((resolve) => {
      const socket = tlsConnect({ ...old, ciphers: 'DEFAULT@SECLEVEL=0' }, () => resolve('connected'));
      socket.on('error', (error) => resolve(error.message));
    });
    expect(said).not.toBe('connected');
  });

  test('another certificate from now on; what is no pair changes nothing', async () => {
    served.renew(another);
    expect((await ask('/v1/openapi.json', { ...options(), ca: another.cert })).status).toBe(200);
    await expect(get('/v1/openapi.json')).rejects.toThrow(/certificate/);
    expect(() => served.renew({ cert: certificate.cert, key: another.key })).toThrow();
    expect((await ask('/v1/openapi.json', { ...options(), ca: another.cert })).status).toBe(200);
  });
});

describe('limits', () => {
  test('headers that are too large', async () => {
    const { headers, ...rest } = options('good');
    const large = await ask('/v1/node.list', { ...rest, headers: { ...headers, 'x-large': 'x'.repeat(20_000) } });
    expect(large.status).toBe(431);
  });

  test('streams of one user at once; others have theirs', async () => {
    api.serve = (near) => near.send(channels.stdout, Buffer.from('x'));
    const follow = async (key: string) => {
      const response = await begin('/v1/workload.logs?name=web&follow', options(key));
      open.push(response);
      return response.statusCode;
    };
    for (let n = 0; n < 64; n += 1) expect(await follow('good')).toBe(200);
    expect(await follow('good')).toBe(429);
    expect(await follow('good-too')).toBe(200);
    // Calls are counted apart.
    expect((await get('/v1/node.list', 'good')).status).toBe(200);
    open.shift()?.destroy?.();
    await expect.poll(() => follow('good')).toBe(200);
  });
});

test('a WebSocket, and one without a key', async () => {
  api.serve = (near) => near.end({ exitCode: 42 });
  const socket = (key: string) => {
    const { ca, headers } = options(key);
    const made = new WebSocket(`wss://127.0.0.1:${served.port}/v1/workload.attach?name=web`, ['trama.v1'], {
      ca,
      headers,
    });
    open.push(made);
    return made;
  };
  const said = await new Promise((resolve) => socket('good').on('message', (data: Buffer) => resolve(data.toString())));
  expect(said).toBe('\u0003{"type":"end","result":{"exitCode":42}}');
  const refused = await new Promise((resolve) => {
    const bad = socket('bad');
    bad.on('error', () => {});
    bad.on('unexpected-response', (_, response) =>
      resolve([response.statusCode, response.headers['www-authenticate']]),
    );
  });
  expect(refused).toEqual([401, 'Bearer realm="trama"']);
});

test('a port that somebody has is told with the flag that chooses another', async () => {
  const again = serveHttpsApi({
    ...{ address: '127.0.0.1', port: served.port, certificate, log: silentLog },
    admit: async () => ({ name: 'x', key: 'x', api }),
  });
  await expect(again).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('--api-listen') });
});
