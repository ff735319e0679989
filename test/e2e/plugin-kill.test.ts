/**
 * The agent dies at each step of Docker's conversation with it: once before it has heard of the step, once after it has
 * answered for it and before Docker has heard the answer. Whatever the person sees, the next start works, and nothing stays.
 */
import { rename } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
} from '../../src/lab/lab.ts';

let lab: Lab;
let cluster: LabCluster;
let host: LabHost;
let whole: Record<string, string>;

const socket = '/run/docker/plugins/trama.sock';

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  host = cluster.host('h1');
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  for (const each of cluster.hosts) {
    await eventually('app in Docker', async () => (await each.docker('network', 'ls')).includes(' app '));
  }
  // It stays, so that the network stays on the host, and its address shows who reaches whom.
  await host.docker('run', '-d', '--name', 'resident', '--network', 'app', labImage, 'sleep', '100000');
  whole = await kernel();
});

afterAll(() => lab?.[Symbol.asyncDispose]());

async function kernel(): Promise<Record<string, string>> {
  const commands = {
    links: "ip -o link | sed 's/^[0-9]*: //; s/@.*//' | sort",
    dataLinks: "ip -n trama -o link | sed 's/^[0-9]*: //; s/@.*//' | sort",
    nft: 'nft -s list ruleset; nsenter --net=/run/netns/trama nft -s list ruleset',
    neighbours: 'ip -n trama neigh show nud permanent | sort',
    // Docker removes the empty files that namespaces were mounted on a minute later.
    sandboxes: 'awk \'$3=="nsfs"{print $2}\' /proc/self/mounts | sort',
  };
  const read = Object.entries(commands).map(async ([name, command]) => {
    return [name, await host.output(['sh', '-c', command])] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

/** Stands between Docker and the agent; at the first `method` it calls `at` instead of passing on, or of answering. */
async function between(method: string, when: 'before' | 'after', at: () => Promise<void>): Promise<AsyncDisposable> {
  // Docker keeps its connection to the agent: it must make a new one, which is to this.
  await killAgent();
  await restartAgent();
  const [front, back] = [socket, `${socket}.real`].map((path) => `/proc/${host.init}/root${path}`) as [string, string];
  await rename(front, back);
  let struck = false;
  const server = createServer((incoming, outgoing) => {
    void serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await buffer(incoming);
    const strikes = !struck && incoming.url === `/${method}`;
    struck ||= strikes;
    if (strikes && when === 'before') {
      await at();
      return void outgoing.destroy();
    }
    const { url: path, method: verb, headers } = incoming;
    const passed = request(
      { socketPath: back, path, method: verb, headers, agent: false } as object,
      async (answer) => {
        const text = await buffer(answer);
        if (strikes) {
          await at();
          return outgoing.destroy();
        }
        return outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(text);
      },
    );
    passed.on('error', () => outgoing.destroy());
    passed.end(body);
  };
  await new Promise<void>((resolve) => server.listen(front, resolve));
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      // A live agent is heard again, a dead one's socket is replaced by the next.
      await rename(back, front);
    },
  };
}

async function restartAgent(): Promise<void> {
  const agent = await host.startAgent();
  cluster.agents.set('h1', agent);
  await eventually('the agent serves again', async () => (await agent.output()).includes('agent ready'));
}

async function killAgent(): Promise<void> {
  cluster.agents.get('h1')?.kill('SIGKILL');
  await cluster.agents.get('h1')?.ended;
}

const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };
const docker = (...args: string[]) => host.run(['docker', ...args], { env, timeoutMs: 90_000 });

const starting = [
  'IpamDriver.RequestAddress',
  'NetworkDriver.CreateEndpoint',
  'NetworkDriver.Join',
  'NetworkDriver.ProgramExternalConnectivity',
];
const ending = [
  'NetworkDriver.RevokeExternalConnectivity',
  'NetworkDriver.Leave',
  'NetworkDriver.DeleteEndpoint',
  'IpamDriver.ReleaseAddress',
];
const moments = (methods: readonly string[]) =>
  methods.flatMap((method) => [[method, 'before'] as const, [method, 'after'] as const]);

/** Whatever becomes of a test, the next begins with an agent and without its container. */
function afterwards(container: string): void {
  onTestFinished(async () => {
    if (!(await host.run(['test', '-S', socket])).code) await docker('rm', '-f', container);
  });
}

/** Kills the agent at the step of what `work` begins, and starts it again at once, as its service would. */
async function struck(method: string, when: 'before' | 'after', work: () => Promise<unknown>): Promise<void> {
  const dead = Promise.withResolvers<void>();
  const middle = await between(method, when, async () => {
    await killAgent();
    dead.resolve();
  });
  const restarted = dead.promise.then(async () => {
    await middle[Symbol.asyncDispose]();
    await restartAgent();
  });
  const late = new AbortController();
  const never = delay(60_000, undefined, { signal: late.signal }).then(async () => {
    // The next test's agent must not be struck instead.
    await middle[Symbol.asyncDispose]();
    throw new Error(`Docker has not called ${method} for 60 s: ${await whatDockerSays()}`);
  });
  await Promise.race([Promise.all([work(), restarted]), never]).finally(() => late.abort());
}

/** Of containers that it could not start. */
async function whatDockerSays(): Promise<string> {
  const ids = (await docker('ps', '-aq')).stdout.trim().split('\n');
  return (await docker('inspect', '-f', '{{.Name}} {{.State.Status}} {{.State.Error}}', ...ids)).stdout;
}

const worksNow = async (name: string) => {
  const resident = await host.docker('inspect', '-f', '{{.NetworkSettings.Networks.app.IPAddress}}', 'resident');
  expect((await host.pingFromContainer(name, resident)).reached).toBe(true);
};

test.each(moments(starting))('at %s, %s it', { timeout: 120_000 }, async (method, when) => {
  afterwards('born');
  await struck(method, when, () =>
    docker('run', '-d', '--name', 'born', '--network', 'app', '-p', '18080:80', labImage, 'sleep', '100000'),
  );
  // Docker tries again by itself; where it gave up, a person does.
  if ((await docker('inspect', '-f', '{{.State.Running}}', 'born')).stdout.trim() !== 'true') {
    const again = await docker('start', 'born');
    expect(again, again.stderr).toMatchObject({ code: 0 });
  }
  await worksNow('born');
  expect(await docker('rm', '-f', 'born')).toMatchObject({ code: 0 });
});

test.each(moments(ending))('at %s, %s it', { timeout: 120_000 }, async (method, when) => {
  afterwards('dying');
  await host.docker('run', '-d', '--name', 'dying', '--network', 'app', '-p', '18080:80', labImage, 'sleep', '100000');
  await struck(method, when, () => docker('stop', '-t', '0', 'dying'));
  const again = await docker('start', 'dying');
  expect(again, again.stderr).toMatchObject({ code: 0 });
  await worksNow('dying');
  expect(await docker('rm', '-f', 'dying')).toMatchObject({ code: 0 });
});

const fixed = ['--network', 'app', '--ip', '10.42.0.77', labImage, 'sleep', '100000'];
const ipOf = (name: string) =>
  host.docker('inspect', '-f', '{{.NetworkSettings.Networks.app.IPAddress}} {{.State.Running}}', name);

describe('a container with an address of its own, which is on disk as an endpoint’s that Docker does not have,', () => {
  test('is started again at once: killed after its CreateEndpoint', { timeout: 120_000 }, async () => {
    afterwards('fixed');
    await struck('NetworkDriver.CreateEndpoint', 'after', () => docker('run', '-d', '--name', 'fixed', ...fixed));
    if (!(await ipOf('fixed')).endsWith('true')) {
      const again = await docker('start', 'fixed');
      expect(again, again.stderr).toMatchObject({ code: 0 });
    }
    expect(await ipOf('fixed')).toBe('10.42.0.77 true');
    await worksNow('fixed');
  });

  test('is started again at once: killed before its DeleteEndpoint', { timeout: 120_000 }, async () => {
    afterwards('fixed');
    await host.docker('run', '-d', '--name', 'fixed', ...fixed);
    await struck('NetworkDriver.DeleteEndpoint', 'before', () => docker('stop', '-t', '0', 'fixed'));
    const again = await docker('start', 'fixed');
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await ipOf('fixed')).toBe('10.42.0.77 true');
    await worksNow('fixed');
  });

  test.each([
    ['NetworkDriver.CreateEndpoint', 'after'],
    ['NetworkDriver.DeleteEndpoint', 'before'],
  ] as const)(
    'comes back by itself where Docker is to restart it: at %s, %s it',
    { timeout: 180_000 },
    async (method, when) => {
      afterwards('fixed');
      await host.docker('run', '-d', '--name', 'fixed', '--restart', 'always', ...fixed);
      const pid = await host.docker('inspect', '-f', '{{.State.Pid}}', 'fixed');
      await struck(method, when, () => host.output(['kill', '-9', pid]));
      await eventually('it runs again', async () => (await ipOf('fixed')) === '10.42.0.77 true', 90_000).catch(
        async (cause) => {
          throw new Error(await whatDockerSays(), { cause });
        },
      );
      await worksNow('fixed');
    },
  );
});

