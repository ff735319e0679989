import { describe, expect, test } from 'vitest';
import type { ContainerView, NetworkView } from '../../protocol/views.ts';
import { runCli } from './cli.ts';
import { app, FakeCluster, web } from './testing/fake-cluster.ts';
import { FakeIo, type FakeIoOptions, trama } from './testing/fake-io.ts';

const shop = `name: shop
networks:
  app:
    subnet: 10.42.0.0/16
  db: {external: true}
services:
  web:
    image: nginx:1.28
    ports: ["8080:80"]
    networks: {app: {aliases: [www]}, db: }
    environment: {MODE: test, KEY: }
    depends_on: [store]
  store:
    image: postgres:16
    networks: [db]
    command: postgres -c fsync=off
    restart: always
    node: h2
`;

/** Keeps what it is told of networks and containers, as a server does. */
function cluster(networks: NetworkView[] = [{ ...app, name: 'db', subnet: '10.43.0.0/16' }]): FakeCluster {
  const containers = new Map<string, ContainerView>();
  const find = (name: string) => containers.get(name) as ContainerView;
  const nothing: ContainerView['spec'] = undefined;
  return new FakeCluster()
    .on('network.list', () => networks)
    .on('network.create', (asked: Pick<NetworkView, 'name' | 'subnet'>) => {
      networks.push({ ...app, ...asked, subnet: asked.subnet ?? '10.44.0.0/16' });
      return networks.at(-1);
    })
    .on('workload.list', () => [...containers.values()].map((each) => ({ ...each, spec: nothing })))
    .on('workload.inspect', ({ name }: { name: string }) => find(name))
    .on('workload.run', ({ name, node = 'h1', spec }: { name: string; node?: string; spec: ContainerView['spec'] }) => {
      const { image = '', labels = {}, restart = 'no' } = spec ?? {};
      // As the server keeps it.
      const known = { ...spec, networks: spec?.networks.length ? spec.networks : [{ network: 'bridge', aliases: [] }] };
      containers.set(name, {
        ...web,
        id: name.padEnd(12, '0'),
        name,
        node,
        image,
        labels,
        restart,
        spec: known as never,
      });
      return find(name);
    })
    .on('workload.remove', ({ name }: { name: string }) => {
      containers.delete(name);
      return {};
    })
    .on('workload.start', ({ name }: { name: string }) => {
      containers.set(name, { ...find(name), status: 'running' });
      return find(name);
    })
    .on('workload.wait', ({ name }: { name: string }) => ({
      since: 1,
      gone: !containers.has(name),
      container: containers.get(name) ?? null,
    }))
    .on('test.end', ({ name, exitCode }: { name: string; exitCode: number }) =>
      containers.set(name, { ...find(name), status: 'exited', exitCode }),
    );
}

const env = { KEY: 'of the shell' };
const run = (words: string, api: FakeCluster, text = shop, options: FakeIoOptions = {}) =>
  trama(words, { api, env, files: { 'shop.yaml': text }, ...options });

