import { describe, expect, test } from 'vitest';
import type { ContainerView, NodeView } from '../../protocol/views.ts';
import { app, FakeCluster, fakeCluster, web } from './testing/fake-cluster.ts';
import { trama } from './testing/fake-io.ts';

const containers: ContainerView[] = [
  { ...web, labels: { tier: 'front' } },
  { ...web, name: 'db', id: 'aaaaaaaaaaaa', node: 'h2', status: 'exited', exitCode: 3, networks: [] },
  {
    ...web,
    name: 'job',
    id: 'bbbbbbbbbbbb',
    status: 'failed',
    message: 'h1 has no image app:9, and it cannot be pulled',
  },
  { ...web, name: 'new', id: 'cccccccccccc', status: 'pulling', message: 'pulling nginx' },
];

describe('tables', () => {
  test('node ls', async () => {
    const { code, out, err } = await trama('node ls');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatchInlineSnapshot(`
      "NAME  ADDRESS   STATUS  CPU  MEMORY             CONTAINERS  ENGINE           VERSION  SEEN
      h1    10.0.0.1  ready   12%  512 MiB / 8.0 GiB  2           docker 20.10.24  0.1.0    2s ago
      h2    10.0.0.2  down    -    -                  -           docker 20.10.24  0.1.0    -
      "
    `);
  });

  test('a node of a Trama that is too far from the server’s is seen, and inspect says what to do', async () => {
    const skew = "more than a release older than the server's 0.3.0: upgrade Trama on this host";
    const usual = fakeCluster();
    const [h1] = usual.answer('node.list')({} as never) as NodeView[];
    const api = usual.on('node.list', () => [{ ...h1, skew }]).on('node.inspect', () => ({ ...h1, skew }));
    expect((await trama('node ls', { api })).out).toMatch(/0\.1\.0 \(skew\) {2}2s ago/);
    expect((await trama('node inspect h1', { api })).out).toContain(`0.1.0: ${skew}`);
  });

  test('what an older server does not tell is not made up', async () => {
    const usual = fakeCluster();
    const [h1] = usual.answer('node.list')({} as never) as NodeView[];
    const { skew: _, reason: __, ...older } = h1 as NodeView;
    const { out } = await trama('node inspect h1', { api: { ...usual, call: async () => older } as never });
    expect(out).toContain('ready');
    expect(out).not.toContain('undefined');
  });

  test('network ls', async () => {
    expect((await trama('network ls')).out).toMatchInlineSnapshot(`
      "NAME  DRIVER   SUBNET        VNI    MTU   DISCOVERY  NODES  CONTAINERS
      app   overlay  10.42.0.0/16  10001  1450  registry   1      1
      "
    `);
  });

  test('ps shows what runs, and what should run and does not', async () => {
    expect((await trama('ps', { api: fakeCluster(containers) })).out).toMatchInlineSnapshot(`
      "NAME  NODE  IMAGE       NETWORKS       PORTS        STATUS
      web   h1    nginx:1.27  app:10.42.0.3  8080:80/tcp  running 5m
      job   h1    nginx:1.27  app:10.42.0.3  8080:80/tcp  failed: h1 has no image app:9, and it cannot be pulled
      new   h1    nginx:1.27  app:10.42.0.3  8080:80/tcp  pulling: pulling nginx
      "
    `);
  });

  test('ps -a shows what has ended, too', async () => {
    expect((await trama('ps -a --node h2', { api: fakeCluster(containers) })).out).toMatchInlineSnapshot(`
      "NAME  NODE  IMAGE       NETWORKS  PORTS        STATUS
      db    h2    nginx:1.27  -         8080:80/tcp  exited (3)
      "
    `);
  });

  test('one that has ended has no addresses, and an engine that is not there takes no more room than one that is', async () => {
    const networks = [{ network: 'app', address: '', mac: '' }];
    const ended = fakeCluster([{ ...web, status: 'exited', exitCode: 0, networks }]);
    expect((await trama('ps -a', { api: ended })).out).toMatch(/ {2}app {6,}8080/);
    expect((await trama('inspect web', { api: ended })).out).toMatch(/^Networks: +app$/m);
    const engine = 'Docker is not running on this host: nobody answers at /var/run/docker.sock; start it';
    const [node] = JSON.parse((await trama('node ls -o json')).out);
    const api = fakeCluster().on('node.list', () => [{ ...node, engine }]);
    expect((await trama('node ls', { api })).out).toMatch(/Docker is not running on this host {2}0\.1\.0/);
    expect((await trama('node ls -o json', { api })).out).toContain(engine);
  });

  test('-o wide shows more, --no-trunc and no terminal all of each line', async () => {
    const wide = (await trama('ps -o wide', { api: fakeCluster(containers) })).out;
    expect(wide).toMatch(/^NAME +NODE +IMAGE +NETWORKS +PORTS +ID +CREATED +RESTART +COMMAND +STATUS$/m);
    expect(wide).toContain('0123456789ab');
    expect((await trama('node ls -o wide')).out).toMatch(/SEEN +INTERFACE +MTU +JOINED +REASON/);
    expect((await trama('network ls -o wide')).out).toMatch(/CONTAINERS +ID +INTERNAL +OPTIONS/);
    const columns = 30;
    const lines = (text: string) => text.split('\n').map(({ length }) => length);
    expect(Math.max(...lines((await trama('node ls', { columns, tty: true })).out))).toBeLessThanOrEqual(columns);
    expect(Math.max(...lines((await trama('node ls --no-trunc', { columns, tty: true })).out))).toBeGreaterThan(
      columns,
    );
  });

  test('-o yaml, and a template for each', async () => {
    const { out } = await trama('ps -o yaml', { api: fakeCluster(containers) });
    expect(out).toMatch(/^- name: web\n {2}id: /);
    expect((await trama('inspect web -o yaml')).out).toMatch(/^name: web\n/);
    const names = ['node', 'ls', '-o', '{{.Name}} {{.status}}'];
    expect((await trama(names)).out).toBe('h1 ready\nh2 down\n');
    expect((await trama(['inspect', 'web', '-o', 'go-template={{range .networks}}{{.address}}{{end}}'])).out).toBe(
      '10.42.0.3\n',
    );
    expect(await trama(['ps', '-o', '{{.nme}}'])).toMatchObject({ code: 1, err: expect.stringContaining('.name') });
    expect(await trama(['ps', '-o', '{{.name'])).toMatchObject({ code: 2, err: expect.stringContaining('}}') });
    expect(await trama('ps -o xml')).toMatchObject({
      code: 2,
      err: expect.stringContaining('json, yaml, table or wide'),
    });
  });

  test('--filter: one of the values of each key; != for the others', async () => {
    const ps = async (words: string) => (await trama(`ps -q ${words}`, { api: fakeCluster(containers) })).out;
    expect(await ps('--filter status=exited')).toBe('aaaaaaaaaaaa\n');
    expect(await ps('--filter status=failed --filter status=pulling')).toBe('bbbbbbbbbbbb\ncccccccccccc\n');
    expect(await ps('--filter status=failed --filter name=w')).toBe('');
    expect(await ps('--filter label=tier --filter label=none')).toBe('0123456789ab\n');
    expect(await ps('--filter label=tier=back')).toBe('');
    expect(await ps('--filter name!=w --filter node=h1')).toBe('bbbbbbbbbbbb\n');
    expect((await trama('node ls -q --filter status!=ready')).out).toBe('h2\n');
    expect((await trama('network ls -q --filter driver=overlay')).out).toBe('app\n');
    const wrong = await trama('ps --filter colour=red');
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('there are name, id, node, network') });
    expect(await trama('ps --filter name')).toMatchObject({ code: 2 });
  });

  test('ps --network', async () => {
    const { out } = await trama('ps -a -q --network app', { api: fakeCluster(containers) });
    expect(out).toBe('0123456789ab\nbbbbbbbbbbbb\ncccccccccccc\n');
  });

  test('ps shows what somebody started with docker, and says so', async () => {
    const plain = {
      ...web,
      ...{ name: 'proj_web_1', node: 'h2', managed: false, createdAt: null, restart: null, startedAt: null },
    };
    const api = fakeCluster([web, plain]);
    expect((await trama('ps', { api })).out).toMatch(
      /^proj_web_1 +h2 +nginx:1\.27 +app:10\.42\.0\.3 .* running \(docker\)$/m,
    );
    expect((await trama('inspect proj_web_1', { api })).out).toMatch(/^Created: +-\nRestart: +-$/m);
    expect(JSON.parse((await trama('ps -o json', { api })).out)[1]).toMatchObject({ managed: false, createdAt: null });
  });

  test('ps of a node or network that there is not is no empty list', async () => {
    const err = (what: string) => `trama: there is no ${what}: see \`trama ps -a\`\n`;
    expect(await trama('ps --node h9')).toMatchObject({ code: 1, out: '', err: err('node h9') });
    expect(await trama('ps --network nope -q')).toMatchObject({ code: 1, out: '', err: err('network nope') });
    expect(await trama('ps --node h2')).toMatchObject({ code: 0, err: '' });
  });

  test('an empty list is a header', async () => {
    expect((await trama('ps', { api: fakeCluster([]) })).out).toBe('NAME  NODE  IMAGE  NETWORKS  PORTS  STATUS\n');
    expect((await trama('ps -o json', { api: fakeCluster([]) })).out).toBe('[]\n');
  });

  test('on a terminal nothing wraps; elsewhere nothing is cut; nothing moves the terminal', async () => {
    const evil = { ...web, message: `\u001b[2J${'long '.repeat(30)}end`, status: 'failed' };
    const api = fakeCluster([evil]);
    const onTerminal = await trama('ps', { api, tty: true, columns: 60 });
    for (const line of onTerminal.out.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    expect((await trama('ps', { api })).out).toContain('end\n');
    expect((await trama('ps', { api })).out).not.toContain('\u001b');
  });
});

