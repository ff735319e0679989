/** The Debian package: built, looked into, installed, used, upgraded, removed and purged on a machine that is thrown away. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ThrowawayMachine, throwawayMachine } from '../package/throwaway-machine.ts';
import { until } from '../server/cluster.ts';

let machine: ThrowawayMachine;
let file: string;

/** There and not here, so that nothing is left when we are killed. */
const build = async (directory: string) => {
  const argv = ['sh', '/checkout/scripts/package.sh', directory] as const;
  const said = await machine.output(argv, { env: { TRAMA_PACKAGE_PACKED: 'none' } });
  return said.trim().split('\n').at(-1) ?? '';
};
const deb = (...words: string[]) => machine.output(['dpkg-deb', ...words]);

beforeAll(async () => {
  machine = await throwawayMachine();
  file = await build('/tmp/package');
});

afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
});

describe('what is in it', () => {
  test('its name, and what dpkg is told', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(file).toBe(`/tmp/package/trama_${version}_amd64.deb`);
    const field = async (name: string) => (await deb('-f', file, name)).trim();
    expect(await field('Package')).toBe('trama');
    expect(await field('Version')).toBe(version);
    expect(await field('Recommends')).toBe('docker.io | docker-ce');
    for (const one of ['iproute2', 'nftables', 'iptables', 'conntrack', 'procps', 'libc6']) {
      expect(await field('Depends')).toContain(one);
    }
    expect(await deb('-I', file, 'conffiles')).toBe('/etc/trama/config.yaml\n');
  });

  test('files of root, in their places, and no more than what runs', async () => {
    const lines = (await deb('-c', file)).trim().split('\n');
    for (const line of lines) expect(line).toMatch(/^[dl-][rwx-]{9} root\/root /);
    const files = new Map(lines.map((line) => [line.replace(/^.*? \.\//, '').replace(/ -> .*/, ''), line] as const));
    for (const path of [
      'usr/bin/trama',
      'lib/systemd/system/trama-server.service',
      'lib/systemd/system/trama-agent.service',
      'usr/share/man/man1/trama.1.gz',
      'usr/share/doc/trama/copyright',
      'usr/share/doc/trama/changelog.gz',
      'usr/share/doc/trama/install.md',
      'usr/share/doc/trama/examples/etcd/members.sh',
      'usr/share/bash-completion/completions/trama',
      'usr/share/zsh/vendor-completions/_trama',
      'usr/share/fish/vendor_completions.d/trama.fish',
    ]) {
      expect([...files.keys()]).toContain(path);
    }
    expect(files.get('etc/trama/config.yaml')).toMatch(/^-rw-------/);
    const superfluous = /\.test\.ts$|\/testing\/|\.d\.ts$|\.map$|vitest|typescript|biome|musl|win32|darwin|arm64/;
    expect([...files.keys()].filter((path) => superfluous.test(path))).toEqual([]);
    expect([...files.keys()].filter((path) => path.endsWith('addon.node'))).toHaveLength(1);
  });

  test('every module that its modules name', async () => {
    await deb('-R', file, '/tmp/unpacked');
    const src = machine.path('/tmp/unpacked/usr/lib/trama/src');
    const all = (await readdir(src, { recursive: true })).filter((path) => path.endsWith('.ts'));
    expect(all.length).toBeGreaterThan(200);
    const missing = [];
    for (const path of all) {
      const text = await readFile(join(src, path), 'utf8');
      for (const [, module = ''] of text.matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g)) {
        if (!all.includes(join(dirname(path), module))) missing.push(`${path}: ${module}`);
      }
    }
    expect(missing).toEqual([]);
    await machine.output([
      'sh',
      '-c',
      'cd /tmp/unpacked && md5sum --check --quiet DEBIAN/md5sums && rm -r /tmp/unpacked',
    ]);
  });

  test('the same bytes when it is built again', async () => {
    const again = await build('/tmp/again');
    await machine.output(['cmp', file, again]);
  });
});

describe('on a host', () => {
  // Nothing of what the checkout has in its environment.
  const clean = [
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'LC_ALL=C.UTF-8',
  ] as const;
  const run = (...argv: string[]) => machine.run([...clean, ...argv]);
  const said = (...argv: string[]) => machine.output([...clean, ...argv]);
  const dpkg = (...words: string[]) => said('dpkg', ...words);
  const install = () => dpkg('-i', file);
  const pid = (unit: string) => said('cat', `/tmp/${unit}.pid`);
  const ready = async () => {
    const nodes = await run('trama', 'node', 'ls', '-o', 'json');
    return nodes.code === 0 && (JSON.parse(nodes.stdout) as { status: string }[]).some((one) => one.status === 'ready');
  };
  /** Whatever has its name in it, and dpkg's own notes have not. */
  const traces = async () =>
    (await said('find', '/mnt/upper', '-iname', '*trama*', '-not', '-path', '*/dpkg/*', '-not', '-type', 'c'))
      .split('\n')
      .filter(Boolean);

  test('it is installed, and starts nothing by itself', async () => {
    await said(
      'sh',
      '-ec',
      `mkdir -p /run/systemd/system && rm -f /usr/sbin/policy-rc.d
      install -m 755 /checkout/test/package/systemctl /usr/bin/systemctl
      ip link add und type bridge && ip addr add 192.0.2.1/24 dev und && ip link set und up && ip route add default dev und`,
    );
    await install();
    expect(await said('cat', '/tmp/systemctl.log')).toBe('daemon-reload\n');
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(await said('trama', '--version')).toBe(`trama ${version}\n`);
    expect(await said('trama', '--help')).toContain('Usage: trama [options] [command]');
    expect(await said('readlink', '-f', '/usr/bin/trama')).toBe('/usr/lib/trama/bin/trama\n');
    expect(await said('man', '--warnings', '-l', '/usr/share/man/man1/trama.1.gz')).toContain('trama network create');
    expect(
      await run(
        'systemd-analyze',
        'verify',
        // Who asks man(1) leaves a page in its cache.
        '--man=no',
        '/lib/systemd/system/trama-server.service',
        '/lib/systemd/system/trama-agent.service',
      ),
    ).toMatchObject({ code: 0, stderr: '' });
  });

  test('a server, and an agent that joins it by the file of settings', async () => {
    await said('systemctl', 'enable', '--now', 'trama-server');
    await until('the server answers', async () => (await run('trama', 'token', 'create')).code === 0, 20_000);
    await said('sh', '-ec', 'echo "join: $(trama token create)@127.0.0.1" >>/etc/trama/config.yaml');
    await said('systemctl', 'enable', '--now', 'trama-agent');
    await until('its node is ready', ready, 20_000);
  });

  test('an upgrade restarts both, and keeps settings and state', async () => {
    const before = [await pid('trama-server'), await pid('trama-agent')];
    const settings = await said('cat', '/etc/trama/config.yaml');
    await install();
    expect((await said('cat', '/tmp/systemctl.log')).split('\n').filter((line) => line.startsWith('restart'))).toEqual([
      'restart trama-server',
      'restart trama-agent',
    ]);
    await until('its node is ready again', ready, 20_000);
    const after = [await pid('trama-server'), await pid('trama-agent')];
    expect(after.filter((one) => before.includes(one))).toEqual([]);
    expect(await said('cat', '/etc/trama/config.yaml')).toBe(settings);
    expect(await said('cat', '/tmp/trama-agent.log')).toContain('this host has joined before');
  });

  test('removed, it runs no more, and says what is left', async () => {
    const { code, stderr } = await run('dpkg', '--remove', 'trama');
    expect(code).toBe(0);
    expect(stderr).toContain('run "trama node leave" first');
    expect((await run('pgrep', '-f', '/usr/lib/trama')).stdout).toBe('');
    expect(await said('ls', '/var/lib/trama')).toBe('agent\nserver\n');
    expect((await traces()).filter((path) => /usr|cache|systemd\/system\/trama/.test(path))).toEqual([]);
    await said('test', '-e', '/etc/trama/config.yaml');
  });

  test('purged, nothing of it is left', async () => {
    await dpkg('--purge', 'trama');
    expect(await traces()).toEqual([]);
    expect((await run('dpkg', '-s', 'trama')).code).not.toBe(0);
  });
});
