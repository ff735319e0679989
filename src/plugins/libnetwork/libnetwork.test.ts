import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NetworkPlugin } from '../../agent/agent.ts';
import { Failure } from '../../domain/domain.ts';
import { silentLog } from '../../platform/platform.ts';
import { serveLibnetwork } from './libnetwork.ts';

let directory: string;
let socketPath: string;
let calls: string[];
let fails: Error | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-plugin-'));
  socketPath = join(directory, 'plugins/trama.sock');
  calls = [];
  fails = undefined;
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const plugin = new Proxy({} as NetworkPlugin, {
  get: (_, name: string) => async () => {
    calls.push(name);
    if (fails) throw fails;
    return {};
  },
});

const serve = () => serveLibnetwork({ socketPath, plugin, log: silentLog });

/** As dockerd posts: no Content-Type. */
async function post(path: string, body = '', method = 'POST') {
  return new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    const request = http.request({ socketPath, path, method, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const leave = JSON.stringify({ NetworkID: 'n', EndpointID: 'e' });

test('answers calls, and knows which paths and methods it does not', async () => {
  await using _ = await serve();
  expect(await post('/Plugin.Activate')).toEqual({
    status: 200,
    body: { Implements: ['NetworkDriver', 'IpamDriver'] },
  });
  expect(await post('/NetworkDriver.Leave', leave)).toEqual({ status: 200, body: {} });
  expect((await post('/NetworkDriver.AllocateNetwork', '{}')).status).toBe(404);
  expect((await post('/NetworkDriver.Leave', '', 'GET')).status).toBe(404);
  expect(calls).toEqual(['leave']);
});

test.each(['', ' \n', '{"NetworkID":"n","Endp', 'null', '[]', '{}', 'x'])(
  'a body that was cut or is wrong (%j) is 400 and does nothing',
  async (body) => {
    await using _ = await serve();
    const answer = await post('/NetworkDriver.Leave', body);
    expect(answer).toMatchObject({ status: 400, body: { Err: expect.any(String), Error: expect.any(String) } });
    expect(calls).toEqual([]);
  },
);

test('a connection that breaks inside a body does nothing, and others go on', async () => {
  await using _ = await serve();
  const socket = connect(socketPath).resume();
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(`POST /NetworkDriver.Leave HTTP/1.1\r\nHost: x\r\nContent-Length: ${leave.length}\r\n\r\n{"Net`);
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  expect((await post('/NetworkDriver.DeleteEndpoint', leave)).status).toBe(200);
  expect(calls).toEqual(['deleteEndpoint']);
});

test('a body with all the ports there are is taken, and one beyond that refused in a sentence', async () => {
  await using _ = await serve();
  const exposed = { Proto: 17, Port: 65535 };
  const port = { ...exposed, IP: '', HostIP: '', HostPort: 65535, HostPortEnd: 65535 };
  const options = {
    'com.docker.network.endpoint.exposedports': Array.from({ length: 2 * 65_535 }, () => exposed),
    'com.docker.network.portmap': Array.from({ length: 2 * 65_535 }, () => port),
  };
  const body = JSON.stringify({ NetworkID: 'n', EndpointID: 'e', Options: options });
  expect(body.length).toBeGreaterThan(13_000_000);
  expect(await post('/NetworkDriver.ProgramExternalConnectivity', body)).toEqual({ status: 200, body: {} });
  expect(calls).toEqual(['publish']);
  const refused = await post('/NetworkDriver.Leave', `"${'x'.repeat(16 * 1024 * 1024)}"`);
  const said = 'The body of NetworkDriver.Leave is longer than 16 MiB: publish fewer ports with one container (-p).';
  expect(refused).toEqual({ status: 413, body: { Err: said, Error: said } });
  expect(calls).toEqual(['publish']);
});

test('failures are answered in the words of the plugin, for both kinds of driver', async () => {
  await using _ = await serve();
  fails = new Failure('exhausted', 'The network app is full.');
  expect(await post('/NetworkDriver.Leave', leave)).toEqual({
    status: 200,
    body: { Err: 'The network app is full.', Error: 'The network app is full.' },
  });
  // Engines keep it: by this the agent tells later what is worth another try.
  fails = new Failure('unavailable', 'No server answers.');
  expect(await post('/NetworkDriver.Leave', leave)).toMatchObject({ body: { Err: 'No server answers. (for now)' } });
  fails = new TypeError('x is undefined');
  expect(await post('/IpamDriver.ReleasePool', '{"PoolID":"p"}')).toMatchObject({
    status: 200,
    body: { Error: 'Trama failed: x is undefined' },
  });
});

test('addresses that Docker is to keep free are refused', async () => {
  await using _ = await serve();
  const network = (AuxAddresses?: object | null) =>
    JSON.stringify({ NetworkID: 'n', IPv4Data: [{ AddressSpace: 'trama', Pool: '10.42.0.0/16', AuxAddresses }] });
  for (const none of [undefined, null, {}])
    expect(await post('/NetworkDriver.CreateNetwork', network(none))).toEqual({ status: 200, body: {} });
  calls = [];
  expect(await post('/NetworkDriver.CreateNetwork', network({ printer: '10.42.0.50/16' }))).toMatchObject({
    body: { Err: expect.stringContaining('--aux-address does not fit') },
  });
  expect(calls).toEqual([]);
});

test('the socket is private, alone in its directory, and goes with its server', async () => {
  const served = await serve();
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  expect((await stat(join(directory, 'plugins'))).mode & 0o777).toBe(0o700);
  expect(await readdir(join(directory, 'plugins'))).toEqual(['trama.sock']);
  await served[Symbol.asyncDispose]();
  expect(await readdir(join(directory, 'plugins'))).toEqual([]);
});

test("a dead agent's socket is replaced, a live one's is not", async () => {
  socketPath = join(directory, 'trama.sock');
  await writeFile(socketPath, '');
  const first = await serve();
  await expect(serve()).rejects.toMatchObject({ code: 'conflict' });
  expect((await post('/Plugin.Activate')).status).toBe(200);
  await first[Symbol.asyncDispose]();

  // A process that was killed leaves its file: a server whose handle is closed under another name does too.
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(join(directory, 'dead'), resolve));
  await rename(join(directory, 'dead'), socketPath);
  await new Promise((resolve) => dead.close(resolve));
  await using _ = await serve();
  expect((await post('/Plugin.Activate')).status).toBe(200);
});

test('an old server does not remove the socket of its successor', async () => {
  const first = await serve();
  await rm(socketPath);
  await using _ = await serve();
  await first[Symbol.asyncDispose]();
  expect((await post('/Plugin.Activate')).status).toBe(200);
});
