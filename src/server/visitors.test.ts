/** Users who show their key with each request, instead of a session on the bus. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cluster, refusal, until } from '../../test/server/cluster.ts';
import { encodeBase64Url, formatUserKey } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { ask } from '../protocol/protocol.ts';
import type { AuditEntry } from './audit.ts';
import type { Server } from './server.ts';

let cluster: Cluster;
let server: Server;
let lines: string[];
let made = 0;
beforeEach(async () => {
  cluster = await Cluster.create();
  lines = [];
  server = await cluster.server(cluster.store, silentLog, { audit: (line) => lines.push(line) });
});
afterEach(() => cluster[Symbol.asyncDispose]());

/** @returns what `trama user create` would print */
async function user(name: string, role: string, more: { readonly ttlMs?: number; readonly networks?: string[] } = {}) {
  made += 1;
  const secret = new Uint8Array(32).fill(made);
  const { publicKey: key } = cluster.bus.keysFromSecret(encodeBase64Url(secret), 'user');
  await ask(server, 'user.create', { name, role, key, ...more });
  return formatUserKey({ serverKey: server.publicKey, secret });
}

const admitted = (key: string) => refusal(server.admit(key));

describe('a user who shows a key', () => {
  test('is judged as on the bus, and written down under the name', async () => {
    const { name, api } = await server.admit(await user('vic', 'viewer'));
    expect(name).toBe('vic');
    expect(await ask(api, 'node.list', {})).toEqual([]);
    expect(await refusal(ask(api, 'workload.remove', { name: 'web', force: true }))).toMatch(
      /^denied: user vic \(viewer\) may not remove containers/,
    );
    const entries = lines.map((line) => JSON.parse(line) as AuditEntry);
    expect(entries.filter(({ who }) => who === 'user:vic')).toMatchObject([
      { method: 'workload.remove', outcome: 'denied' },
    ]);
  });

  test("that is nobody's, of another cluster, of a token, or nonsense: is not let in, and is not repeated", async () => {
    const key = await user('vic', 'viewer');
    const { token } = await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
    const secret = new Uint8Array(32).fill(200);
    const stranger = formatUserKey({ serverKey: server.publicKey, secret });
    const elsewhere = formatUserKey({ serverKey: cluster.bus.generateKeys().publicKey, secret });
    expect(await admitted(stranger)).toMatch(/^denied: the server does not know this user's key/);
    expect(await admitted(elsewhere)).toMatch(/^denied: this key is of another cluster/);
    expect(await admitted(token)).toMatch(/^denied: this is a join token/);
    for (const bad of ['', 'x', `${key}x`, key.slice(0, -1)]) {
      const said = await admitted(bad);
      expect(said).toMatch(/^denied: /);
      if (bad.length > 5) expect(said).not.toContain(bad);
    }
    expect((await server.admit(key)).name).toBe('vic');
  });

  test('is limited to networks as on the bus', async () => {
    await ask(server, 'network.create', { name: 'app' });
    await ask(server, 'network.create', { name: 'db' });
    const { api } = await server.admit(await user('ana', 'operator', { networks: ['app'] }));
    expect((await ask(api, 'network.list', {})).map(({ name }) => name)).toEqual(['app']);
    expect(await refusal(ask(api, 'network.inspect', { name: 'db' }))).toMatch(/^denied: user ana \(operator\)/);
  });

  test('asks twice under one id, and it is done once', async () => {
    const { api } = await server.admit(await user('ada', 'admin'));
    const once = () => api.call('network.create', { name: 'app' }, { id: 'same' });
    expect(await once()).toEqual(await once());
    expect(await refusal(api.call('network.create', { name: 'app' }, { id: 'another' }))).toMatch(/^conflict/);
  });
});

test('whoever asks for the servers is told how to know the HTTP API of the one that answers', async () => {
  const { api } = await server.admit(await user('vic', 'viewer'));
  expect((await ask(api, 'cluster.servers', {})).api).toBeUndefined();
  const shown = { port: 4705, fingerprint: 'AB:CD', pin: 'sha256//x' };
  server.tell(shown);
  expect((await ask(api, 'cluster.servers', {})).api).toEqual(shown);
});

describe('the end of a key', () => {
  const broken = async (key: string) => {
    const stream = await (await server.admit(key)).api.open('cluster.watch', {});
    const over = stream.result.then(
      () => 'ended',
      (error: Error) => error.message,
    );
    return { stream, over };
  };

  test('removed: streams end at once, and the key is worth nothing', async () => {
    const key = await user('rob', 'viewer');
    const { over } = await broken(key);
    await ask(server, 'user.remove', { name: 'rob' });
    expect(await over).toMatch(/removed/);
    expect(await admitted(key)).toMatch(/^denied: the server does not know this user's key/);
  });

  test('expired: streams end, and who brings it is told when it was', async () => {
    const key = await user('eva', 'viewer', { ttlMs: 60_000 });
    const { over } = await broken(key);
    cluster.clock.step(61_000);
    await until('the stream has ended', async () => /expired at/.test(await Promise.race([over, ''])));
    expect(await admitted(key)).toMatch(/^denied: The key of user eva expired at/);
  });

  test('others go on', async () => {
    const [rob, ann] = [await user('rob', 'viewer'), await user('ann', 'viewer')];
    const [gone, stays] = [await broken(rob), await broken(ann)];
    await ask(server, 'user.remove', { name: 'rob' });
    await gone.over;
    expect(await Promise.race([stays.over, Promise.resolve('open')])).toBe('open');
    stays.stream.reset(new Error('enough'));
  });
});
