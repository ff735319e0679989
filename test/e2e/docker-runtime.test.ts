/** The Docker runtime against a real engine. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isFailure, type WorkloadSpec } from '../../src/domain/domain.ts';
import { createLab, labImage as image, type Lab, type LabHost } from '../../src/lab/lab.ts';
import { silentLog } from '../../src/platform/platform.ts';
import { type ByteStream, channels } from '../../src/protocol/protocol.ts';
import { createDockerRuntime } from '../../src/runtimes/docker/docker.ts';
import type { ContainerRuntime, RuntimeEvent } from '../../src/runtimes/runtimes.ts';

vi.setConfig({ testTimeout: 20_000 });

const spec: WorkloadSpec = {
  image,
  command: ['sleep', 'infinity'],
  env: [],
  networks: [],
  ports: [],
  restart: 'no',
  tty: false,
  stdin: false,
  labels: {},
};
const sameName = (network: string) => network;
const plain = { tty: false, stdin: false, env: [] } as const;

let lab: Lab;
let host: LabHost;
let docker: ContainerRuntime;

beforeAll(async () => {
  lab = await createLab();
  host = await lab.host('h1');
  const socketPath = `/proc/${host.init}/root/run/docker.sock`;
  docker = createDockerRuntime({ socketPath, log: silentLog, credentials: async () => undefined });
}, 60_000);

afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await lab?.[Symbol.asyncDispose]();
}, 60_000);

async function running(name: string, changes: Partial<WorkloadSpec> = {}) {
  const id = await docker.create(name, { ...spec, ...changes }, { 'test.name': name }, sameName);
  await docker.start(id);
  return { id, [Symbol.asyncDispose]: () => docker.remove(id) };
}

/** Reads a stream to its end. */
async function read(stream: ByteStream) {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  for await (const { channel, data } of stream) (channel === channels.stderr ? err : out).push(Buffer.from(data));
  const text = (parts: Buffer[]) => Buffer.concat(parts).toString();
  return { stdout: text(out), stderr: text(err), result: await stream.result };
}

const input = (text: string) => new TextEncoder().encode(text);
const control = (stream: ByteStream, message: unknown) => stream.send(channels.control, input(JSON.stringify(message)));

async function failure(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isFailure(error)) throw new Error(`expected a Failure, got ${String(error)}`);
  return { code: error.code, message: error.message };
}

/** Docker's own. */
const onBridge = [{ network: 'bridge', aliases: [] }];