describe('sheets', () => {
  test('inspect', async () => {
    expect((await trama('inspect web')).out).toMatchInlineSnapshot(`
      "Name:      web
      Id:        0123456789ab
      Node:      h1
      Image:     nginx:1.27
      Command:   -
      Status:    running 5m
      Message:   -
      Docker id: ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
      Created:   6m ago
      Restart:   no
      Ports:     8080:80/tcp
      Networks:  app: 10.42.0.3, 02:42:0a:2a:00:03
      "
    `);
  });

  test('node inspect', async () => {
    expect((await trama('node inspect h1')).out).toMatchInlineSnapshot(`
      "Name:       h1
      Address:    10.0.0.1 on eth0, MTU 1500
      Status:     ready
      CPU:        12%
      Memory:     512 MiB / 8.0 GiB
      Containers: 2
      Engine:     docker 20.10.24
      Version:    0.1.0
      Key:        kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
      Joined:     3d ago
      Seen:       2s ago
      Events:     2023-11-14T22:12:20.000Z repair put back a forwarding entry of app
      "
    `);
  });

  test('network inspect', async () => {
    expect((await trama('network inspect app')).out).toMatchInlineSnapshot(`
      "Name:       app
      Id:         a1b2c3d4e5f6
      Driver:     overlay
      Subnet:     10.42.0.0/16
      VNI:        10001, UDP port 4789
      MTU:        1450
      Discovery:  registry
      Internal:   no
      Options:    none
      Nodes:      h1: gateway 10.42.0.2, blocks 10.42.0.0/24
      Containers: web on h1: 10.42.0.3, 02:42:0a:2a:00:03
      "
    `);
  });
});

