import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../domain/errors.ts';
import { type Api, type ByteStream, channels, type LogPosition } from './api.ts';
import { writeControl } from './control.ts';
import { type LogParams, openResumingLogs } from './resuming-logs.ts';
import { streamPair } from './streams.ts';

const params: LogParams = { name: 'web', follow: true, timestamps: false };

/** Ten messages to a time. */
const at = (n: number): LogPosition => ({ at: `t${String(Math.floor(n / 10)).padStart(3, '0')}`, count: (n % 10) + 1 });
const message = (n: number): string => `message ${n}${'.'.repeat(n % 7)}\n`;
const behind = ({ at, count }: LogPosition): number => Number(at.slice(1)) * 10 + count;

/**
 * A log of so many messages whose stream is lost again and again: after so many messages each, with or without the position of the
 * last, and then as a whole.
 */
function lossy(messages: number, losses: readonly { readonly after: number; readonly untold: boolean }[]) {
  const opened: unknown[] = [];
  const left = [...losses];
  const open = async (_: string, asked: unknown): Promise<ByteStream> => {
    opened.push(asked);
    const { after } = asked as { after?: LogPosition };
    const [near, far] = streamPair();
    const loss = left.shift();
    void (async () => {
      if (after !== undefined) await near.send(channels.control, writeControl({ type: 'position', ...after }));
      const first = after === undefined ? 0 : behind(after);
      for (let n = first; n < messages; n += 1) {
        if (loss !== undefined && n - first >= loss.after) {
          if (loss.untold) await near.send(channels.stdout, Buffer.from(message(n).slice(0, 4)));
          // What was sent is heard.
          await new Promise((resolve) => setImmediate(resolve));
          near.reset(new Failure('unavailable', 'the server went away'));
          return;
        }
        await near.send(channels.stdout, Buffer.from(message(n)));
        if (n % 3 > 0) await near.send(channels.control, writeControl({ type: 'position', ...at(n) }));
      }
      near.end();
    })().catch(() => {});
    return far;
  };
  return { api: { open } as unknown as Api, opened };
}

function clock() {
  let time = 0;
  const sleep = async (ms: number) => {
    time += ms;
  };
  return { now: () => time, sleep };
}

async function textOf(stream: ByteStream): Promise<string> {
  let text = '';
  for await (const { channel, data } of stream) if (channel === channels.stdout) text += Buffer.from(data);
  return text;
}

describe('a log whose connection is lost', () => {
  test('arrives whole and once, however often that is', async () => {
    const loss = fc.record({ after: fc.integer({ min: 3, max: 12 }), untold: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.array(loss, { maxLength: 8 }), async (count, losses) => {
        const { api } = lossy(count, losses);
        const text = await textOf(await openResumingLogs(api, params, clock()));
        expect(text).toBe(Array.from({ length: count }, (_, n) => message(n)).join(''));
      }),
    );
  });

  test('goes on from where it was, with what else was asked for', async () => {
    const { api, opened } = lossy(9, [{ after: 6, untold: false }]);
    await textOf(await openResumingLogs(api, { ...params, tail: 100 }, clock()));
    expect(opened).toEqual([
      { ...params, tail: 100, positions: true },
      { ...params, tail: 100, positions: true, after: at(5) },
    ]);
  });

  test('of which nothing was told yet begins anew; of which no position is known ends', async () => {
    const none = lossy(5, [{ after: 0, untold: false }]);
    expect(await textOf(await openResumingLogs(none.api, params, clock()))).toMatch(/^message 0/);
    const unknown = lossy(5, [{ after: 0, untold: true }]);
    await expect(textOf(await openResumingLogs(unknown.api, params, clock()))).rejects.toMatchObject({
      message: 'the server went away',
    });
  });

  test('ends when whoever is asked again does not know where it was', async () => {
    const { api } = lossy(9, [{ after: 6, untold: false }]);
    const old: Api = {
      ...api,
      open: (method, { after: _, ...asked }: Record<string, unknown>) => api.open(method, asked),
    };
    await expect(textOf(await openResumingLogs(old, params, clock()))).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(/too old/),
    });
  });

  test('is tried for half a minute, which is said once', async () => {
    const { api } = lossy(9, [{ after: 6, untold: false }]);
    let tries = 0;
    const gone: Api = {
      ...api,
      open: (method, asked) => {
        tries += 1;
        if (tries === 1) return api.open(method, asked);
        return Promise.reject(new Failure('unavailable', 'no server answers'));
      },
    };
    const troubles: string[] = [];
    const options = { ...clock(), onTrouble: (why: string) => void troubles.push(why) };
    await expect(textOf(await openResumingLogs(gone, params, options))).rejects.toMatchObject({
      message: 'no server answers',
    });
    expect(options.now()).toBe(30_000);
    expect(troubles).toEqual(['no server answers']);
  });

  test('is not asked for again when its container is gone', async () => {
    const { api } = lossy(9, [{ after: 6, untold: false }]);
    let tries = 0;
    const gone: Api = {
      ...api,
      open: (method, asked) => {
        tries += 1;
        return tries === 1 ? api.open(method, asked) : Promise.reject(new Failure('not-found', 'no container web'));
      },
    };
    const { now, sleep } = clock();
    await expect(textOf(await openResumingLogs(gone, params, { now, sleep }))).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(now()).toBe(0);
  });
});

test('whoever leaves ends the stream that there is', async () => {
  const [near, far] = streamPair();
  const api = { open: async () => far } as unknown as Api;
  const log = await openResumingLogs(api, params, clock());
  log.reset(new Failure('unavailable', 'Ctrl-C'));
  await expect(near.result).rejects.toMatchObject({ message: 'Ctrl-C' });
});

test('what cannot begin is not tried again', async () => {
  const api = { open: () => Promise.reject(new Failure('unavailable', 'nobody')) } as unknown as Api;
  await expect(openResumingLogs(api, params, clock())).rejects.toMatchObject({ message: 'nobody' });
});
