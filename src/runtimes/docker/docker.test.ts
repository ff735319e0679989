import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../platform/platform.ts';
import type { ContainerRuntime, RuntimeEvent } from '../runtimes.ts';
import { createDockerRuntime } from './docker.ts';
import { createFakeEngine, type FakeEngine } from './fake-engine.ts';

let fake: FakeEngine;
let docker: ContainerRuntime;

beforeEach(async () => {
  fake = await createFakeEngine();
  await fake.listen();
  docker = createDockerRuntime({
    socketPath: fake.socketPath,
    log: silentLog,
    clock: { now: () => Date.now(), sleep: async () => {} },
    credentials: async (registry) => `login-of-${registry}`,
  });
});

afterEach(async () => {
  await docker[Symbol.asyncDispose]();
  await fake[Symbol.asyncDispose]();
});

describe('a pull', () => {
  /** Answers the pull with lines; the image is missing. */
  const pulls = (...lines: unknown[]) => {
    const headers: unknown[] = [];
    fake.answer = (request, response) => {
      if (request.method === 'GET') {
        response.writeHead(404).end('{"message":"No such image: a:1"}');
        return;
      }
      headers.push(request.headers['x-registry-auth']);
      for (const line of lines) response.write(`${JSON.stringify(line)}\r\n`);
      if (lines.length > 0) response.end();
      else response.flushHeaders();
    };
    return headers;
  };

  test('tells its progress and uses the login of the registry', async () => {
    const headers = pulls({ status: 'Downloading', id: 'x', progressDetail: { current: 1e6, total: 2e6 } });
    const said: string[] = [];
    await docker.ensureImage('r.example/a', (sentence) => said.push(sentence), AbortSignal.timeout(5000));
    expect(said).toEqual(['pulling r.example/a from r.example', 'pulling r.example/a: 0 of 1 layers, 1.0 of 2.0 MB']);
    expect(headers).toEqual(['login-of-r.example']);
    expect(fake.requests.at(-1)).toBe('POST /v1.41/images/create?fromImage=r.example%2Fa&tag=latest');
  });

  test('uses a login that is brought along instead', async () => {
    const headers = pulls({ status: 'Pull complete', id: 'x' });
    await docker.ensureImage('r.example/a', () => {}, AbortSignal.timeout(5000), 'brought');
    expect(headers).toEqual(['brought']);
  });

  test('that fails on the way is a Failure', async () => {
    pulls({ status: 'Pulling', id: 'x' }, { errorDetail: { message: 'write x: no space left on device' }, error: 'x' });
    const pull = docker.ensureImage('a:1', () => {}, AbortSignal.timeout(5000));
    await expect(pull).rejects.toMatchObject({ code: 'exhausted' });
  });

  test('can be given up, before and while it answers', async () => {
    pulls();
    const controller = new AbortController();
    const pull = docker.ensureImage('a:1', () => {}, controller.signal);
    await expect.poll(() => fake.requests.length).toBe(3);
    controller.abort();
    await expect(pull).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('given up') });
    const again = docker.ensureImage('a:1', () => {}, controller.signal);
    await expect(again).rejects.toMatchObject({ message: expect.stringContaining('given up') });
  });
});

describe('events', () => {
  const event = { Type: 'container', Action: 'die', Actor: { ID: 'c1', Attributes: { name: 'web' } }, timeNano: 5e9 };

  test('go on after the engine broke off, with a new beginning each time', async () => {
    fake.answer = (_, response) => {
      response.write(`${JSON.stringify(event)}\n{"Type":"image","Action":"pull"}\n`);
      setTimeout(() => response.destroy(), 20);
    };
    const seen: RuntimeEvent[] = [];
    const controller = new AbortController();
    for await (const each of docker.events(controller.signal)) {
      seen.push(each);
      if (seen.length === 7) controller.abort();
    }
    const die = { type: 'container', action: 'die', id: 'c1', attributes: { name: 'web' }, time: 5000 };
    const [came, went] = [{ type: 'connected' }, { type: 'disconnected' }];
    expect(seen).toEqual([came, die, went, came, die, went, came]);
    await expect.poll(() => fake.connections.open).toBeLessThanOrEqual(1);
  });

  test('end when their reader leaves, or is told to, also while nothing happens', async () => {
    fake.answer = (_, response) => response.flushHeaders();
    for await (const each of docker.events(new AbortController().signal)) {
      expect(each).toEqual({ type: 'connected' });
      break;
    }
    const controller = new AbortController();
    for await (const _ of docker.events(controller.signal)) setTimeout(() => controller.abort(), 20);
    await expect.poll(() => fake.connections.open).toBeLessThanOrEqual(1);
  });
});

test('a client that leaves a follow of the logs ends it at the engine', async () => {
  let ended = false;
  fake.answer = (request, response) => {
    if (request.url?.includes('/json')) response.end('{"Config":{"Tty":true},"State":{"Status":"running"}}');
    else {
      response.flushHeaders();
      response.on('close', () => {
        ended = true;
      });
    }
  };
  const logs = await docker.logs('c1', { follow: true, timestamps: false });
  logs.reset(new Error('the terminal was closed'));
  await expect.poll(() => ended).toBe(true);
});

test('a daemon that shuts down starts nothing, though it answers', async () => {
  await docker.list({}).catch(() => {});
  fake.shutDown();
  await docker.list({}).catch(() => {});
  const asked = fake.requests.length;
  await expect(docker.start('0123456789ab'.padEnd(64, 'f'))).rejects.toMatchObject({ code: 'unavailable' });
  expect(fake.requests).toHaveLength(asked);
});

test('a refusal names the container as people know it', async () => {
  fake.answer = (_, response) =>
    response.writeHead(500).end('{"message":"exec: \\"x\\": executable file not found in $PATH"}');
  await expect(docker.start('0123456789ab'.padEnd(64, 'f'))).rejects.toMatchObject({
    message: 'Docker could not start the container 0123456789ab: the image has no executable x; check the command.',
  });
});