describe('containers', () => {
  test('live from create to remove', async () => {
    const wanted = { ...spec, networks: onBridge, env: ['A=b'], labels: { theirs: '1' } };
    const id = await docker.create('life', wanted, { ours: '2' }, sameName);
    expect(await docker.inspect(id)).toMatchObject({ id, name: 'life', image, state: 'created' });
    await docker.start(id);
    await docker.start(id);
    const info = await docker.inspect(id);
    expect(info).toMatchObject({ state: 'running', labels: { theirs: '1', ours: '2' } });
    expect(Math.abs((info.startedAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(info.networks).toMatchObject([{ name: 'bridge', address: '172.17.0.2' }]);
    await docker.stop(id, 0);
    await docker.stop(id, 0);
    expect(await docker.inspect(id)).toMatchObject({ state: 'exited', exitCode: 137, networks: [{ address: '' }] });
    expect(await docker.list({ ours: '2' })).toMatchObject([{ id, name: 'life', state: 'exited', exitCode: 137 }]);
    expect(await docker.list({ ours: '3' })).toEqual([]);
    await docker.remove(id);
    await docker.remove(id);
    expect(await failure(docker.inspect(id))).toMatchObject({ code: 'not-found' });
  });

  test('without a network are on none', async () => {
    await using alone = await running('alone');
    expect((await docker.inspect(alone.id)).networks).toMatchObject([{ name: 'none', address: '' }]);
  });

  test('are removed while they run, by two at once', async () => {
    await using web = await running('busy');
    await Promise.all([docker.remove(web.id), docker.remove(web.id)]);
    expect(await docker.list({ 'test.name': 'busy' })).toEqual([]);
  });

  test('of a taken name, a missing network, command or image are refused with a sentence', async () => {
    await using _ = await running('taken');
    const create = (changes: Partial<WorkloadSpec>, name = 'other') =>
      docker.create(name, { ...spec, ...changes }, {}, sameName);
    expect(await failure(create({}, 'taken'))).toEqual({
      code: 'conflict',
      message:
        'Another container on this host is called taken; remove it with "docker rm taken" or choose another name.',
    });
    expect(await failure(create({ image: 'test/none' }))).toEqual({
      code: 'not-found',
      message: 'There is no image test/none:latest on this host; check its name, or pull it first.',
    });
    const lost = await create({ networks: [{ network: 'nowhere', aliases: [] }] });
    expect(await failure(docker.start(lost))).toEqual({
      code: 'not-found',
      message: `Docker could not start the container ${lost.slice(0, 12)}: it has no network nowhere.`,
    });
    await docker.remove(lost);
    const mute = await create({ command: ['no-such-command'] });
    expect(await failure(docker.start(mute))).toEqual({
      code: 'invalid',
      message: `Docker could not start the container ${mute.slice(0, 12)}: the image has no executable no-such-command; check the command.`,
    });
    await docker.remove(mute);
  });

  test('publish ports, and a taken port is a conflict', async () => {
    const ports = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' as const }];
    await using web = await running('web', {
      networks: onBridge,
      ports,
      command: ['nc', '-ll', '-p', '80', '-e', 'echo', 'hello'],
    });
    await expect.poll(() => host.output(['busybox', 'nc', '-w', '2', '127.0.0.1', '8080'])).toContain('hello');
    const second = await docker.create('web2', { ...spec, networks: onBridge, ports }, {}, sameName);
    expect(await failure(docker.start(second))).toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/8080 is in use/),
    });
    await docker.remove(second);
    expect(web.id).toHaveLength(64);
  });

  test('join several networks with addresses and aliases; a failed one leaves no container', async () => {
    const network = (name: string, subnet: string) =>
      docker.createNetwork({
        name,
        driver: 'bridge',
        subnet,
        ipamDriver: 'default',
        internal: false,
        options: { 'com.docker.network.driver.mtu': '1400' },
        ipamOptions: {},
        labels: { ours: 'yes' },
      });
    const one = await network('one', '10.61.0.0/24');
    const two = await network('two', '10.62.0.0/24');
    expect(await failure(network('one', '10.63.0.0/24'))).toMatchObject({ code: 'conflict' });
    expect(await failure(network('three', '10.62.0.0/24'))).toMatchObject({ code: 'conflict' });
    const networks = [
      { network: 'one', address: '10.61.0.9', aliases: ['api'] },
      { network: 'two', address: '10.62.0.9', aliases: [] },
    ];
    {
      await using multi = await running('multi', { networks });
      expect((await docker.inspect(multi.id)).networks).toMatchObject([
        {
          name: 'one',
          address: '10.61.0.9',
          mac: '02:42:0a:3d:00:09',
          endpointId: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
        { name: 'two', address: '10.62.0.9' },
      ]);
      await using peer = await running('peer', { networks: [{ network: 'one', aliases: [] }] });
      const ping = await docker.exec(peer.id, { command: ['ping', '-c1', '-W2', 'api'], ...plain });
      expect((await read(ping)).result).toEqual({ exitCode: 0 });
      expect((await docker.networks()).find(({ id }) => id === one)).toEqual({
        id: one,
        name: 'one',
        driver: 'bridge',
        options: { 'com.docker.network.driver.mtu': '1400' },
        labels: { ours: 'yes' },
        containers: 2,
      });
      expect(await failure(docker.removeNetwork(one))).toMatchObject({ code: 'conflict' });
    }
    const bad = [...networks, { network: 'nowhere', aliases: [] }];
    // 20.10 finds out at start, later engines at connect: either way there is a sentence.
    const half = docker.create('half', { ...spec, networks: bad }, {}, sameName).then((id) => docker.start(id));
    expect(await failure(half)).toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/no network nowhere/),
    });
    await docker.remove('half');
    await docker.removeNetwork(one);
    await docker.removeNetwork(two);
    await docker.removeNetwork(two);
  });
});

