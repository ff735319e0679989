/** What `run` and `network create` take for networks that are not the cluster's, and what they refuse. */
import { describe, expect, test } from 'vitest';
import { fakeCluster, web } from './testing/fake-cluster.ts';
import { type FakeIoOptions, trama } from './testing/fake-io.ts';

const running = { ...web, status: 'running' };
const started = (containers = [web]) =>
  fakeCluster(containers)
    .on('workload.run', () => running)
    .on('workload.wait', () => ({ since: 1, gone: false, container: running }));

async function asked(line: string, options: FakeIoOptions = {}, api = started()) {
  const { code, err } = await trama(line, { ...options, api });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return api.asked.find(({ method }) => method === 'workload.run')?.params as {
    node?: string;
    spec: Record<string, unknown>;
  };
}

describe('run', () => {
  test('joins what it is told to', async () => {
    expect((await asked('run -d --network host --pid host nginx')).spec).toMatchObject({
      networkMode: 'host',
      pid: 'host',
      networks: [],
    });
    expect((await asked('run -d --network none --network none nginx')).spec).toMatchObject({ networkMode: 'none' });
    expect((await asked('run -d --network container:web --pid container:web nginx')).spec).toMatchObject({
      networkMode: { container: 'web' },
      pid: { container: 'web' },
    });
  });

  test('a container that is joined may be named by its id', async () => {
    const { spec } = await asked(`run -d --network container:${web.id} nginx`);
    expect(spec).toMatchObject({ networkMode: { container: 'web' } });
  });

  test('a container that is joined may be named with its node, which is where the new one runs then', async () => {
    for (const flags of ['--network container:h2/web', '--pid container:h2/web', '--node h2 --pid container:h2/web']) {
      expect(await asked(`run -d ${flags} nginx`)).toMatchObject({ node: 'h2' });
    }
    const both = await asked('run -d --network container:h2/web --pid container:web nginx');
    expect(both.spec).toMatchObject({ networkMode: { container: 'web' }, pid: { container: 'web' } });
    const twin = { ...web, managed: false, name: 'twin', node: 'h2', containerId: 'e'.repeat(64), id: 'e'.repeat(12) };
    expect(await asked('run -d --network container:eeeeeeeeeeee nginx', {}, started([web, twin]))).toMatchObject({
      node: 'h2',
      spec: { networkMode: { container: 'twin' } },
    });
  });

  test("takes docker's long form of a network", async () => {
    const { spec } = await asked(
      'run -d --network name=app,ip=10.42.0.9,alias=www,alias=w --network bridge --alias all nginx',
    );
    expect(spec).toMatchObject({
      networks: [
        { network: 'app', address: '10.42.0.9', aliases: ['www', 'w', 'all'] },
        { network: 'bridge', aliases: ['all'] },
      ],
    });
    expect(spec).not.toHaveProperty('networkMode');
  });

  test("shows the registry this host's login, if it has one", async () => {
    const line = 'run -d --registry-auth r.example:5000/team/app:1';
    const logins = { 'r.example:5000': 'c2VjcmV0' };
    expect(await asked(line, { logins })).toMatchObject({ registryAuth: 'c2VjcmV0' });
    const { code, err } = await trama(line, { api: started() });
    expect({ code, err }).toEqual({
      code: 1,
      err: 'trama: docker has no login for r.example:5000 on this host: "docker login r.example:5000" first, or leave out --registry-auth\n',
    });
    expect(await asked('run -d r.example:5000/team/app:1', { logins })).not.toHaveProperty('registryAuth');
  });

  test.each([
    ['--network host -p 80:80', /ports are the host's own already.*leave out -p/],
    ['--network none -p 80:80', /can be reached at no port.*leave out -p/],
    ['--network container:web -p 80:80', /published by web/],
    ['--network host --network app', /with --network host is on no other network/],
    ['--network none --network app', /with --network none is on no other network/],
    ['--network container:web --network app', /with --network container:web is on no other network/],
    ['--network host --network none', /--network host and --network none contradict each other/],
    ['--network container:web --network container:db', /contradict each other/],
    ['--network host --ip 10.42.0.9', /--ip 10\.42\.0\.9 needs a network/],
    ['--network none --ip 10.42.0.9', /--ip 10\.42\.0\.9 needs a network/],
    ['--network container:web --ip 10.42.0.9', /--ip 10\.42\.0\.9 needs a network/],
    ['--network host --alias w', /--alias w needs a network/],
    ['--network container:web --hostname w', /host name of web too: leave out --hostname/],
    ['--network name=app,ip=10.42.0.9 --ip 10.42.0.8', /two addresses, 10\.42\.0\.9 and --ip 10\.42\.0\.8/],
    ['--network name=app,mac=1', /"mac=1" says nothing of a network/],
    ['--network ip=10.42.0.9', /names no network/],
    ['--network container:h1/web --node h2', /container h1\/web is not on node h2/],
    ['--network container:h1/web --pid container:h2/web', /container h2\/web is not on node h1/],
    ['--network container:', /cannot be a container's name/],
    ['--pid none', /write host or container:NAME/],
  ])('refuses %s in a sentence, before anything is asked', async (flags, sentence) => {
    const api = started();
    const { code, err } = await trama(`run -d ${flags} nginx`, { api });
    expect(code).toBe(2);
    expect(err).toMatch(sentence);
    expect(err.trimEnd().split('\n').length).toBe(1);
    expect(api.asked).toEqual([]);
  });
});

describe('network create', () => {
  test.each([
    ['local --driver bridge --discovery multicast', /stays on each host.*leave out --discovery/],
    ['local --driver bridge --vni 5', /has no VNI: leave out --vni/],
    ['bridge', /"bridge" is reserved for the built-in network/],
    ['host', /"host" cannot be a network's name/],
    ['none', /"none" cannot be a network's name/],
  ])('refuses %s', async (words, sentence) => {
    const api = fakeCluster();
    const { code, err } = await trama(`network create ${words}`, { api });
    expect(code).toBe(2);
    expect(err).toMatch(sentence);
    expect(api.asked).toEqual([]);
  });

  test('the built-in network can be looked at and removed', async () => {
    const api = fakeCluster().on('network.remove', () => ({}));
    expect((await trama('network rm bridge', { api })).code).toBe(0);
  });
});
