import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Finished, spawn } from '../../src/platform/platform.ts';

const tools = 'sh id dirname mktemp rm cmp ls tail head sed mkdir grep chmod test cat printf touch'.split(' ');
const wanted = 'ip nft iptables ping conntrack sysctl nsenter fping dockerd docker'.split(' ');

/**
 * A checkout whose modules are in place, and a machine on which only `tools` are installed: /usr/sbin is empty in a mount
 * namespace of its own, apt-get and dpkg-query are stand-ins. `apt-get` notes its arguments and whether services may start.
 */
let directory: string;
const bin = () => `${directory}/bin`;

beforeEach(async () => {
  directory = await mkdtemp(`${tmpdir()}/setup-`);
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(`${directory}/node_modules`);
  await mkdir(bin());
  await cp('scripts', `${directory}/scripts`, { recursive: true });
  await writeFile(`${directory}/package-lock.json`, '{}');
  await writeFile(`${directory}/node_modules/.trama-lock`, '{}');
  for (const tool of tools) await symlink(`/usr/bin/${tool}`, `${bin()}/${tool}`);
  await program('dpkg-query', '[ -e "$0.$4" ] && printf installed');
});

async function program(name: string, body: string): Promise<void> {
  await writeFile(`${bin()}/${name}`, `#!/bin/sh\n${body}\n`);
  await chmod(`${bin()}/${name}`, 0o755);
}

async function engineThere(): Promise<void> {
  const where = `${directory}/.cache/docker-trixie`;
  await mkdir(where, { recursive: true });
  await writeFile(`${where}/dockerd`, '', { mode: 0o755 });
}

function setup(profile: string, ...before: string[]): Promise<Finished> {
  const script = `mount -t tmpfs tmpfs /usr/sbin; export PATH="$1"; ${before.join('; ')}
    sh "$2" "$3"; code=$?; ls /usr/sbin; exit $code`;
  const argv = ['sh', '-c', script, 'sh', bin(), `${directory}/scripts/setup.sh`, profile] as const;
  return spawn({ argv: ['unshare', '--mount', ...argv], timeoutMs: 20_000 });
}

const aptLog = async () => (await readFile(`${directory}/apt.log`, 'utf8')).trim().split('\n');
/** Notes the words after the options, and the answer of policy-rc.d at that time. */
const noteArguments = () => `
  words=; for word in "$@"; do case $word in -o|-y|-q|*::*) ;; *) words="$words $word" ;; esac; done
  policy=none; [ ! -e /usr/sbin/policy-rc.d ] || { sh /usr/sbin/policy-rc.d; policy=$?; }
  echo "$policy$words" >>${directory}/apt.log`;

describe('set-up', () => {
  test('installs what is missing, a line for each, while services may not start', async () => {
    await program('ping', 'exit 0');
    await program(
      'apt-get',
      `${noteArguments()}\n[ "$words" != ' update' ] || exit 0\ntouch ${bin()}/docker; chmod 755 ${bin()}/docker`,
    );
    const { code, stdout, stderr } = await setup('demo');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const packages = [
      'iproute2',
      'nftables',
      'iptables',
      'conntrack',
      'procps',
      'util-linux',
      'busybox-static',
      'fping',
      'docker.io',
    ];
    const named = [...stdout.matchAll(/^setup: installing ([a-z0-9.-]+)/gm)].map(([, name]) => name);
    expect(named).toEqual(packages);
    expect(stdout).not.toContain('policy-rc.d');
    const installs = (await aptLog()).filter((line) => !line.endsWith('update'));
    expect(installs).toEqual(['101 install busybox-static', `101 install --no-remove ${packages.join(' ')}`]);
  });

  test('is silent when everything is there', async () => {
    for (const name of wanted) await program(name, 'exit 0');
    await writeFile(`${bin()}/dpkg-query.busybox-static`, '');
    expect(await setup('demo')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('tests need more than the demo; an engine that is there stays', async () => {
    for (const name of wanted) await program(name, 'exit 0');
    await writeFile(`${bin()}/dpkg-query.busybox-static`, '');
    await program('apt-get', noteArguments());
    await engineThere();
    expect((await setup('test')).code).toBe(0);
    expect((await aptLog()).at(-1)).toBe(
      '101 install --no-remove ethtool iperf3 tcpdump arping bind9-dnsutils python3-scapy docker-registry docker-compose etcd-server etcd-client zsh fish openssl curl man-db systemd tmux',
    );
  });

  test('an engine of the next Debian is fetched for tests, and what keeps it away is told', async () => {
    for (const name of wanted) await program(name, 'exit 0');
    for (const name of [
      'ethtool',
      'iperf3',
      'tcpdump',
      'arping',
      'dig',
      'docker-registry',
      'docker-compose',
      'etcd',
      'etcdctl',
      'zsh',
      'fish',
      'openssl',
      'curl',
      'man',
      'systemd-analyze',
      'tmux',
    ])
      await program(name, 'exit 0');
    for (const name of ['busybox-static', 'python3-scapy']) await writeFile(`${bin()}/dpkg-query.${name}`, '');
    await program(
      'apt-get',
      'case $1 in indextargets) echo Debian Debian http://deb.example/ ;; *) echo "no route"; exit 100 ;; esac',
    );
    const { code, stderr } = await setup('test');
    expect(code).toBe(1);
    expect(stderr).toMatch(/no route\nsetup: the Docker Engine of Debian trixie could not be fetched\..*put dockerd/);
    await engineThere();
    expect(await setup('test')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('a policy of services that somebody made is used and left', async () => {
    await program('apt-get', `${noteArguments()}\ntouch ${bin()}/docker; chmod 755 ${bin()}/docker`);
    const { stdout } = await setup('demo', 'echo exit 77 >/usr/sbin/policy-rc.d');
    expect((await aptLog()).at(-1)).toMatch(/^77 install/);
    expect(stdout).toMatch(/policy-rc.d\n$/);
  });

  test('when apt-get fails, its last lines and the packages are told, and services may start again', async () => {
    await program('apt-get', 'echo "Could not resolve deb.example"; exit 100');
    const { code, stdout, stderr } = await setup('demo');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Could not resolve deb.example\nsetup: apt-get could not install: iproute2 .*Is there a network\?/,
    );
    expect(stdout).not.toContain('policy-rc.d');
  });

  test('elsewhere than on Debian, and without root, it says what to do and does nothing', async () => {
    const foreign = await setup('demo');
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toMatch(
      /^setup: this is not Debian, so nothing was installed\. Missing, .*: iproute2 .*docker\.io\./,
    );
    await chmod(directory, 0o755);
    const plain = [
      'setpriv',
      '--reuid',
      '65534',
      '--clear-groups',
      'sh',
      `${directory}/scripts/setup.sh`,
      'test',
    ] as const;
    expect(await spawn({ argv: plain })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("run it with sudo, for example 'sudo npm run test'"),
    });
    expect((await spawn({ argv: ['sh', `${directory}/scripts/setup.sh`, 'x'] })).code).toBe(2);
  });
});
