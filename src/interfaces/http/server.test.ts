import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { total } from '../../../test/exposition.ts';
import { Metrics, silentLog } from '../../platform/platform.ts';
import { notReady, type Readiness, ready } from '../../protocol/readiness.ts';
import { type HttpServer, serveHttp } from './server.ts';

let metrics: Metrics;
let state: () => Promise<Readiness>;
let server: HttpServer;
const options = { address: '127.0.0.1', port: 0, flag: '--http-port', log: silentLog };
beforeEach(async () => {
  metrics = new Metrics();
  state = async () => ready;
  server = await serveHttp({ ...options, metrics, readiness: () => state() });
});
afterEach(() => server[Symbol.asyncDispose]());

const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init);

describe('what is served', () => {
  test('/metrics, in the format that Prometheus asks for', async () => {
    metrics.counter('a_total', 'x').of({}).add(3);
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(total(await response.text(), 'a_total')).toBe(3);
  });

  test('/healthz, ready or not', async () => {
    state = async () => notReady('no');
    const response = await get('/healthz');
    expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
  });

  test('/readyz, with the reason when it is not', async () => {
    expect((await get('/readyz')).status).toBe(200);
    state = async () => notReady('the store does not answer');
    const response = await get('/readyz?verbose');
    expect([response.status, await response.text()]).toEqual([503, 'the store does not answer\n']);
    state = async () => ready;
    expect((await get('/readyz')).status).toBe(200);
  });

  test('nothing else, and nothing is taken', async () => {
    const missing = await get('/');
    expect([missing.status, await missing.text()]).toEqual([
      404,
      expect.stringContaining('/metrics, /healthz, /readyz'),
    ]);
    expect((await get('/constructor')).status).toBe(404);
    expect((await get('/metrics', { method: 'POST', body: 'x' })).status).toBe(405);
    const head = await get('/healthz', { method: 'HEAD' });
    expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '3']);
  });

  test('what fails is told in the log, not to whoever asks', async () => {
    state = () => Promise.reject(new Error('secret'));
    const response = await get('/readyz');
    expect([response.status, await response.text()]).toEqual([500, 'it failed: the log of the daemon says why\n']);
  });
});

describe('a port that cannot be had', () => {
  const attempt = (more: Partial<typeof options>) =>
    serveHttp({ ...options, ...more, metrics, readiness: () => state() });

  test('is in use: says by what flag to choose another', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(attempt({ port, flag: '--agent-http-port' })).rejects.toMatchObject({
      code: 'conflict',
      message: `figures and health cannot be served at 127.0.0.1 port ${port}: another program has that port, if not a Trama that runs here already ("ss -lntp sport = ${port}" shows it); choose another port with --agent-http-port, or none with --agent-http-port none`,
    });
    await new Promise((resolve) => other.close(resolve));
  });

  test('is of an address that the host does not have', async () => {
    await expect(attempt({ address: '192.0.2.1' })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('--http-listen'),
    });
  });
});
