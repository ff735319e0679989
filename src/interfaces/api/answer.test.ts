/** The API over HTTP, on a local socket, with an Api that answers as told. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure, failureCodes } from '../../domain/domain.ts';
import { silentLog } from '../../platform/platform.ts';
import { channels, type StreamChunk, writeControl } from '../../protocol/protocol.ts';
import { serveLocalApi } from '../local/server.ts';
import { statuses } from './replies.ts';
import { ask, begin, eventsOf, FakeApi } from './testing/fake-api.ts';

let directory: string;
let socketPath: string;
let api: FakeApi;
let served: AsyncDisposable;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-api-'));
  socketPath = join(directory, 'api.sock');
  api = new FakeApi();
  served = await serveLocalApi({ socketPath, api, log: silentLog });
});
afterEach(async () => {
  await served[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) => ask(path, { socketPath, headers });
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  ask(path, { socketPath, body, headers });
const failureIn = (text: string) => (JSON.parse(text) as { error: { code: string; message: string } }).error;

describe('calls', () => {
  test('POST: parameters in the body, the result itself as the answer', async () => {
    api.answer = () => [{ name: 'h1' }];
    const { status, headers, text } = await post('/v1/node.list', '{}');
    expect({ status, type: headers['content-type'], text }).toEqual({
      ...{ status: 200, type: 'application/json', text: '[{"name":"h1"}]' },
    });
    await post('/v1/workload.remove', '{"name":"web","force":true}');
    expect(api.asked.map(({ method, params }) => [method, params])).toEqual([
      ['node.list', {}],
      ['workload.remove', { name: 'web', force: true }],
    ]);
  });

  test('GET of what looks: parameters in the query, lists by repetition, numbers and flags', async () => {
    await get('/v1/workload.stats?names=a&names=b%2Fc');
    await get('/v1/workload.wait?name=web&since=3&waitMs=1000');
    await get('/v1/workload.list');
    expect(api.asked.map(({ params }) => params)).toEqual([
      { names: ['a', 'b/c'] },
      { name: 'web', since: 3, waitMs: 1000 },
      {},
    ]);
  });

  test('nothing is changed by GET, and nothing is there besides', async () => {
    const changed = await get('/v1/workload.remove?name=web');
    expect([changed.status, changed.headers.allow]).toEqual([405, 'POST']);
    for (const path of ['/', '/v1/', '/v1/workload.teleport', '/v1/toString', '/v1/node.heartbeat', '/v2/node.list'])
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    expect(api.asked).toEqual([]);
  });

  test.each([
    ['/v1/workload.remove', '{"name":"web"}', 'force'],
    ['/v1/workload.run', '{"spec":{"image":7}}', 'spec.image'],
    ['/v1/workload.remove', '{"name":', 'not JSON'],
    ['/v1/workload.remove', '[]', 'workload.remove'],
    ['/v1/workload.remove?name=web', '{}', 'in the body'],
  ])('POST %s with %s names what is wrong', async (path, body, what) => {
    const { status, text } = await post(path, body);
    expect([status, failureIn(text).code]).toEqual([400, 'invalid']);
    expect(failureIn(text).message).toContain(what);
    expect(api.asked).toEqual([]);
  });

  test.each([
    ['/v1/workload.wait?name=web&since=x&waitMs=1', 'since is "x"'],
    ['/v1/workload.wait?name=web&name=b&since=0&waitMs=1', 'name is given more than once'],
    ['/v1/node.inspect', 'name'],
    ['/v1/node.list?nane=h1', 'no parameter "nane"'],
    ['/v1/workload.logs?name=web&follow=maybe', 'follow is "maybe"'],
  ])('GET %s names what is wrong', async (path, what) => {
    const { status, text } = await get(path);
    expect([status, failureIn(text).message]).toEqual([400, expect.stringContaining(what)]);
  });

  test.each(failureCodes)('a failure %s has its status, its code and its sentence', async (code) => {
    api.answer = () => {
      throw new Failure(code, 'it cannot be: do this');
    };
    const { status, text } = await get('/v1/node.list');
    expect({ status, said: failureIn(text) }).toEqual({
      ...{ status: statuses[code], said: { code, message: 'it cannot be: do this' } },
    });
  });

  test('a body that is too large is refused, and the refusal is read', async () => {
    const { status, text } = await post('/v1/workload.remove', `{"name":"${'x'.repeat(1024 * 1024)}"}`);
    expect([status, failureIn(text).message]).toEqual([400, expect.stringContaining('larger than')]);
  });

  test('Idempotency-Key: the same request is one, another body is another', async () => {
    const key = { 'idempotency-key': '"8e03978e"' };
    for (const body of ['{"uses":1,"ttlMs":1000}', '{"uses":1,"ttlMs":1000}', '{"uses":2,"ttlMs":1000}'])
      await post('/v1/token.create', body, key);
    await post('/v1/token.create', '{"uses":1,"ttlMs":1000}');
    const [one, again, other, without] = api.asked.map(({ options }) => options?.id);
    expect(one).toMatch(/^http-[0-9a-f]{40}$/);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
    expect(without).toBeUndefined();
    expect((await post('/v1/token.create', '{}', { 'idempotency-key': 'a b' })).status).toBe(400);
  });

  test('Prefer: wait says how long is waited', async () => {
    await get('/v1/node.list', { prefer: 'respond-async, wait=60' });
    await get('/v1/node.list');
    expect(api.asked.map(({ options }) => options?.deadlineMs)).toEqual([60_000, 30_000]);
    expect((await get('/v1/node.list', { prefer: 'wait=0' })).status).toBe(400);
  });

  test('the document is there', async () => {
    const { status, text } = await get('/v1/openapi.json');
    expect([status, (JSON.parse(text) as { openapi: string }).openapi]).toEqual([200, '3.1.0']);
    expect((await post('/v1/openapi.json', '{}')).status).toBe(405);
  });
});

describe('server-sent events', () => {
  test('a log: its output by channel, progress, and the end', async () => {
    api.serve = async (near) => {
      await near.send(channels.control, writeControl({ type: 'progress', message: 'looking' }));
      await near.send(channels.stdout, Buffer.from('one\r\ntwo\n'));
      // A character in two pieces.
      await near.send(channels.stderr, Buffer.from([0xc3]));
      await near.send(channels.stdout, Buffer.from('three\n'));
      await near.send(channels.stderr, Buffer.from([0xb1, 0xff]));
      near.end({});
    };
    const { status, headers, text } = await get('/v1/workload.logs?name=web&tail=5');
    expect([status, headers['content-type']]).toEqual([200, 'text/event-stream']);
    expect(text).toMatch(/^retry: 2000\n\n/);
    expect(eventsOf(text)).toEqual([
      { event: 'progress', data: 'looking' },
      { event: 'stdout', data: 'one\r\ntwo\n' },
      { event: 'stdout', data: 'three\n' },
      { event: 'stderr', data: 'ñ\ufffd' },
      { event: 'end', data: {} },
    ]);
    expect(api.asked[0]?.params).toEqual({ name: 'web', tail: 5, follow: false, timestamps: false });
  });

  test('as base64 it is what it was', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    api.serve = async (near) => {
      await near.send(channels.stdout, bytes);
      near.end({});
    };
    const { text } = await get('/v1/workload.logs?name=web&encoding=base64');
    expect(eventsOf(text)[0]).toEqual({ event: 'stdout', data: bytes.toString('base64') });
    expect((await get('/v1/workload.logs?name=web&encoding=rot13')).status).toBe(400);
  });

  const at = '2026-01-31T10:00:00.000000001Z';
  test('a followed log tells positions, and goes on from one', async () => {
    api.serve = async (near) => {
      await near.send(channels.control, writeControl({ type: 'position', at, count: 2 }));
      await near.send(channels.stdout, Buffer.from('next\n'));
      near.end({});
    };
    const first = eventsOf((await get('/v1/workload.logs?name=web&follow')).text);
    expect(first[0]).toEqual({ event: 'position', id: `${at}/2`, data: { at, count: 2 } });
    const again = await get('/v1/workload.logs?name=web&follow', { 'last-event-id': `${at}/2` });
    expect(eventsOf(again.text).map(({ event }) => event)).toEqual(['position', 'stdout', 'end']);
    expect(api.asked.map(({ params }) => params)).toEqual([
      { name: 'web', follow: true, timestamps: false, positions: true },
      { name: 'web', follow: true, timestamps: false, positions: true, after: { at, count: 2 } },
    ]);
    expect((await get('/v1/workload.logs?name=web', { 'last-event-id': 'nonsense' })).status).toBe(400);
  });

  test('a node that begins anew instead of going on is found out', async () => {
    api.serve = (near) => near.send(channels.stdout, Buffer.from('from the beginning\n'));
    const { text } = await get('/v1/workload.logs?name=web&follow', { 'last-event-id': `${at}/2` });
    expect(eventsOf(text)).toEqual([{ event: 'failure', data: expect.objectContaining({ code: 'invalid' }) }]);
  });

  test('lines of JSON, also in pieces, with ids that one goes on from; the one that was heard is not told again', async () => {
    const line = (id: string, time: number) => `${JSON.stringify({ id, time })}\n`;
    api.serve = async (near) => {
      const all = line('7/a', 100_000) + line('8/b', 100_001) + line('x\ny', 100_002);
      await near.send(channels.stdout, Buffer.from(all.slice(0, 10)));
      await near.send(channels.stdout, Buffer.from(all.slice(10)));
      near.end({});
    };
    const all = eventsOf((await get('/v1/cluster.events?follow=1')).text);
    expect(all.map(({ id }) => id)).toEqual(['100000/7/a', '100001/8/b', undefined, undefined]);
    const rest = await get('/v1/cluster.events?follow=1', { 'last-event-id': '100000/7/a' });
    expect(eventsOf(rest.text)).toHaveLength(all.length - 1);
    expect(api.asked[1]?.params).toEqual({ since: 95_000, follow: true });
  });

  test('what cannot begin is a failure with its status; what breaks is told as the last event', async () => {
    api.open = async () => {
      throw new Failure('not-found', 'there is no container "web"');
    };
    expect((await get('/v1/workload.logs?name=web')).status).toBe(404);
    delete (api as Partial<FakeApi>).open;
    api.serve = async (near) => {
      await near.send(channels.stdout, Buffer.from('one'));
      near.reset(new Failure('unavailable', 'node h2 went away'));
    };
    const { status, text } = await get('/v1/workload.logs?name=web');
    expect(status).toBe(200);
    expect(eventsOf(text).at(-1)).toEqual({
      ...{ event: 'failure', data: { code: 'unavailable', message: 'node h2 went away' } },
    });
  });

  test('a slow reader holds the writer, and one that goes away ends the stream', async () => {
    let sent = 0;
    const over = Promise.withResolvers<unknown>();
    api.serve = async (near) => {
      near.result.catch(over.resolve);
      try {
        for (;;) {
          await near.send(channels.stdout, Buffer.alloc(64 * 1024, 'x'));
          sent += 64 * 1024;
        }
      } catch {
        // It ends with its reader.
      }
    };
    const response = await begin('/v1/workload.logs?name=web&follow', { socketPath });
    response.pause();
    let before = -1;
    // It stands still: all windows are full.
    await expect
      .poll(
        () => {
          const still = sent === before;
          before = sent;
          return still;
        },
        { interval: 200, timeout: 10_000 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(4 * 1024 * 1024);
    response.destroy();
    expect(await over.promise).toMatchObject({ code: 'unavailable' });
  });
});

test.each(['/v1/workload.logs?name=web&follow', '/v1/workload.archive?name=web&path=%2F'])(
  'who goes away in the middle of %s ends what never ends by itself',
  async (path) => {
    const over = Promise.withResolvers<unknown>();
    api.serve = async (near) => {
      near.result.catch(over.resolve);
      // As fast as it is taken: it must leave the event loop its turns.
      await Promise.resolve()
        .then(async () => {
          for (;;) await near.send(channels.stdout, Buffer.alloc(1024, 'x'));
        })
        .catch(() => {});
    };
    const response = await begin(path, { socketPath });
    response.once('data', () => response.destroy());
    response.on('error', () => {});
    expect(await over.promise).toMatchObject({ code: 'unavailable' });
  },
);

describe('bytes', () => {
  test('an archive is the body of the answer', async () => {
    api.serve = async (near) => {
      await near.send(channels.stdout, Buffer.from('tar'));
      near.end({});
    };
    const { headers, text } = await get('/v1/workload.archive?name=web&path=%2Fetc');
    expect([headers['content-type'], text]).toEqual(['application/x-tar', 'tar']);
  });

  test('what fails before the first byte has its status, what fails later has no end', async () => {
    api.serve = (near) => near.reset(new Failure('not-found', 'there is no /etc'));
    expect((await get('/v1/workload.archive?name=web&path=%2Fetc')).status).toBe(404);
    api.serve = async (near) => {
      await near.send(channels.stdout, Buffer.from('half'));
      setTimeout(() => near.reset(new Failure('unavailable', 'gone')), 50);
    };
    await expect(get('/v1/workload.archive?name=web&path=%2Fetc')).rejects.toThrow();
  });

  test('an archive that is sent goes on as it comes, and its end is told', async () => {
    const taken: StreamChunk[] = [];
    api.serve = async (near) => {
      for await (const chunk of near) {
        taken.push(chunk);
        if (chunk.channel === channels.control) near.end({});
      }
    };
    const body = 'x'.repeat(3 * 1024 * 1024);
    const { status, text } = await post('/v1/workload.extract?name=web&path=%2Ftmp', body);
    expect([status, text]).toEqual([200, '{}']);
    const bytes = taken
      .filter(({ channel }) => channel === channels.stdin)
      .reduce((sum, { data }) => sum + data.length, 0);
    expect(bytes).toBe(body.length);
    expect(api.asked[0]?.params).toEqual({ name: 'web', path: '/tmp', toUser: false });
  });

  test('an archive that the container refuses is answered with why', async () => {
    api.serve = async (near) => {
      await near[Symbol.asyncIterator]().next();
      near.reset(new Failure('exhausted', 'the disk is full'));
    };
    const { status, text } = await post('/v1/workload.extract?name=web&path=%2Ftmp', 'x'.repeat(100_000));
    expect([status, failureIn(text).message]).toEqual([507, 'the disk is full']);
  });

  test('a request that breaks off is not taken for a whole archive', async () => {
    const over = Promise.withResolvers<unknown>();
    let ended = false;
    api.serve = async (near) => {
      near.result.catch(over.resolve);
      try {
        for await (const { channel } of near) ended ||= channel === channels.control;
      } catch {
        // It is told above.
      }
    };
    const { request } = await import('node:http');
    const path = '/v1/workload.extract?name=web&path=%2Ftmp';
    const asking = request({ socketPath, path, method: 'POST', headers: { 'content-length': '1000' }, agent: false });
    asking.on('error', () => {});
    asking.write('half');
    await expect.poll(() => api.asked.length).toBe(1);
    asking.destroy();
    await over.promise;
    expect(ended).toBe(false);
  });

  test('what goes both ways is no plain GET', async () => {
    const { status, text } = await get('/v1/workload.exec?name=web&command=ls');
    expect([status, failureIn(text).message]).toEqual([426, expect.stringContaining('WebSocket')]);
  });
});