test('afterwards nothing is left, in the kernel or in the cluster', { timeout: 240_000 }, async () => {
  interface Shown {
    readonly containers: readonly { readonly name: string }[];
  }
  await eventually(
    'only the resident in the cluster',
    async () => (await cluster.json<Shown>('network', 'inspect', 'app')).containers.length === 1,
    200_000,
  );
  await eventually(
    'the kernel as before',
    async () => JSON.stringify(await kernel()) === JSON.stringify(whole),
    20_000,
  ).catch(async (error) => {
    expect(await kernel()).toEqual(whole);
    throw error;
  });
  await worksNow('resident');
});

// The last one: with Docker, the resident ends.
test('where Docker dies after it has asked for an address, that is given to the same container again', {
  timeout: 120_000,
}, async () => {
  afterwards('fixed');
  await host.docker('create', '--name', 'fixed', ...fixed);
  const killed = Promise.withResolvers<void>();
  const middle = await between('NetworkDriver.CreateEndpoint', 'before', async () => {
    await host.killDocker().finally(killed.resolve);
  });
  await docker('start', 'fixed');
  await killed.promise;
  await middle[Symbol.asyncDispose]();
  await host.startDocker();
  const again = await docker('start', 'fixed');
  expect(again, again.stderr).toMatchObject({ code: 0 });
  expect(await ipOf('fixed')).toBe('10.42.0.77 true');
});
