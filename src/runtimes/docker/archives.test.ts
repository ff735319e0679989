import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../platform/platform.ts';
import { type ByteStream, channels, writeControl } from '../../protocol/protocol.ts';
import type { ContainerRuntime } from '../runtimes.ts';
import { readStat } from './archives.ts';
import { createDockerRuntime } from './docker.ts';
import { createFakeEngine, type FakeEngine } from './fake-engine.ts';

let fake: FakeEngine;
let docker: ContainerRuntime;
beforeEach(async () => {
  fake = await createFakeEngine();
  await fake.listen();
  docker = createDockerRuntime({ socketPath: fake.socketPath, log: silentLog });
});
afterEach(async () => {
  await docker[Symbol.asyncDispose]();
  await fake[Symbol.asyncDispose]();
});

const stat = (mode: number, linkTarget = '') =>
  Buffer.from(JSON.stringify({ name: 'x', size: 7, mode, mtime: '', linkTarget })).toString('base64');

async function bytesOf(stream: ByteStream): Promise<number> {
  let bytes = 0;
  for await (const { data } of stream) bytes += data.length;
  return bytes;
}

test('what there is at a path is told by the mode that Go writes', () => {
  expect(readStat(stat(0o644))).toEqual({ kind: 'file', size: 7, linkTarget: '' });
  expect(readStat(stat(2 ** 31 + 0o755)).kind).toBe('directory');
  expect(readStat(stat(2 ** 31 + 2 ** 20 + 0o777)).kind).toBe('directory');
  expect(readStat(stat(2 ** 27 + 0o777, '/etc/x'))).toMatchObject({ kind: 'link', linkTarget: '/etc/x' });
  expect(readStat(stat(2 ** 26 + 2 ** 21 + 0o600)).kind).toBe('other');
});

test('a path is looked at without its contents; one that is not there is no error', async () => {
  fake.answer = (request, response) => {
    if (request.url?.includes('nope')) response.writeHead(404).end();
    else response.setHeader('X-Docker-Container-Path-Stat', stat(0o644)).end();
  };
  expect(await docker.pathIn('c1', '/etc/passwd')).toMatchObject({ kind: 'file' });
  expect(await docker.pathIn('c1', '/nope')).toBeUndefined();
  expect(fake.requests).toContain('HEAD /v1.41/containers/c1/archive?path=%2Fetc%2Fpasswd');
});

describe('an archive', () => {
  test('is read no faster than its reader reads, and comes whole', async () => {
    let written = 0;
    fake.answer = async (_, response) => {
      for (; written < 64; written += 1) {
        if (!response.write(Buffer.alloc(1024 * 1024, 1)))
          await new Promise((resolve) => response.once('drain', resolve));
      }
      response.end();
    };
    const stream = await docker.archive('c1', '/srv');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written).toBeLessThan(8);
    expect(await bytesOf(stream)).toBe(64 * 1024 * 1024);
    expect(await stream.result).toEqual({});
  });

  test('that is cut off is a failure', async () => {
    fake.answer = (_, response) => {
      response.write('begun');
      setTimeout(() => response.destroy(), 20);
    };
    await expect(bytesOf(await docker.archive('c1', '/srv'))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('an upload', () => {
  test('is sent as it comes, held back by the engine, and is over when that has it all', async () => {
    let taken = 0;
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    fake.answer = async (request, response) => {
      await gate;
      for await (const data of request as AsyncIterable<Buffer>) taken += data.length;
      response.end();
    };
    const stream = await docker.extract('c1', '/srv', { toUser: false });
    let sent = 0;
    const sending = (async () => {
      for (; sent < 32; sent += 1) await stream.send(channels.stdin, Buffer.alloc(1024 * 1024));
      await stream.send(channels.control, writeControl({ type: 'end-of-input' }));
    })();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sent).toBeLessThan(8);
    open();
    await sending;
    expect(await stream.result).toEqual({});
    expect(taken).toBe(32 * 1024 * 1024);
    expect(fake.requests.at(-1)).toBe(
      'PUT /v1.41/containers/c1/archive?path=%2Fsrv&noOverwriteDirNonDir=true&copyUIDGID=false',
    );
  });

  test('that is refused in its middle ends with the sentence of the engine', async () => {
    fake.answer = (request, response) => {
      request.once('data', () => {
        response.writeHead(500).end(JSON.stringify({ message: 'write /srv/x: no space left on device' }));
      });
    };
    const stream = await docker.extract('c1', '/srv', { toUser: false });
    const sending = (async () => {
      for (;;) await stream.send(channels.stdin, Buffer.alloc(64 * 1024));
    })();
    await expect(stream.result).rejects.toMatchObject({
      code: 'exhausted',
      message: expect.stringMatching(/disk is full/),
    });
    await expect(sending).rejects.toMatchObject({ code: 'exhausted' });
  });

  test('whose sender goes is broken off', async () => {
    const aborted = Promise.withResolvers<void>();
    fake.answer = (request) => {
      request.resume();
      request.once('close', () => (request.complete ? aborted.reject(new Error('whole')) : aborted.resolve()));
      request.on('error', () => {});
    };
    const stream = await docker.extract('c1', '/srv', { toUser: false });
    await stream.send(channels.stdin, Buffer.alloc(1000));
    await expect.poll(() => fake.requests.at(-1)).toMatch(/^PUT/);
    stream.reset(new Error('gone'));
    await aborted.promise;
  });
});