describe('apply', () => {
  test('shows what it will do, does it in order, and has nothing to do the second time', async () => {
    const api = cluster();
    const { code, out, err } = await run('apply -f shop.yaml --yes', api);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatchInlineSnapshot(`
      "+ create network app: overlay; 10.42.0.0/16
      = keep network db
      + create container web: nginx:1.28
      + create container store: postgres:16; on h2
      network app created
      container store created
      container web created
      "
    `);
    const asked = api.asked.filter(({ method }) => method === 'workload.run');
    expect(asked).toMatchObject([
      { params: { name: 'store', node: 'h2', spec: { command: ['postgres', '-c', 'fsync=off'], restart: 'always' } } },
      {
        params: {
          name: 'web',
          spec: {
            env: ['MODE=test', 'KEY=of the shell'],
            networks: [
              { network: 'app', aliases: ['www'] },
              { network: 'db', aliases: [] },
            ],
            labels: { 'trama.applied': 'shop' },
          },
        },
      },
    ]);
    const again = await run('apply -f shop.yaml --yes', api);
    expect(again).toMatchObject({ code: 0, err: '' });
    expect(again.out).toBe('= keep network app\n= keep network db\n= keep container web\n= keep container store\n');
    expect((await run('diff -f shop.yaml', api)).code).toBe(0);
  });

  test('what has changed is replaced and what has ended is started; of values that may be secret only names are told', async () => {
    const api = cluster();
    await run('apply -f shop.yaml --yes', api);
    api.answer('test.end')({ name: 'store', exitCode: 1 } as never);
    const changed = shop
      .replace('nginx:1.28', 'nginx:1.29')
      .replace('MODE: test', 'MODE: secret')
      .replace('8080', '8081');
    const { out, code } = await run('diff -f shop.yaml', api, changed);
    expect(code).toBe(1);
    expect(out).toMatchInlineSnapshot(`
      "= keep network app
      = keep network db
      ~ replace container web: image: nginx:1.28 → nginx:1.29; ports: 8080:80/tcp → 8081:80/tcp; environment: MODE changed
      > start container store: it has ended (1)
      "
    `);
    expect(out).not.toContain('secret');
    expect((await run('apply -f shop.yaml -y', api, changed)).code).toBe(0);
    expect((await run('diff -f shop.yaml', api, changed)).code).toBe(0);
  });

  test('a job that has done its work is left in peace', async () => {
    const api = cluster();
    const job = 'name: shop\nservices: {job: {image: app}}\n';
    await run('apply -f shop.yaml -y', api, job);
    api.answer('test.end')({ name: 'job', exitCode: 0 } as never);
    expect((await run('diff -f shop.yaml', api, job)).out).toBe('= keep container job\n');
  });

  test('what is not in the file any more stays, and goes with --prune; what others made is never touched', async () => {
    const api = cluster();
    await run('apply -f shop.yaml -y', api);
    await run('apply -f other.yaml -y', api, '', { files: { 'other.yaml': 'services: {mine: {image: app}}' } });
    const less = shop.slice(0, shop.indexOf('  store:')).replace('    depends_on: [store]\n', '');
    expect((await run('apply -f shop.yaml -y', api, less)).out).toContain(
      '? leave container store: it is not in the file any more; --prune removes it\n',
    );
    const pruned = await run('apply -f shop.yaml -y --prune', api, less);
    expect(pruned.out).toContain('- remove container store');
    expect(pruned.out).toContain('container store removed\n');
    const names = (await api.call('workload.list', {})) as ContainerView[];
    expect(names.map(({ name }) => name).sort()).toEqual(['mine', 'web']);
  });

  test('a part that cannot be done keeps all of it from being done', async () => {
    const api = cluster([]);
    await run(
      'apply -f shop.yaml -y',
      api,
      'name: other\nservices: {web: {image: app}}\nnetworks: {app: {subnet: 10.9.0.0/16}}',
    );
    const before = api.asked.length;
    const { code, out, err } = await run('apply -f shop.yaml -y', api);
    expect({ code, err }).toEqual({ code: 1, err: 'trama: nothing was changed, since a part of it cannot be done\n' });
    expect(out).toMatchInlineSnapshot(`
      "! refuse network app: subnet: 10.9.0.0/16 → 10.42.0.0/16; a network cannot be changed: trama network rm app first, or correct the file
      ! refuse network db: create it first: trama network create db
      ! refuse container web: it was not made from shop: trama rm web first, or rename yours
      + create container store: postgres:16; on h2
      "
    `);
    expect(api.asked.slice(before).every(({ method }) => /list|inspect/.test(method))).toBe(true);
  });

  test('the router of a LAN is left to the server, unless the file says which it is', async () => {
    const options = { parent: 'eth1', gateway: '192.168.1.1' };
    const api = cluster([{ ...app, name: 'office', driver: 'lan', subnet: '192.168.1.0/24', options }]);
    const file = (more: string) => `name: shop\nnetworks: {office: {driver: lan, options: {parent: eth1${more}}}}\n`;
    const diff = (more: string) => run('diff -f shop.yaml', api, file(more));
    expect(await diff('')).toMatchObject({ code: 0, out: '= keep network office\n' });
    expect((await diff(', gateway: 192.168.1.2')).out).toContain('! refuse network office: options: ');
    expect((await diff(', dhcp: true')).code).toBe(1);
  });

  test('a LAN whose every address could be assigned is warned of before it is made', async () => {
    const file = (more: string) => `name: shop\nnetworks: {office: {driver: lan, options: {parent: eth1${more}}}}\n`;
    const diff = async (more: string) => (await run('diff -f shop.yaml', cluster([]), file(more))).out;
    expect(await diff('')).toContain(
      '+ create network office: lan; a free subnet; any address of the LAN may be assigned',
    );
    expect(await diff(', range: 192.168.1.128/26')).toBe('+ create network office: lan; a free subnet\n');
  });

  test('a container waits for those that it depends on, and is not started without them', async () => {
    const api = cluster();
    const usual = api.answer('workload.run');
    api.on('workload.run', (asked: { name: string }) => {
      if (asked.name === 'store') throw new Error('there is no node h2');
      return usual(asked as never);
    });
    const { code, out, err } = await run('apply -f shop.yaml -y', api);
    expect(code).toBe(1);
    expect(err).toBe(
      'trama: there is no node h2\ntrama: container web was not started: what it depends on is not there\n',
    );
    expect(out).toContain('network app created\n');
    expect(out).not.toContain('container web created');
  });

  test('asks at a terminal, and takes nothing but yes for an answer', async () => {
    const answered = async (answer: string) => {
      const io = new FakeIo({ api: cluster(), env, files: { 'shop.yaml': shop }, tty: true });
      const code = runCli(['apply', '-f', 'shop.yaml'], io);
      io.keys.write(answer);
      return { code: await code, out: io.out };
    };
    expect(await answered('y\n')).toMatchObject({ code: 0, out: expect.stringContaining('container web created') });
    expect(await answered('\n')).toMatchObject({ code: 1, out: expect.not.stringContaining('container web created') });
    const { code, err } = await run('apply -f shop.yaml', cluster());
    expect({ code, err }).toEqual({ code: 2, err: 'trama: nobody can be asked here: add --yes to do it\n' });
  });

  test('reads from standard input, and only shows with --dry-run', async () => {
    const api = cluster();
    const io = new FakeIo({ api, env });
    io.keys.end(shop);
    expect(await runCli(['apply', '-f', '-', '--dry-run', '-o', 'json'], io)).toBe(0);
    expect(JSON.parse(io.out)[0]).toEqual({
      kind: 'network',
      name: 'app',
      act: 'create',
      why: ['overlay', '10.42.0.0/16'],
    });
    expect(io.err).toBe('dry run: nothing was changed\n');
    expect(api.methodsAsked()).toEqual(['network.list', 'workload.list']);
  });
});