describe('a container on a further network', () => {
  const network = (name: string, subnet: string) =>
    docker.createNetwork({
      ...{ name, subnet, driver: 'bridge', ipamDriver: 'default', internal: false },
      ...{ options: {}, ipamOptions: {}, labels: {} },
    });
  const as = { aliases: [] as string[], labels: {} };
  const networksOf = async (id: string) => (await docker.inspect(id)).networks.map(({ name }) => name).sort();

  test('is connected and disconnected while it runs, with an address and aliases of its own', async () => {
    const side = await network('side', '10.64.0.0/24');
    {
      await using box = await running('walker', { networks: [] });
      await using peer = await running('by', { networks: [{ network: 'side', aliases: [] }] });
      await docker.connect(box.id, 'side', { ...as, address: '10.64.0.9', aliases: ['www'] });
      expect(await networksOf(box.id)).toEqual(['side']);
      const ping = await docker.exec(peer.id, { command: ['ping', '-c1', '-W2', 'www'], ...plain });
      expect((await read(ping)).stdout).toContain('10.64.0.9');
      const again = { code: 'conflict', message: expect.stringMatching(/is on that network already\.$/) };
      expect(await failure(docker.connect(box.id, 'side', as))).toEqual(again);
      await docker.disconnect(box.id, 'side', false);
      expect(await networksOf(box.id)).toEqual([]);
      const not = { code: 'not-found', message: expect.stringMatching(/is not on that network\.$/) };
      expect(await failure(docker.disconnect(box.id, 'side', false))).toEqual(not);
      expect(await failure(docker.connect(box.id, 'nowhere', as))).toMatchObject({ code: 'not-found' });
      expect(await failure(docker.connect('f'.repeat(64), 'side', as))).toMatchObject({ code: 'not-found' });
    }
    await docker.removeNetwork(side);
  });

  test('is refused an address that another has; one that does not run has it from its next start on', async () => {
    const side = await network('side', '10.64.0.0/24');
    {
      await using box = await running('late', { networks: [] });
      await using holder = await running('holder', {
        networks: [{ network: 'side', address: '10.64.0.9', aliases: [] }],
      });
      const taken = docker.connect(box.id, 'side', { ...as, address: '10.64.0.9' });
      expect(await failure(taken)).toMatchObject({ code: 'conflict', message: expect.stringMatching(/in use\.$/) });
      const address = async (id: string) =>
        (await docker.inspect(id)).networks.find(({ name }) => name === 'side')?.address;
      // Although the engine keeps what it has refused.
      await docker.connect(box.id, 'side', { ...as, address: '10.64.0.10' });
      expect(await address(box.id)).toBe('10.64.0.10');
      await using still = await running('still', { networks: [] });
      await docker.stop(still.id, 0);
      await docker.connect(still.id, 'side', { ...as, address: '10.64.0.11' });
      expect(await failure(docker.connect(still.id, 'side', as))).toMatchObject({ code: 'conflict' });
      await docker.start(still.id);
      expect(await address(still.id)).toBe('10.64.0.11');
      expect(await address(holder.id)).toBe('10.64.0.9');
    }
    await docker.removeNetwork(side);
  });
});

describe('images', () => {
  const now = AbortSignal.timeout(60_000);

  test('that are there are not pulled', async () => {
    const said: string[] = [];
    await docker.ensureImage(image, (sentence) => said.push(sentence), now);
    expect(said).toEqual([]);
  });

  test('whose registry cannot be reached fail with a sentence', async () => {
    const said: string[] = [];
    const pull = docker.ensureImage('127.0.0.1:5999/nobody/home', (sentence) => said.push(sentence), now);
    expect(await failure(pull)).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /^The registry of 127.0.0.1:5999\/nobody\/home cannot be reached from this host \(.*connection refused/,
      ),
    });
    expect(said).toEqual(['pulling 127.0.0.1:5999/nobody/home from 127.0.0.1:5999']);
  });

  test.each(['../etc', 'UPPER', 'a b', 'x;y', '', '-x', `${'a'.repeat(600)}`])('%j is no name', async (name) => {
    expect(await failure(docker.ensureImage(name, () => {}, now))).toMatchObject({ code: 'invalid' });
  });
});

