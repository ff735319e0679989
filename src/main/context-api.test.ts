import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, refusal, until } from '../../test/server/cluster.ts';
import { encodeBase64Url, formatUserKey } from '../domain/domain.ts';
import { contextFiles } from '../interfaces/contexts/context-files.ts';
import type { ContextStore, StoredContext } from '../interfaces/interfaces.ts';
import { ask, methods } from '../protocol/protocol.ts';
import type { Server } from '../server/server.ts';
import { ContextApi } from './context-api.ts';

let cluster: Cluster;
let server: Server;
let home: string;
let contexts: ContextStore;
beforeEach(async () => {
  cluster = await Cluster.create();
  server = await cluster.server();
  home = await mkdtemp(join(tmpdir(), 'trama-context-api-'));
  contexts = contextFiles({ HOME: home });
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
});

const secret = new Uint8Array(32).fill(4);

/** Of a user who is known, at the first server. */
async function prod(role = 'operator'): Promise<StoredContext> {
  const { publicKey } = cluster.bus.keysFromSecret(encodeBase64Url(secret), 'user');
  await ask(server, 'user.create', { name: 'ana', role, key: publicKey });
  const key = formatUserKey({ serverKey: server.publicKey, secret });
  const context = { name: 'prod', key, servers: [{ host: '10.255.0.1', ports: server.ports }] };
  await contexts.write(context);
  return context;
}

test('learns of the other servers at its first connection, and goes on with them when the first has died', async () => {
  const second = await cluster.server();
  const context = await prod();
  {
    await using api = await ContextApi.open(cluster.bus, context, contexts);
    expect(await ask(api, 'cluster.version', {})).toEqual({ version: '0.1.0' });
  }
  const learned = await contexts.read('prod');
  expect(learned?.servers.map(({ host, id }) => [host, id])).toEqual([
    ['10.255.0.1', `10.255.0.1:${server.ports.requests}`],
    ['10.255.0.2', `10.255.0.2:${second.ports.requests}`],
  ]);
  await server[Symbol.asyncDispose]();
  await using api = await ContextApi.open(cluster.bus, learned ?? context, contexts);
  expect(await ask(api, 'node.list', {})).toEqual([]);
  const stream = await api.open('cluster.watch', {});
  for await (const _ of stream) break;
});

test('a server that dies meanwhile: the next is asked', async () => {
  await cluster.server();
  await using api = await ContextApi.open(cluster.bus, await prod(), contexts);
  await ask(api, 'node.list', {});
  await until('it has learned', async () => (await contexts.read('prod'))?.servers.length === 2);
  await server[Symbol.asyncDispose]();
  expect(await ask(api, 'node.list', {})).toEqual([]);
});

test('a context that was removed meanwhile stays so', async () => {
  const context = await prod();
  await cluster.server();
  await contexts.remove('prod');
  await using api = await ContextApi.open(cluster.bus, context, contexts);
  await ask(api, 'node.list', {});
  await api[Symbol.asyncDispose]();
  expect(await contexts.names()).toEqual([]);
});

test('who cannot be reached, and who is refused, is told with the name of the context', async () => {
  const context = await prod();
  const away = { ...context, servers: [{ host: '10.255.0.99', ports: server.ports }] };
  await using gone = await ContextApi.open(cluster.bus, away, contexts);
  expect(await refusal(gone.call('node.list', {}, { deadlineMs: 300 }))).toMatch(
    /^unavailable: context prod: no server answers: the server at 10\.255\.0\.99/,
  );
  await ask(server, 'user.remove', { name: 'ana' });
  await using removed = await ContextApi.open(cluster.bus, context, contexts);
  expect(await refusal(removed.call('node.list', {}))).toMatch(
    /^denied: context prod: the server does not know this user's/,
  );
});

test('what the server says is left as it is', async () => {
  await using api = await ContextApi.open(cluster.bus, await prod('viewer'), contexts);
  expect(await refusal(ask(api, 'network.create', { name: 'app' }))).toBe(
    'denied: user ana (viewer) may not make networks: that takes the role operator',
  );
});

test.each(Object.keys(methods).filter((method) => method.startsWith('agent.')))(
  '%s is not asked elsewhere',
  async (method) => {
    await using api = await ContextApi.open(cluster.bus, await prod('admin'), contexts);
    expect(await refusal(api.call(method, {}))).toMatch(/^invalid: you are on context prod, .* run it on a host/);
  },
);