describe('a file with mistakes is refused with their lines', () => {
  test.each([
    ['services: {web: {}}', 'shop.yaml:1: services.web.image: is missing: add it'],
    [
      'services:\n  web:\n    imagine: a',
      'shop.yaml:3: services.web.imagine: there is no such key: did you mean image?',
    ],
    ['services:\n  web: {image: a, ports: ["99999:1"]}', 'shop.yaml:2: services.web.ports[0]: '],
    [
      'services:\n  web: {image: a, networks: [app]}',
      'shop.yaml:2: services.web.networks.app: there is no network app in this file',
    ],
    ['services:\n  web: {image: a, network_mode: host, ports: ["80:80"]}', 'shop.yaml:2: services.web: '],
    [
      'services:\n  web: {image: a, depends_on: [db]}',
      'shop.yaml:2: services.web.depends_on: there is no service db in this file',
    ],
    [
      'services:\n  a1: {image: a, depends_on: [b1]}\n  b1: {image: a, depends_on: [a1]}',
      'shop.yaml:2: services.a1: a1, b1 wait for one another',
    ],
    [
      'services:\n  web: {image: a, command: "sh -c \'x\'"}',
      'shop.yaml:2: services.web.command: this has quotes or signs of a shell',
    ],
    ['networks:\n  app: {external: true, subnet: 10.1.0.0/16}', 'shop.yaml:2: networks.app: it is external'],
    ['networks:\n  app: {driver: bridge, discovery: multicast}', 'shop.yaml:2: networks.app: '],
    ['networks:\n  app: {subnet: 10.1.0.0/31}', 'shop.yaml:2: networks.app.subnet: '],
    ['services: [', 'shop.yaml:1: this is not YAML: '],
    ['name: -x', 'shop.yaml:1: name: '],
  ])('%s', async (text, says) => {
    const { code, err, out } = await run('diff -f shop.yaml', cluster(), text);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err).not.toMatch(/undefined|\[object/);
  });

  test('of several all are told', async () => {
    const { err } = await run('diff -f shop.yaml', cluster(), 'services:\n  a1: {}\n  b1: {imag: a}\n');
    expect(err.trimEnd().split('\n')).toHaveLength(3);
  });

  test('there is no such file; one without a name has to say it', async () => {
    expect(await run('apply -f none.yaml', cluster())).toMatchObject({
      code: 2,
      err: 'trama: there is no file none.yaml\n',
    });
    expect((await run('apply', cluster())).code).toBe(2);
  });
});
