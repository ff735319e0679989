/** Docker's network modes through Trama, and tools in the namespaces of containers, on two hosts with real engines. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';
import { type Container, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

interface Network {
  readonly name: string;
  readonly driver: string;
  readonly subnet: string;
  readonly mtu: number;
}

const program = new URL('../../bin/trama', import.meta.url).pathname;

/** One program, and not even a shell. */
const bareImage = 'trama/bare:1';

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  const pack = `tar -C /bin -h --transform 's/busybox/sleep/' -c busybox | docker import -c 'CMD ["/sleep", "100000"]' - ${bareImage}`;
  await cluster.host('h2').output(['sh', '-c', pack], { timeoutMs: 60_000 });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const stays = ['sleep', '100000'];
const inspect = (name: string) => cluster.json<Container>('inspect', name);
const networks = () => cluster.json<Network[]>('network', 'ls');
const addressOf = async (name: string) => (await inspect(name)).networks[0]?.address ?? '';
/** Runs the command line where the container is not. */
const trama = (...args: string[]) => cluster.host('h1').trama(...args);

async function refused(sentence: RegExp, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await trama(...args);
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: expect.stringMatching(sentence) });
  expect(stderr.trimEnd().split('\n').length).toBe(1);
  expect([1, 2]).toContain(code);
}

async function pings(from: string, to: string): Promise<boolean> {
  return (await trama('exec', from, 'ping', '-c1', '-W1', to)).code === 0;
}

/** A container on h2 without a shell, and its network. */
async function bareRuns(): Promise<void> {
  if ((await networks()).some(({ name }) => name === 'app')) return;
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await cluster.trama('run', '-d', '--name', 'bare', '--node', 'h2', '--network', 'app', bareImage);
}

/** Under load an answer may take longer than one ping waits. */
const reaches = (from: string, to: string) => eventually(`${from} reaches ${to}`, () => pings(from, to), 10_000);

