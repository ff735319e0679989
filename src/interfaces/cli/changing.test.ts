import { describe, expect, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import type { ContainerView } from '../../protocol/views.ts';
import { app, type FakeCluster, fakeCluster, web } from './testing/fake-cluster.ts';
import { trama } from './testing/fake-io.ts';

/** Answers `workload.wait` with these in turn; the last again and again. */
function waits(cluster: FakeCluster, ...seen: (Partial<ContainerView> | null)[]): FakeCluster {
  let at = 0;
  return cluster.on('workload.wait', ({ since }: { since: number }) => {
    const next = seen[Math.min(at, seen.length - 1)];
    at += 1;
    return { since: since + 1, gone: next === null, container: next === null ? null : { ...web, ...next } };
  });
}

test('token ls shows no secrets, token rm takes ids', async () => {
  const one = { id: '3f2a90c1d7e4', uses: 3, usesLeft: 2, createdAt: 0, expiresAt: 3_600_000, status: 'valid' };
  const api = fakeCluster()
    .on('token.list', () => [one])
    .on('token.remove', () => ({}));
  expect((await trama('token ls', { api })).out).toMatch(
    /^TOKEN +USES LEFT +CREATED +EXPIRES +STATUS\n3f2a90c1d7e4 +2 of 3 +\w+ ago +1970-01-01T01:00:00.000Z +valid\n$/,
  );
  expect((await trama('token rm 3f2a90c1d7e4', { api })).out).toBe('3f2a90c1d7e4\n');
  expect(api.asked.at(-1)).toEqual({ method: 'token.remove', params: { id: '3f2a90c1d7e4' } });
  expect((await trama('__complete token', { api })).out).toBe('3f2a90c1d7e4\n');
  expect((await trama('token rm trama1.secret', { api })).err).not.toContain('secret');
});

test('token create prints the token and nothing else', async () => {
  const api = fakeCluster().on('token.create', () => ({ token: 'trama1.abc' }));
  expect(await trama('token create --uses 3 --ttl 30m', { api })).toMatchObject({
    code: 0,
    out: 'trama1.abc\n',
    err: '',
  });
  expect(api.asked).toEqual([{ method: 'token.create', params: { uses: 3, ttlMs: 1_800_000 } }]);
  await trama('token create', { api });
  expect(api.asked[1]?.params).toEqual({ uses: 1, ttlMs: 3_600_000 });
});

describe('nodes', () => {
  test('drain and its undo', async () => {
    const api = fakeCluster();
    expect((await trama('node drain h1 h2', { api })).out).toBe('h1\nh2\n');
    await trama('node drain --undo h1', { api });
    expect(api.asked.map(({ params }) => params)).toEqual([
      { name: 'h1', drained: true },
      { name: 'h2', drained: true },
      { name: 'h1', drained: false },
    ]);
  });

  test('leave prints what was done; with --dry-run what would be', async () => {
    const api = fakeCluster().on('agent.leave', () => ({
      commands: ['ip netns del trama', 'nft delete table inet trama'],
    }));
    const dry = await trama('node leave --dry-run', { api });
    expect(dry.out).toBe('ip netns del trama\nnft delete table inet trama\n');
    expect(dry.err).toBe('dry run: nothing was changed\n');
    expect(api.asked[0]?.params).toEqual({ force: false, dryRun: true });
    expect((await trama('node leave --force', { api })).err).toBe('this host has left the cluster\n');
    expect(api.asked[1]?.params).toEqual({ force: true, dryRun: false });
  });

  test('leave of other hosts is asked of the servers; what they would do only they know', async () => {
    const api = fakeCluster().on('node.leave', ({ name }: { name: string }) => {
      if (name === 'h2') throw new Failure('conflict', 'container web runs on h2');
      return {};
    });
    const { code, out, err } = await trama('node leave h1 h2', { api });
    expect({ code, out, err }).toEqual({ code: 1, out: 'h1\n', err: 'trama: container web runs on h2\n' });
    expect(api.asked[0]).toEqual({ method: 'node.leave', params: { name: 'h1', force: false } });
    expect(await trama('node leave --dry-run h1', { api })).toMatchObject({ code: 2, out: '' });
    expect(api.asked).toHaveLength(2);
  });

  test('rm', async () => {
    const api = fakeCluster();
    await trama('node rm -f h2', { api });
    expect(api.asked).toEqual([{ method: 'node.remove', params: { name: 'h2', force: true } }]);
  });
});

describe('networks', () => {
  test('connect and disconnect say which container it was', async () => {
    const api = fakeCluster()
      .on('network.connect', () => web)
      .on('network.disconnect', () => web);
    expect(await trama('network connect app h2/web --ip 10.42.0.9 --alias a --alias b', { api })).toMatchObject({
      ...{ code: 0, out: 'h2/web\n', err: '' },
    });
    await trama('network connect app web', { api });
    expect(await trama('network disconnect -f app web', { api })).toMatchObject({ code: 0, out: 'web\n' });
    expect(api.asked).toEqual([
      {
        method: 'network.connect',
        params: { network: 'app', container: 'h2/web', address: '10.42.0.9', aliases: ['a', 'b'] },
      },
      { method: 'network.connect', params: { network: 'app', container: 'web', aliases: [] } },
      { method: 'network.disconnect', params: { network: 'app', container: 'web', force: true } },
    ]);
  });

  test('create sends what was said and shows what was made', async () => {
    const api = fakeCluster().on('network.create', () => app);
    const line = 'network create app --subnet 10.42.0.0/16 --vni 7 --mtu 1400 --internal --discovery multicast';
    const { code, out } = await trama(line, { api });
    expect(code).toBe(0);
    expect(out).toContain('10.42.0.0/16');
    expect(api.asked[0]?.params).toEqual({
      name: 'app',
      driver: 'overlay',
      subnet: '10.42.0.0/16',
      vni: 7,
      mtu: 1400,
      discovery: 'multicast',
      internal: true,
      options: {},
      dryRun: false,
    });
  });

  test('create --dry-run', async () => {
    const api = fakeCluster().on('network.create', () => app);
    const { err, out } = await trama('network create app --dry-run -o json', { api });
    expect(err).toBe('dry run: nothing was created\n');
    expect(JSON.parse(out).vni).toBe(10_001);
    expect(api.asked[0]?.params).toMatchObject({ dryRun: true });
  });

  test('create warns of a LAN whose every address could be assigned', async () => {
    const made = (options: object) =>
      fakeCluster().on('network.create', () => ({ ...app, driver: 'lan', options: { parent: 'eth1', ...options } }));
    const line = 'network create app --driver lan --parent eth1';
    const warning = /^trama: network app: any address of the LAN may be assigned, .*\(--range\).*\(--dhcp\)\n$/;
    expect(await trama(line, { api: made({}) })).toMatchObject({ code: 0, err: expect.stringMatching(warning) });
    const { err } = await trama(`${line} --dry-run`, { api: made({}) });
    expect(err.split('\n')).toEqual([expect.stringContaining('any address'), 'dry run: nothing was created', '']);
    for (const options of [{ range: '192.168.1.128/26' }, { dhcp: 'true' }])
      expect(await trama(line, { api: made(options) })).toMatchObject({ code: 0, err: '' });
  });

  test('rm goes on after a failure and reports each', async () => {
    const { code, out, err } = await trama('network rm no1 app no2');
    expect(code).toBe(1);
    expect(out).toBe('app\n');
    expect(err.split('\n')).toHaveLength(3);
    expect(err).toContain('no1');
    expect(err).toContain('no2');
  });
});

describe('containers', () => {
  test('rm answers when it is gone', async () => {
    const api = waits(
      fakeCluster().on('workload.remove', () => ({})),
      { status: 'removing' },
      { status: 'removing' },
      null,
    );
    expect(await trama('rm -f web', { api })).toMatchObject({ code: 0, out: 'web\n' });
    expect(api.methodsAsked()).toEqual(['workload.remove', 'workload.wait', 'workload.wait', 'workload.wait']);
    expect(api.asked[0]?.params).toEqual({ name: 'web', force: true });
  });

  test('rm waits for the workload that goes, not for what else has its name', async () => {
    const removing = { name: 'web', id: web.id };
    const api = fakeCluster()
      .on('workload.remove', () => ({ removing }))
      .on('workload.wait', ({ id, since }: { id?: string; since: number }) =>
        id === web.id
          ? { since, gone: true, container: null }
          : { since: since + 1, gone: false, container: { ...web, managed: false } },
      );
    expect(await trama('rm -f h1/web', { api })).toMatchObject({ code: 0, out: 'h1/web\n', err: '' });
  });

  test('rm on a node that is down says when it will be', async () => {
    const api = waits(
      fakeCluster().on('workload.remove', () => ({})),
      { status: 'unknown' },
    );
    expect(await trama('rm -f web', { api })).toMatchObject({
      code: 0,
      err: 'web will be gone when its node h1 is back\n',
    });
  });

  test('what somebody started with docker answers at once; its id means it with its node', async () => {
    const plain = { ...web, managed: false, name: 'twin', node: 'h2', containerId: 'e'.repeat(64), id: 'e'.repeat(12) };
    const api = fakeCluster([web, plain])
      .on('workload.stop', () => plain)
      .on('workload.start', () => plain);
    expect((await trama('stop eeeeeeeeeeee', { api })).out).toBe('h2/twin\n');
    expect((await trama('start h2/twin', { api })).out).toBe('h2/twin\n');
    expect(api.methodsAsked()).toEqual(['workload.list', 'workload.stop', 'workload.start']);
    expect(api.asked[1]?.params).toEqual({ name: 'h2/twin', graceSeconds: 10 });
  });

  test('stop -t and start', async () => {
    const api = waits(
      fakeCluster().on('workload.stop', () => web),
      { status: 'running' },
      { status: 'exited', exitCode: 0 },
    );
    expect((await trama('stop -t 3 web', { api })).out).toBe('web\n');
    expect(api.asked[0]?.params).toEqual({ name: 'web', graceSeconds: 3 });
    const again = waits(
      fakeCluster().on('workload.start', () => web),
      { status: 'failed', message: 'port 80 is taken' },
    );
    expect(await trama('start web', { api: again })).toMatchObject({
      code: 1,
      err: 'trama: web cannot be started: port 80 is taken\n',
    });
  });

  test('a server that is being restarted is waited for', async () => {
    const api = fakeCluster().on('workload.remove', () => ({}));
    let asked = 0;
    api.on('workload.wait', () => {
      asked += 1;
      if (asked < 4) throw new Failure('unavailable', 'no server answers');
      return { since: 1, gone: true, container: null };
    });
    expect((await trama('rm web', { api })).code).toBe(0);
    api.on('workload.wait', () => {
      throw new Failure('unavailable', 'no server answers');
    });
    expect(await trama('rm web', { api })).toMatchObject({ code: 1, err: 'trama: no server answers\n' });
  });
});
