import { describe, expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import type { ByteStream } from './api.ts';
import { streamWindow } from './inbox.ts';
import { relay, streamPair } from './streams.ts';

async function readAll(stream: ByteStream): Promise<string> {
  let text = '';
  for await (const { channel, data } of stream) text += `${channel}:${Buffer.from(data)} `;
  return text;
}

describe('streamPair', () => {
  test('what is sent at one end is read at the other, with its channel, until the end and its result', async () => {
    const [a, b] = streamPair();
    await a.send(1, Buffer.from('x'));
    await a.send(2, Buffer.from('y'));
    a.end({ exitCode: 3 });
    expect(await readAll(b)).toBe('1:x 2:y ');
    expect(await b.result).toEqual({ exitCode: 3 });
    await b.send(0, Buffer.from('still open'));
    b.end();
    expect(await readAll(a)).toBe('0:still open ');
    expect(await a.result).toBeUndefined();
  });

  test('a writer waits for its reader', async () => {
    const [a, b] = streamPair();
    let sent = 0;
    const writing = (async () => {
      for (; sent < 64; sent++) await a.send(1, Buffer.alloc(streamWindow / 8));
      a.end();
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBeLessThan(9);
    let bytes = 0;
    for await (const { data } of b) bytes += data.length;
    await writing;
    expect(bytes).toBe(8 * streamWindow);
  });

  test('a reset fails both sides, and whoever waits to send', async () => {
    const [a, b] = streamPair();
    const stuck = a.send(1, Buffer.alloc(streamWindow));
    b.reset(new Failure('denied', 'No.'));
    await expect(stuck).rejects.toMatchObject({ code: 'denied', message: 'No.' });
    await expect(a.result).rejects.toMatchObject({ code: 'denied' });
    await expect(b.result).rejects.toMatchObject({ code: 'denied' });
    await expect(readAll(a)).rejects.toMatchObject({ code: 'denied' });
    await expect(a.send(1, Buffer.from('late'))).rejects.toMatchObject({ code: 'denied' });
  });

  test('a reader that leaves early resets the stream', async () => {
    const [a, b] = streamPair();
    await a.send(1, Buffer.from('x'));
    for await (const _ of b) break;
    await expect(a.send(1, Buffer.from('y'))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('what waits to be read', () => {
  test('is read together, channel by channel in its order, up to 64 KiB; messages stay apart', async () => {
    const [a, b] = streamPair();
    for (const [channel, text] of [
      ...([
        [1, 'a'],
        [1, 'b'],
        [2, 'c'],
        [1, 'd'],
        [3, '{}'],
        [3, '[]'],
        [0, 'e'],
        [0, 'f'],
      ] as const),
    ]) {
      void a.send(channel, Buffer.from(text));
    }
    a.end();
    expect(await readAll(b)).toBe('1:ab 2:c 1:d 3:{} 3:[] 0:ef ');
    const [c, d] = streamPair();
    for (let n = 0; n < 100; n += 1) void c.send(1, Buffer.alloc(1000, n));
    c.end();
    const sizes: number[] = [];
    const bytes: number[] = [];
    for await (const { data } of d) {
      sizes.push(data.length);
      bytes.push(...data.filter((_, at) => at % 1000 === 0));
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
    expect(sizes.length).toBeLessThan(5);
    expect(bytes).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test('and its writers go on as if it had been read by the piece', async () => {
    const [a, b] = streamPair();
    let sent = 0;
    const writing = (async () => {
      for (; sent < 20_000; sent += 1) await a.send(1, Buffer.alloc(100));
      a.end();
    })();
    let bytes = 0;
    for await (const { data } of b) bytes += data.length;
    await writing;
    expect(bytes).toBe(2_000_000);
  });
});

describe('relay', () => {
  test('carries both directions and the results', async () => {
    const [client, middle] = streamPair();
    const [other, server] = streamPair();
    const joined = relay(middle, other);
    await client.send(0, Buffer.from('question'));
    client.end('asked');
    expect(await readAll(server)).toBe('0:question ');
    expect(await server.result).toBe('asked');
    await server.send(1, Buffer.from('answer'));
    server.end({ exitCode: 0 });
    expect(await readAll(client)).toBe('1:answer ');
    expect(await client.result).toEqual({ exitCode: 0 });
    await joined;
  });

  test('a slow reader at the far end holds the writer back', async () => {
    const [client, middle] = streamPair();
    const [other, server] = streamPair();
    const joined = relay(middle, other);
    let sent = 0;
    const writing = (async () => {
      for (; sent < 100; sent++) await client.send(1, Buffer.alloc(streamWindow / 4));
      client.end();
    })();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent).toBeLessThan(12);
    let bytes = 0;
    for await (const { data } of server) bytes += data.length;
    expect(bytes).toBe(25 * streamWindow);
    server.end();
    await Promise.all([writing, joined]);
  });

  test('a reset at one end reaches the other end with its reason, also while it is writing', async () => {
    const [client, middle] = streamPair();
    const [other, server] = streamPair();
    const joined = relay(middle, other);
    const writing = (async () => {
      for (;;) await client.send(1, Buffer.alloc(streamWindow));
    })();
    server.reset(new Failure('not-found', 'The container is gone.'));
    await expect(writing).rejects.toMatchObject({ code: 'not-found', message: 'The container is gone.' });
    await expect(client.result).rejects.toMatchObject({ code: 'not-found' });
    await joined;
  });
});