describe('sessions', () => {
  test('exec keeps stdout and stderr apart and tells the exit code', async () => {
    await using box = await running('exec');
    const command = ['sh', '-c', 'echo out $A; echo err >&2; id -un; exit 7'];
    const stream = await docker.exec(box.id, { ...plain, command, env: ['A=b'], user: 'nobody' });
    expect(await read(stream)).toEqual({ stdout: 'out b\nnobody\n', stderr: 'err\n', result: { exitCode: 7 } });
  });

  test('a command that cannot be started prints nothing, and says why', async () => {
    await using box = await running('refused');
    const outcome = async (command: string[], more = {}) => {
      const { stdout, stderr, result } = await read(await docker.exec(box.id, { ...plain, command, ...more }));
      expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
      return result;
    };
    const missing = { exitCode: 127, error: expect.stringMatching(/^the container has no executable no-such-command/) };
    expect(await outcome(['no-such-command'])).toEqual(missing);
    expect(await outcome(['no-such-command'], { tty: true })).toEqual(missing);
    expect(await outcome(['/etc'])).toEqual({ exitCode: 126, error: expect.stringMatching(/^\/etc cannot be run/) });
    expect(await outcome(['true'], { user: 'nobody-at-all' })).toEqual({
      exitCode: 126,
      error: expect.stringMatching(/^true cannot be run in the container: .*nobody-at-all/),
    });
    // What a command itself says is its own, however it looks.
    const command = ['sh', '-c', 'echo OCI runtime exec failed: no such file or directory; exit 127'];
    expect(await read(await docker.exec(box.id, { ...plain, command }))).toEqual({
      stdout: 'OCI runtime exec failed: no such file or directory\n',
      stderr: '',
      result: { exitCode: 127 },
    });
  });

  test('exec in a stopped container is refused', async () => {
    await using box = await running('stopped');
    await docker.stop(box.id, 0);
    const message = `Docker could not run true in the container ${box.id.slice(0, 12)}: the container is not running; start it first.`;
    expect(await failure(docker.exec(box.id, { ...plain, command: ['true'] }))).toEqual({ code: 'conflict', message });
  });

  test('exec passes input on, and its end', async () => {
    await using box = await running('input');
    const stream = await docker.exec(box.id, { ...plain, stdin: true, command: ['wc', '-c'] });
    const megabyte = new Uint8Array(1024 * 1024);
    for (let sent = 0; sent < 5; sent += 1) await stream.send(channels.stdin, megabyte);
    await control(stream, { type: 'end-of-input' });
    expect(await read(stream)).toEqual({ stdout: `${5 * 1024 * 1024}\n`, stderr: '', result: { exitCode: 0 } });
  });

  test('20 MB of output arrive whole, and a reader that stops does not fill the memory', async () => {
    await using box = await running('big');
    const command = ['sh', '-c', 'dd if=/dev/zero bs=1M count=20 2>/dev/null'];
    const stream = await docker.exec(box.id, { ...plain, command });
    const before = process.memoryUsage().arrayBuffers;
    await delay(1000);
    // 20 MB would be here if nothing held the engine back.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
    let size = 0;
    for await (const { data } of stream) size += data.length;
    expect(size).toBe(20 * 1024 * 1024);
    expect(await stream.result).toEqual({ exitCode: 0 });
  });

  test('a terminal takes the size of the client, and changes, before what is typed after it is read', async () => {
    await using box = await running('terminal');
    const command = ['sh', '-c', 'read x; stty size; read y; stty size'];
    const stream = await docker.exec(box.id, { command, tty: true, stdin: true, env: [] });
    let said = '';
    const over = (async () => {
      for await (const { data } of stream) said += Buffer.from(data).toString();
      return stream.result;
    })();
    await control(stream, { type: 'resize', columns: 100, rows: 30 });
    await stream.send(channels.stdin, input('a\n'));
    await expect.poll(() => said).toContain('30 100');
    await control(stream, { type: 'resize', columns: 111, rows: 31 });
    await stream.send(channels.stdin, input('b\n'));
    expect(await over).toEqual({ exitCode: 0 });
    expect(said).toContain('31 111');
  });

  test('a client that goes away ends its connection: the process loses its input', async () => {
    await using box = await running('gone');
    const command = ['sh', '-c', 'cat; echo over > /tmp/over'];
    const stream = await docker.exec(box.id, { ...plain, stdin: true, command });
    await stream.send(channels.stdin, input('x\n'));
    stream.reset(new Error('the terminal was closed'));
    const check = ['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9; do [ -e /tmp/over ] && exit 0; sleep 0.3; done; exit 1'];
    expect((await read(await docker.exec(box.id, { ...plain, command: check }))).result).toEqual({ exitCode: 0 });
  });

  test('attach sees everything from the first byte and the exit code', async () => {
    const id = await docker.create(
      'attached',
      { ...spec, stdin: true, command: ['sh', '-c', 'echo first; cat; echo last >&2; exit 3'] },
      {},
      sameName,
    );
    const stream = await docker.attach(id, { stdin: true, tty: false });
    await docker.start(id);
    await stream.send(channels.stdin, input('typed\n'));
    await control(stream, { type: 'end-of-input' });
    expect(await read(stream)).toEqual({ stdout: 'first\ntyped\n', stderr: 'last\n', result: { exitCode: 3 } });
    await docker.remove(id);
  });

  test('attach to a terminal can be left by its keys while the container runs on', async () => {
    await using box = await running('keys', { tty: true, stdin: true, command: ['sh'] });
    const stream = await docker.attach(box.id, { stdin: true, tty: true });
    await stream.send(channels.stdin, new Uint8Array([16, 17]));
    expect((await read(stream)).result).toEqual({ exitCode: 0, detached: true });
    expect((await docker.inspect(box.id)).state).toBe('running');
  });

  test('logs come with a tail, follow, and end with the container', async () => {
    await using box = await running('logs', { command: ['sh', '-c', 'seq 1 5; sleep 2; echo six; echo bad >&2'] });
    const written = async () => (await read(await docker.logs(box.id, { follow: false, timestamps: false }))).stdout;
    await expect.poll(written).toBe('1\n2\n3\n4\n5\n');
    const followed = await docker.logs(box.id, { follow: true, tail: 2, timestamps: false });
    expect(await read(followed)).toEqual({ stdout: '4\n5\nsix\n', stderr: 'bad\n', result: undefined });
    const all = await read(await docker.logs(box.id, { follow: false, timestamps: true }));
    expect(all.stdout.split('\n')[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+Z 1$/);
  });

  test('logs of a terminal are not framed', async () => {
    await using box = await running('tty-logs', { tty: true, command: ['echo', 'plain'] });
    const followed = await read(await docker.logs(box.id, { follow: true, timestamps: false }));
    expect(followed.stdout).toBe('plain\r\n');
  });
});

test('events, and an engine that stops and comes back', { timeout: 60_000 }, async () => {
  const controller = new AbortController();
  const seen: RuntimeEvent[] = [];
  const watching = (async () => {
    for await (const event of docker.events(controller.signal)) seen.push(event);
  })();
  const actions = () => seen.map((event) => ('action' in event ? event.action : event.type));
  await expect.poll(actions).toContain('connected');
  await using box = await running('eventful');
  const attributes = expect.objectContaining({ name: 'eventful' });
  const time = expect.any(Number);
  await expect.poll(() => seen).toContainEqual({ type: 'container', action: 'start', id: box.id, attributes, time });
  const follow = await docker.logs(box.id, { follow: true, timestamps: false });
  expect(await docker.status()).toMatchObject({
    available: true,
    message: expect.stringMatching(/^Docker 20\.10\.\d+, API 1\.41$/),
  });

  await host.killDocker();
  await expect(read(follow)).rejects.toMatchObject({ name: 'Failure', code: 'unavailable' });
  expect(await failure(docker.list({}))).toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^Docker is not running/),
  });
  expect(await docker.status()).toMatchObject({
    available: false,
    message: expect.stringMatching(/systemctl start docker/),
  });

  await host.startDocker();
  await expect.poll(() => actions().filter((action) => action === 'connected').length, { timeout: 15_000 }).toBe(2);
  expect(await docker.status()).toMatchObject({ available: true });
  controller.abort();
  await watching;
});
