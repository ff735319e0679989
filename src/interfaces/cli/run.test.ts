import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import type { ContainerView } from '../../protocol/views.ts';
import { runCli } from './cli.ts';
import { type FakeCluster, fakeCluster, web } from './testing/fake-cluster.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

function starting(...seen: Partial<ContainerView>[]): FakeCluster {
  let at = 0;
  return fakeCluster()
    .on('workload.run', () => ({ ...web, status: 'pending' }))
    .on('workload.remove', () => ({}))
    .on('workload.wait', async ({ since }: { since: number }) => {
      if (cluster.methodsAsked().includes('workload.remove')) return { since, gone: true, container: null };
      const next = seen[Math.min(at, seen.length - 1)];
      // The last is how it stays.
      if (at >= seen.length) await new Promise((resolve) => setTimeout(resolve, 5));
      at += 1;
      return { since: since + 1, gone: false, container: { ...web, ...next } };
    });
}

let cluster = fakeCluster();

/** What `run` made. */
const it = { name: web.name, id: web.id };

describe('run -d', () => {
  test('shows progress on stderr, each sentence once, then prints the id', async () => {
    cluster = starting(
      { status: 'pulling', message: 'pulling nginx' },
      { status: 'pulling', message: 'pulling nginx' },
      { status: 'creating' },
      { status: 'running' },
    );
    const { code, out, err } = await trama('run -d --name web nginx', { api: cluster });
    expect({ code, out }).toEqual({ code: 0, out: '0123456789ab\n' });
    expect(err).toBe('web: pulling nginx\nweb: creating on h1\n');
  });

  test('what cannot run is removed, and said', async () => {
    cluster = starting({ status: 'failed', message: 'there is no image nginx, and it cannot be pulled' });
    const { code, out, err } = await trama('run -d nginx', { api: cluster });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe('trama: web cannot run: there is no image nginx, and it cannot be pulled\n');
    expect(cluster.asked).toContainEqual({ method: 'workload.remove', params: { ...it, force: true } });
  });

  test('only what was made is followed and removed, not what else has its name', async () => {
    const failed = { ...web, status: 'failed', message: 'docker has a container web already' };
    const somebodys = { ...web, id: 'f'.repeat(12), managed: false };
    cluster = fakeCluster()
      .on('workload.run', () => ({ ...web, status: 'pending' }))
      .on('workload.remove', () => ({ removing: it }))
      .on('workload.wait', ({ id, since }: { id?: string; since: number }) => {
        if (id !== web.id) return { since: since + 1, gone: false, container: somebodys };
        if (cluster.methodsAsked().includes('workload.remove')) return { since, gone: true, container: null };
        return { since: since + 1, gone: false, container: failed };
      });
    const { code, err } = await trama('run -d --name web nginx', { api: cluster });
    expect({ code, err }).toEqual({ code: 1, err: 'trama: web cannot run: docker has a container web already\n' });
    expect(cluster.methodsAsked()).toEqual(['workload.run', 'workload.wait', 'workload.remove', 'workload.wait']);
  });

  test('what somebody else has removed since is not complained about', async () => {
    cluster = starting({ status: 'failed', message: 'no such image' }).on('workload.remove', () => {
      throw new Failure('not-found', 'there is no container "web"');
    });
    expect((await trama('run -d nginx', { api: cluster })).err).toBe('trama: web cannot run: no such image\n');
  });

  test('flags become a workload; what follows the image is its command', async () => {
    cluster = starting({ status: 'running' });
    const line =
      'run -d --name web --node h2 --network app --network db --ip 10.42.0.9 --alias www -p 8080:80 -p 10.0.0.1:53:53/udp ' +
      '-e A=1 -e FROM_HERE -e NOT_HERE --restart always --hostname web.local -l k=v -it registry:5000/x/y:2 sh -c -d --name';
    expect((await trama(line, { api: cluster, env: { FROM_HERE: 'yes' } })).err).toBe('');
    expect(cluster.asked[0]?.params).toEqual({
      name: 'web',
      node: 'h2',
      spec: {
        image: 'registry:5000/x/y:2',
        command: ['sh', '-c', '-d', '--name'],
        env: ['A=1', 'FROM_HERE=yes'],
        networks: [
          { network: 'app', address: '10.42.0.9', aliases: ['www'] },
          { network: 'db', aliases: ['www'] },
        ],
        ports: [
          { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
          { hostAddress: '10.0.0.1', hostPort: 53, containerPort: 53, protocol: 'udp' },
        ],
        restart: 'always',
        tty: true,
        stdin: true,
        hostname: 'web.local',
        labels: { k: 'v' },
      },
    });
  });
});

describe('run', () => {
  test('joins the streams, and ends as the container does; --rm removes it', async () => {
    cluster = starting({ status: 'running' }).onOpen((stream) => {
      void (async () => {
        await stream.send(channels.control, Buffer.from('{"type":"progress","message":"pulling"}'));
        await stream.send(channels.stdout, Buffer.from('out\n'));
        await stream.send(channels.stderr, Buffer.from('err\n'));
        stream.end({ exitCode: 7 });
      })();
    });
    const { code, out, err } = await trama('run --rm nginx', { api: cluster });
    expect({ code, out, err }).toEqual({ code: 7, out: 'out\n', err: 'web: pulling\nerr\n' });
    expect(cluster.methodsAsked()).toContain('workload.remove');
  });

  test('the streams may take as long to begin as an image to be pulled', async () => {
    cluster = starting({ status: 'running' }).onOpen((stream) => stream.end({ exitCode: 0 }));
    await trama('run nginx', { api: cluster });
    expect(cluster.opened[0]?.options?.deadlineMs).toBeGreaterThan(3_600_000);
  });

  test('what cannot run ends the attach with its sentence, once', async () => {
    cluster = starting({ status: 'pulling' }, { status: 'failed', message: 'no such image' });
    const { code, err } = await trama('run nginx', { api: cluster });
    expect({ code, err }).toEqual({ code: 1, err: 'web: pulling on h1\ntrama: web cannot run: no such image\n' });
  });

  test('what cannot run is said also when its streams ended first, as those of a made container do', async () => {
    let told = () => {};
    const ended = new Promise<void>((resolve) => {
      told = resolve;
    });
    cluster = starting({ status: 'creating' }, { status: 'failed', message: 'no such command' }).onOpen((stream) => {
      stream.end({ exitCode: 127 });
      setTimeout(told, 20);
    });
    const wait = cluster.answer('workload.wait');
    cluster.on('workload.wait', async (params: { since: number }) => {
      if (params.since > 0) await ended;
      return wait(params as never);
    });
    const { code, err } = await trama('run nginx', { api: cluster });
    expect({ code, err }).toEqual({ code: 1, err: 'web: creating on h1\ntrama: web cannot run: no such command\n' });
    expect(cluster.methodsAsked()).toContain('workload.remove');
  });

  test('a lost connection is said, and the container left', async () => {
    cluster = starting({ status: 'running' }).onOpen((stream) => stream.reset(new Failure('unavailable', 'gone')));
    const { code, err } = await trama('run --rm nginx', { api: cluster });
    expect({ code, err }).toEqual({
      code: 125,
      err: 'trama: the connection to web was lost, and what ran there may go on: gone\n',
    });
    expect(cluster.methodsAsked()).not.toContain('workload.remove');
  });

  test('Ctrl-C stops the container, a second one leaves it', async () => {
    cluster = starting({ status: 'running' }).on('workload.stop', () => web);
    const io = new FakeIo({ api: cluster });
    const running = runCli(['run', 'nginx'], io);
    await vi.waitFor(() => expect(cluster.methodsAsked()).toContain('workload.wait'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    io.raise('SIGINT');
    await vi.waitFor(() => expect(cluster.methodsAsked()).toContain('workload.stop'));
    expect(io.err).toContain('stopping web; press Ctrl-C again to leave it\n');
    io.raise('SIGINT');
    expect(await running).toBe(130);
    expect(io.err).toContain('trama: left web: see `trama ps`\n');
    expect(cluster.methodsAsked()).not.toContain('workload.remove');
  });

  test('a container that --rm removes as soon as Ctrl-C has stopped it is no trouble', async () => {
    cluster = starting({ status: 'running' }).on('workload.stop', () => {
      cluster.opened[0]?.stream.end({ exitCode: 137 });
      return web;
    });
    const io = new FakeIo({ api: cluster });
    const running = runCli(['run', '--rm', 'nginx'], io);
    await vi.waitFor(() => expect(cluster.opened).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 10));
    io.raise('SIGINT');
    expect(await running).toBe(137);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(io.err).toBe('stopping web; press Ctrl-C again to leave it\n');
  });

  test('Ctrl-C before it runs removes it', async () => {
    cluster = starting({ status: 'pulling', message: 'pulling nginx' });
    const io = new FakeIo({ api: cluster });
    const running = runCli(['run', 'nginx'], io);
    await vi.waitFor(() => expect(io.err).toContain('pulling'));
    io.raise('SIGINT');
    expect(await running).toBe(130);
    expect(cluster.methodsAsked()).toContain('workload.remove');
    expect(io.raise('SIGINT')).toBe(false);
  });
});

/** What the far end heard, until the end of input. */
async function heard(stream: ByteStream): Promise<string[]> {
  const all: string[] = [];
  for await (const { channel, data } of stream) {
    all.push(`${channel}:${Buffer.from(data)}`);
    if (channel === channels.control && Buffer.from(data).includes('end-of-input')) break;
  }
  return all;
}

describe('attach', () => {
  test('joins the streams, and ends as the container does', async () => {
    const api = fakeCluster().onOpen((stream) => {
      void stream.send(channels.stdout, Buffer.from('out\n')).then(() => stream.end({ exitCode: 3 }));
    });
    expect(await trama('attach h2/web --no-stdin', { api })).toMatchObject({ code: 3, out: 'out\n', err: '' });
    expect(api.opened[0]).toMatchObject({ method: 'workload.attach', params: { name: 'h2/web', stdin: false } });
  });
});

describe('exec', () => {
  test.each([
    [127, 'the container has no executable nope: check the command'],
    [126, '/etc cannot be run in the container: it is no executable for its user'],
  ])('what cannot be started is said on stderr, with %i', async (exitCode, error) => {
    const api = fakeCluster().onOpen((stream) => stream.end({ exitCode, error }));
    expect(await trama('exec web nope', { api })).toMatchObject({ code: exitCode, out: '', err: `trama: ${error}\n` });
  });

  test('passes words, options and the exit code', async () => {
    const api = fakeCluster().onOpen((stream) => stream.end({ exitCode: 42 }));
    expect(await trama('exec -u 1000:1000 -e A=b web ping -c1 -t x', { api })).toMatchObject({
      code: 42,
      out: '',
      err: '',
    });
    expect(api.opened[0]).toMatchObject({
      method: 'workload.exec',
      params: {
        name: 'web',
        command: ['ping', '-c1', '-t', 'x'],
        tty: false,
        stdin: false,
        env: ['A=b'],
        user: '1000:1000',
      },
    });
  });

  test('takes a command behind two dashes, too', async () => {
    const api = fakeCluster().onOpen((stream) => stream.end({ exitCode: 0 }));
    expect(await trama('exec web -- ls -- -x', { api })).toMatchObject({ code: 0, err: '' });
    expect(api.opened[0]).toMatchObject({ params: { command: ['ls', '--', '-x'] } });
  });

  test('-i sends our input and its end', async () => {
    let got: Promise<string[]> = Promise.resolve([]);
    const api = fakeCluster().onOpen((stream) => {
      got = heard(stream);
      void got.then(() => {});
    });
    const io = new FakeIo({ api });
    io.keys.end('hello');
    const running = runCli(['exec', '-i', 'web', 'cat'], io);
    await vi.waitFor(() => expect(api.opened).toHaveLength(1));
    expect(await got).toEqual(['0:hello', '3:{"type":"end-of-input"}']);
    // Leaving the iteration reset the stream.
    expect(await running).toBe(125);
  });

  test("the first Ctrl-C is the command's, the second leaves it", async () => {
    const told: string[] = [];
    const api = fakeCluster().onOpen((stream) => {
      void (async () => {
        for await (const { data } of stream) told.push(Buffer.from(data).toString());
      })().catch(() => {});
    });
    const io = new FakeIo({ api });
    const running = runCli(['exec', '-w', '/srv', 'web', 'sleep', '10'], io);
    await vi.waitFor(() => expect(api.opened[0]?.params).toMatchObject({ workdir: '/srv' }));
    await vi.waitFor(() => expect(io.raise('SIGINT')).toBe(true));
    await vi.waitFor(() => expect(told).toEqual(['{"type":"signal","signal":"INT"}']));
    io.raise('SIGTERM');
    expect(await running).toBe(130);
  });

  test('a terminal goes raw and back, and tells its size at every change', async () => {
    const sizes: string[] = [];
    const api = fakeCluster().onOpen((stream) => {
      void (async () => {
        for await (const { channel, data } of stream) {
          if (channel === channels.control) sizes.push(Buffer.from(data).toString());
          else stream.end({ exitCode: 0 });
        }
      })();
    });
    const io = new FakeIo({ api, tty: true, columns: 100 });
    const running = runCli(['exec', '-it', 'web', 'sh'], io);
    await vi.waitFor(() => expect(sizes).toEqual(['{"type":"resize","columns":100,"rows":24}']));
    expect(io.raise('resize')).toBe(true);
    await vi.waitFor(() => expect(sizes).toHaveLength(2));
    io.keys.write('\u0003');
    expect(await running).toBe(0);
    expect(io.raw).toEqual([true, false]);
    expect(io.raise('resize')).toBe(false);
  });

  test('a lost connection is one sentence and a code of its own, and the terminal is put right', async () => {
    const api = fakeCluster();
    const io = new FakeIo({ api, tty: true });
    const running = runCli(['exec', '-it', 'web', 'sh'], io);
    await vi.waitFor(() => expect(io.raw).toEqual([true]));
    api.opened[0]?.stream.reset(new Failure('unavailable', 'the agent of h1 went away'));
    expect(await running).toBe(125);
    expect(io.raw).toEqual([true, false]);
    expect(io.err).toBe(
      'trama: the connection to web was lost, and what ran there may go on: the agent of h1 went away\n',
    );
  });
});