test('of a network without VXLAN no VNI is told, nor how hosts find one another', async () => {
  const api = fakeCluster();
  const office = { ...app, name: 'office', driver: 'lan', options: { parent: 'eth1' } };
  api.on('network.list', () => [office]).on('network.inspect', () => office);
  expect((await trama('network ls', { api })).out).toMatch(/office +lan +10\.42\.0\.0\/16 +- +1450 +- +1 +1\n/);
  const { out } = await trama('network inspect office', { api });
  expect(out).not.toMatch(/VNI|Discovery|gateway/);
  expect(out).toContain('h1: its own address 10.42.0.2, blocks');
});

describe('JSON', () => {
  test.each([
    ['node ls', ['name', 'address', 'status', 'cpu', 'memory']],
    ['network ls', ['name', 'driver', 'subnet', 'vni', 'mtu']],
    ['ps', ['name', 'node', 'image', 'status', 'networks']],
  ])('%s is an array whose items hold what scripts rely on', async (command, keys) => {
    const { code, out } = await trama(`${command} -o json`);
    expect(code).toBe(0);
    const [first] = JSON.parse(out);
    for (const key of keys) expect(first).toHaveProperty(key);
  });

  test("a container's networks are network, address and mac, without prefix", async () => {
    const [first] = JSON.parse((await trama('ps -o json')).out);
    expect(first.networks).toEqual([{ network: 'app', address: '10.42.0.3', mac: '02:42:0a:2a:00:03' }]);
  });

  test('inspect of one thing is an object, of several an array', async () => {
    expect(JSON.parse((await trama('inspect web -o json')).out).name).toBe('web');
    const several = await trama('inspect web nobody -o json');
    expect(JSON.parse(several.out).map((one: ContainerView) => one.name)).toEqual(['web']);
    expect(several.code).toBe(1);
    expect(several.err).toBe('trama: there is no container nobody: see `trama ps -a`\n');
  });
});

test('ids that ps and run print name containers', async () => {
  expect(JSON.parse((await trama('inspect 0123456789ab -o json')).out).name).toBe('web');
  expect(JSON.parse((await trama('inspect ffffffffffff -o json')).out).name).toBe('web');
  expect(JSON.parse((await trama(`inspect ${'f'.repeat(64)} -o json`)).out).name).toBe('web');
  expect((await trama('inspect 999999999999')).code).toBe(1);
});

test('a reader that has seen enough is no failure', async () => {
  expect(await trama('ps -q', { closesAfter: 0 })).toMatchObject({ code: 0, err: '' });
});

test('a failure is one sentence and 1; only TRAMA_DEBUG shows where it came from', async () => {
  const api = new FakeCluster().on('node.list', () => {
    throw new Error('the\nstore is\tgone');
  });
  expect(await trama('node ls', { api })).toMatchObject({ code: 1, out: '', err: 'trama: the store is gone\n' });
  expect((await trama('node ls', { api, env: { TRAMA_DEBUG: '1' } })).err).toContain('at ');
});
