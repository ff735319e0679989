import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createEngine, type Engine } from './engine.ts';
import { createFakeEngine, type FakeEngine } from './fake-engine.ts';

let fake: FakeEngine;
let engine: Engine;

beforeEach(async () => {
  fake = await createFakeEngine();
  engine = createEngine(fake.socketPath);
});

afterEach(async () => {
  engine[Symbol.dispose]();
  await fake[Symbol.asyncDispose]();
});

const get = { method: 'GET', path: '/info', doing: 'say how it is' } as const;

describe('the version', () => {
  test('is asked once, also by many calls at once', async () => {
    await fake.listen();
    await Promise.all([engine.call(get), engine.call(get), engine.call(get)]);
    await engine.call(get);
    expect(fake.requests.filter((each) => each === 'GET /version')).toHaveLength(1);
    expect(fake.requests.filter((each) => each === 'GET /v1.41/info')).toHaveLength(4);
  });

  test('is asked again of an engine that was replaced, whether that was noticed or not', async () => {
    await fake.listen();
    await engine.call(get);
    fake.apiVersion = '1.44';
    await engine.call(get);
    expect(fake.requests.slice(-3)).toEqual(['GET /v1.41/info', 'GET /version', 'GET /v1.44/info']);

    await fake.die();
    await expect(engine.call(get)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/not running/),
    });
    fake.apiVersion = '1.41';
    await fake.listen();
    await engine.call(get);
    expect(fake.requests.slice(-2)).toEqual(['GET /version', 'GET /v1.41/info']);
  });

  test('of an engine that is too old is refused in every call', async () => {
    fake.apiVersion = '1.39';
    await fake.listen();
    await expect(engine.call(get)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/too old/),
    });
  });

  test('of something that is no engine', async () => {
    fake.apiVersion = 'nonsense';
    await fake.listen();
    await expect(engine.call(get)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

test('no socket: Docker is not installed or not running', async () => {
  await expect(engine.call(get)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^Docker is not installed or not running on this host/),
  });
});

test('a daemon that shuts down is asked nothing fresh any more, though it answers on connections that are kept', async () => {
  await fake.listen();
  await engine.call(get);
  fake.shutDown();
  await engine.call(get);
  const asked = fake.requests.length;
  await expect(engine.call({ ...get, method: 'POST', fresh: true })).rejects.toMatchObject({ code: 'unavailable' });
  expect(fake.requests).toHaveLength(asked);
});

test('an answer that does not come, or does not end, is a missed deadline', async () => {
  await fake.listen();
  fake.answer = () => {};
  const late = { code: 'deadline', message: 'Docker did not say how it is within 0.1 s; it hangs or is overloaded.' };
  await expect(engine.call({ ...get, timeoutMs: 100 })).rejects.toMatchObject(late);
  fake.answer = (_, response) => void response.write('{"half');
  await expect(engine.call({ ...get, timeoutMs: 100 })).rejects.toMatchObject(late);
});

test('answers have the form that was asked for, or fail with a sentence', async () => {
  await fake.listen();
  fake.answer = (_, response) => void response.end('{"Id":7}');
  await expect(engine.ask(get, z.object({ Id: z.string() }))).rejects.toMatchObject({ code: 'internal' });
  fake.answer = (_, response) => void response.end('<html>');
  await expect(engine.call(get)).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('JSON') });
  fake.answer = (_, response) => void response.writeHead(304).end();
  expect(await engine.call(get)).toBeUndefined();
});

test('connections are few, and none is left behind', async () => {
  await fake.listen();
  fake.answer = (_, response) => void setTimeout(() => response.end('{}'), 5);
  await Promise.all(Array.from({ length: 200 }, () => engine.call(get)));
  expect(fake.connections.opened).toBeLessThanOrEqual(32);
  await expect.poll(() => fake.connections.open).toBeLessThanOrEqual(2);
  fake.answer = (_, response) => void response.write('begun');
  const stream = await engine.open(get);
  engine[Symbol.dispose]();
  await expect.poll(() => fake.connections.open).toBe(0);
  expect(stream.destroyed).toBe(true);
  await expect(engine.call(get)).rejects.toMatchObject({ code: 'unavailable' });
});

test('an engine that offers no raw stream is told so', async () => {
  await fake.listen();
  await expect(engine.hijack({ ...get, method: 'POST' })).rejects.toMatchObject({ code: 'unavailable' });
});