describe('bridge', () => {
  test('is the network of containers that name none, and there without being made', async () => {
    expect((await networks()).map(({ name }) => name)).toEqual([]);
    await cluster.trama('run', '-d', '--name', 'b1', '--node', 'h1', labImage, ...stays);
    await cluster.trama('run', '-d', '--name', 'b2', '--node', 'h1', '--network', 'bridge', labImage, ...stays);
    await cluster.trama('run', '-d', '--name', 'b3', '--node', 'h2', labImage, ...stays);
    expect(await networks()).toMatchObject([{ name: 'bridge', driver: 'bridge', mtu: 1500 }]);
    const listed = await cluster.json<Container[]>('ps');
    expect(listed.map((each) => each.networks.map(({ network }) => network))).toEqual([
      ['bridge'],
      ['bridge'],
      ['bridge'],
    ]);
    expect(new Set(listed.map((each) => each.networks[0]?.address)).size).toBe(3);
    expect(await cluster.host('h1').docker('network', 'ls', '--format', '{{.Name}} {{.Driver}}')).toMatch(
      /^trama-bridge trama$/m,
    );
  });

  test('containers of one host reach one another, also by name, and the outside by the address of their host', async () => {
    await reaches('b1', await addressOf('b2'));
    await reaches('b1', 'b2');
    await reaches('b1', lab.outside.address);
    const capture = lab.outside.run(['timeout', '5', 'tcpdump', '-nlc1', '-i', 'any', 'icmp'], { timeoutMs: 20_000 });
    const [{ stdout }] = await Promise.all([capture, trama('exec', 'b1', 'ping', '-c3', lab.outside.address)]);
    expect(stdout).toContain(`IP ${cluster.host('h1').address} > ${lab.outside.address}`);
    expect(await cluster.trama('exec', 'b1', 'ip', 'link', 'show', 'eth0')).toContain('mtu 1500');
  });

  test('containers of different hosts do not reach one another, neither by address nor by name', async () => {
    expect(await pings('b1', await addressOf('b3'))).toBe(false);
    expect(await pings('b1', 'b3')).toBe(false);
    expect((await cluster.host('h1').run(['ping', '-c1', '-W1', await addressOf('b3')])).code).not.toBe(0);
    const links = await cluster.host('h1').output(['ip', 'netns', 'exec', 'trama', 'ip', '-o', 'link']);
    expect(links).not.toContain('trx');
  });

  test('networks of users with the same driver are apart from it', async () => {
    await cluster.trama('network', 'create', 'local', '--driver', 'bridge', '--subnet', '10.46.0.0/16');
    await run(cluster, 'l1', 'h1', 'local');
    await run(cluster, 'l2', 'h1', 'local');
    await reaches('l1', 'l2');
    expect(await pings('l1', await addressOf('b1'))).toBe(false);
    expect(await pings('b1', await addressOf('l1'))).toBe(false);
    expect(await pings('l1', 'b1')).toBe(false);
    await cluster.trama('rm', '-f', 'l1', 'l2');
    await cluster.trama('network', 'rm', 'local');
  });

  test('a port of a container is published on its host', async () => {
    await cluster.trama('run', '-d', '--name', 'page', '--node', 'h2', '-p', '8098:80', labImage, 'httpd', '-f');
    const url = `http://${cluster.host('h2').address}:8098/`;
    await eventually('its page', async () => (await lab.outside.run(['curl', '-s', url])).stdout === 'hello\n');
    await cluster.trama('rm', '-f', 'page');
  });

  test('a lost veth of a running container comes back', async () => {
    const h1 = cluster.host('h1');
    const endpoint = await h1.docker(
      'inspect',
      '-f',
      '{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}',
      'b1',
    );
    await h1.output(['ip', '-n', 'trama', 'link', 'del', `trv${endpoint.slice(0, 10)}`]);
    await eventually('the way to b2', () => pings('b1', 'b2'));
  });

  test('goes when nobody uses it, and comes back with the next container', async () => {
    await refused(/network bridge is in use by/, 'network', 'rm', 'bridge');
    await cluster.trama('rm', '-f', 'b1', 'b2', 'b3');
    await cluster.trama('network', 'rm', 'bridge');
    expect(await networks()).toEqual([]);
    await eventually('Docker has forgotten it', async () => {
      return !(await cluster.host('h1').docker('network', 'ls')).includes('trama-bridge');
    });
    const { stdout } = await trama('run', '--rm', labImage, 'hostname', '-i');
    expect(stdout).toMatch(/^10\.\d+\.\d+\.\d+/);
    expect((await networks()).map(({ name }) => name)).toEqual(['bridge']);
  });

  test('what makes no sense is refused', async () => {
    const bridged = ['network', 'create', 'other', '--driver', 'bridge'];
    await refused(/stays on each host.*leave out --discovery/, ...bridged, '--discovery', 'multicast');
    await refused(/leave out --vni/, ...bridged, '--vni', '7');
    await refused(/choose at most 1500/, ...bridged, '--mtu', '1501');
    await refused(/"bridge" is reserved/, 'network', 'create', 'bridge');
    for (const name of ['host', 'none']) await refused(/cannot be a network's name/, 'network', 'create', name);
  });
});

describe('host and none', () => {
  test('a container on the network of its host has its address, and none of ours', async () => {
    const shown = await trama('run', '--rm', '--node', 'h2', '--network', 'host', labImage, 'ip', '-o', 'addr');
    expect(shown.stdout).toContain(`${cluster.host('h2').address}/`);
    await cluster.trama(
      'run',
      '-d',
      '--name',
      'web',
      '--node',
      'h2',
      '--network',
      'host',
      labImage,
      'httpd',
      '-f',
      '-p',
      '8099',
    );
    await eventually('its page', async () => {
      return (await lab.outside.run(['curl', '-s', `http://${cluster.host('h2').address}:8099/`])).stdout === 'hello\n';
    });
    expect((await inspect('web')).networks).toEqual([]);
    await refused(/web/, 'network', 'connect', 'bridge', 'web');
    await cluster.trama('rm', '-f', 'web');
  });

  test('a container without a network has loopback only', async () => {
    const { stdout } = await trama(
      'run',
      '--rm',
      '--node',
      'h2',
      '--network',
      'none',
      labImage,
      'sh',
      '-c',
      'ip -o link; ip route',
    );
    expect(stdout.trimEnd().split('\n')).toEqual([expect.stringContaining('lo: ')]);
  });

  test.each(['host', 'none', 'container:x1'])('--network %s with what makes no sense is refused', async (mode) => {
    const joined = ['run', '-d', '--network', mode];
    await refused(/leave out -p/, ...joined, '-p', '80:80', labImage);
    await refused(/is on no other network/, ...joined, '--network', 'bridge', labImage);
    await refused(/--ip 10.46.0.9 needs a network/, ...joined, '--ip', '10.46.0.9', labImage);
    await refused(/--alias w needs a network/, ...joined, '--alias', 'w', labImage);
    if (mode.startsWith('container:')) await refused(/leave out --hostname/, ...joined, '--hostname', 'w', labImage);
  });
});

describe('container:NAME', () => {
  beforeAll(bareRuns);

  test('a container joins the network of another, on the node of that one', async () => {
    const { stdout, stderr } = await trama(
      'run',
      '--rm',
      '--network',
      'container:bare',
      labImage,
      'ip',
      '-o',
      'addr',
      'show',
      'eth0',
    );
    expect(stdout, stderr).toContain(`${await addressOf('bare')}/16`);
    await cluster.trama('run', '-d', '--name', 'side', '--network', 'container:bare', labImage, 'httpd', '-f');
    expect(await inspect('side')).toMatchObject({ node: 'h2', networks: [] });
    await run(cluster, 'peer', 'h1', 'app');
    const page = await trama('exec', 'peer', 'wget', '-q', '-O', '-', `http://${await addressOf('bare')}/`);
    expect(page.stdout).toBe('hello\n');
    await cluster.trama('rm', '-f', 'side', 'peer');
  });

  test('and its processes', async () => {
    const own = await trama('run', '--rm', '--network', 'container:bare', labImage, 'ps');
    expect(own.stdout).not.toContain('/sleep');
    const { stdout } = await trama('run', '--rm', '--pid', 'container:bare', labImage, 'ps');
    expect(stdout).toMatch(/1 root +\/sleep 100000/);
    const host = await trama('run', '--rm', '--node', 'h2', '--pid', 'host', labImage, 'ps');
    expect(host.stdout).toContain('dockerd');
  });

  test('of a container that somebody started with docker, where it is said to be', async () => {
    await cluster.host('h2').docker('run', '-d', '--name', 'plain', '--network', 'app', labImage, ...stays);
    await eventually('the cluster knows it', async () => {
      return (await trama('run', '--rm', '--network', 'container:plain', labImage, 'true')).code === 0;
    });
    await cluster.host('h2').docker('run', '-d', '--name', 'apart', labImage, ...stays);
    await refused(
      /no container "apart" that the cluster knows.*--node/,
      'run',
      '-d',
      '--network',
      'container:apart',
      labImage,
    );
    const there = await trama(
      'run',
      '--rm',
      '--node',
      'h2',
      '--network',
      'container:apart',
      labImage,
      'hostname',
      '-i',
    );
    expect(there.stdout).toMatch(/^172\./);
    const short = await trama('run', '--rm', '--network', 'container:h2/apart', labImage, 'hostname', '-i');
    expect(short).toMatchObject({ code: 0, stdout: there.stdout });
    const tools = await trama('debug', 'h2/apart', '--host-tools', 'ip', '-o', '-4', 'addr', 'show', 'eth0');
    expect(tools.stdout).toContain(there.stdout.trim());
    await cluster.host('h2').docker('rm', '-f', 'plain', 'apart');
  });

  test('elsewhere, or of one that does not run, is refused', async () => {
    await refused(
      /container bare is on node h2.*not on node h1/,
      'run',
      '-d',
      '--node',
      'h1',
      '--network',
      'container:bare',
      labImage,
    );
    await refused(/no container "nobody"/, 'run', '-d', '--pid', 'container:nobody', labImage);
    await cluster.trama('stop', '-t', '0', 'bare');
    const { code, stderr } = await trama('run', '-d', '--name', 'late', '--network', 'container:bare', labImage);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/it joins.*is not running; start that one first/),
    });
    await cluster.trama('start', 'bare');
    await eventually('it runs', async () => (await inspect('bare')).status === 'running');
  });
});

test('several networks, the first with an address and a name of its own', async () => {
  await cluster.trama('network', 'create', 'db', '--subnet', '10.43.0.0/16');
  const first = 'name=app,ip=10.42.0.77,alias=www';
  await cluster.trama(
    'run',
    '-d',
    '--name',
    'both',
    '--node',
    'h1',
    '--network',
    first,
    '--network',
    'db',
    labImage,
    ...stays,
  );
  expect((await inspect('both')).networks.map(({ network, address }) => `${network} ${address.slice(0, 9)}`)).toEqual([
    'app 10.42.0.7',
    expect.stringMatching(/^db 10\.43\./),
  ]);
  await run(cluster, 'other', 'h1', 'app');
  await reaches('other', 'www');
  await cluster.trama('rm', '-f', 'both', 'other');
});

describe('debug, from another host, into a container without a shell', () => {
  beforeAll(bareRuns);

  test('with the tools of its host', async () => {
    const address = await trama('debug', 'bare', '--host-tools', 'ip', '-o', 'addr', 'show', 'eth0');
    expect(address.stdout, address.stderr).toContain(`${await addressOf('bare')}/16`);
    const processes = await trama('debug', 'bare', '--host-tools', 'ps', '-e', '-o', 'pid,args');
    expect(processes.stdout).toMatch(/ 1 \/sleep 100000/);
    expect(processes.stdout).not.toContain('dockerd');
    expect(await trama('debug', 'bare', '--host-tools', 'sh', '-c', 'echo bad >&2; exit 9')).toMatchObject({
      code: 9,
      stderr: 'bad\n',
    });
    expect((await trama('debug', 'bare', '--host-tools', 'no-such-tool')).code).toBe(127);
  });

  test('they leave the mounts of the host as they are', async () => {
    await trama('debug', 'bare', '--host-tools', 'true');
    expect(await cluster.host('h2').output(['ps', '-e', '-o', 'args'])).toContain('dockerd');
  });

  test('with an image, which is gone afterwards', async () => {
    const shown = await trama('debug', 'bare', labImage, 'sh', '-c', 'hostname -i; ps; exit 6');
    expect(shown.stdout).toContain(await addressOf('bare'));
    expect(shown.stdout).toContain('/sleep');
    expect(shown.code).toBe(6);
    expect(await cluster.host('h2').docker('ps', '-a', '--format', '{{.Names}}')).toBe('bare');
    const { code, stderr } = await trama('debug', 'bare', 'no/such:image');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('no/such:image') });
    expect(stderr).not.toMatch(/was lost|--host-tools/);
    const forgotten = await trama('debug', 'bare', 'ip', '-o', 'a');
    expect(forgotten.stderr).toMatch(/^trama: .*to run ip of the host, write --host-tools before it$/m);
  });

  test('a program that its host does not have is said', async () => {
    expect(await trama('debug', 'bare', '--host-tools', 'no-such', '-x')).toMatchObject({
      code: 127,
      stdout: '',
      stderr: 'trama: node h2 has no executable no-such: check the command, or name an image with tools\n',
    });
  });

  test('a tool that reads is at the end of its input at once when it is to have none', async () => {
    for (const words of [
      ['--host-tools', 'cat'],
      [labImage, 'cat'],
      ['-t', '--host-tools', 'cat'],
    ]) {
      const flags = words[0] === '-t' ? ['-t'] : [];
      const argv = [program, 'debug', ...flags, 'bare', ...words.slice(flags.length)] as const;
      const { code, stderr } = await cluster.host('h1').run([...argv], { timeoutMs: 30_000 });
      expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    }
  });

  test.each([
    ['an image', ['debug', 'bare', labImage, 'sh']],
    ["the host's shell", ['debug', 'bare']],
  ])('on a terminal: %s', async (_, words) => {
    const typed = 'tty; stty size; ip -o addr show eth0; cat /proc/1/cmdline; exit 4\n';
    const inner = words.map((word) => `'${word}'`).join(' ');
    const line = `stty rows 33 cols 101; ${program} ${inner}`;
    const { code, stdout } = await cluster.host('h1').run(['script', '-qec', line, '/dev/null'], {
      input: typed,
      timeoutMs: 60_000,
      env: { TERM: 'xterm', SHELL: '/bin/sh' },
    });
    expect(stdout).toContain(`${await addressOf('bare')}/16`);
    expect(stdout).toContain('/sleep\0' + '100000');
    expect(stdout).toMatch(/33 101/);
    expect(stdout).toMatch(/\/dev\/(pts\/\d+|console)/);
    expect(code).toBe(4);
  });

  test.each([
    ['an image', [labImage, 'sleep', '4242']],
    ["the host's own", ['--host-tools', 'sleep', '4242']],
  ])('tools of %s end when nobody looks any more', async (_, words) => {
    const looking = await cluster.host('h1').start([program, 'debug', 'bare', ...words]);
    const there = async () => (await cluster.host('h2').output(['ps', '-e', '-o', 'args'])).includes('sleep 4242');
    await eventually('the tool runs', there);
    looking.kill('SIGKILL');
    await eventually('the tool is gone', async () => !(await there()));
    await eventually('and its container', async () => {
      return (await cluster.host('h2').docker('ps', '-a', '--format', '{{.Names}}')) === 'bare';
    });
  });

  test('tools whose agent was killed go when it is back', async () => {
    const looking = await cluster.host('h1').start([program, 'debug', 'bare', labImage, 'sleep', '4243']);
    const h2 = cluster.host('h2');
    await eventually('the tool runs', async () =>
      (await h2.docker('ps', '--format', '{{.Names}}')).includes('bare-debug-'),
    );
    cluster.agents.get('h2')?.kill('SIGKILL');
    await looking.ended;
    cluster.agents.set('h2', await h2.startAgent());
    await eventually(
      'the tool is gone',
      async () => (await h2.docker('ps', '-a', '--format', '{{.Names}}')) === 'bare',
    );
  });

  test('of a container that does not run is refused', async () => {
    await eventually('h2 is back', async () => (await trama('debug', 'bare', '--host-tools', 'true')).code === 0);
    await cluster.trama('stop', '-t', '0', 'bare');
    await refused(/container bare is not running/, 'debug', 'bare');
    await refused(/no container "nobody"/, 'debug', 'nobody');
  });
});
