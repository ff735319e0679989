import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { channels, type LogPosition, type StreamChunk } from '../../protocol/protocol.ts';
import { engineTime, LogPositions } from './log-positions.ts';

interface Message {
  readonly type: 1 | 2;
  readonly at: string;
  readonly text: string;
}

function frame({ type, at, text }: Message): Buffer {
  const payload = Buffer.from(`${at} ${text}`);
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

const raw = ({ at, text }: Message): Buffer => Buffer.from(`${at} ${text}`);

/** Nanoseconds of one second; few, so that several messages have one time. */
const time = (n: number) => `2026-11-21T10:00:00.${String(n).padStart(9, '0')}Z`;

/** As an engine would keep them: in the order of their times. */
const logs = fc
  .array(fc.tuple(fc.nat(4), fc.constantFrom(1 as const, 2 as const), fc.nat(30)), { minLength: 1, maxLength: 30 })
  .map((all) =>
    all
      .sort(([one], [other]) => one - other)
      .map(([at, type, size], n): Message => ({ type, at: time(at), text: `${n}${'x'.repeat(size)}\n` })),
  );

function read(log: LogPositions, bytes: Buffer, cuts: readonly number[]): StreamChunk[] {
  let rest = bytes;
  const got: StreamChunk[] = [];
  for (const cut of [...cuts, bytes.length]) {
    got.push(...log.push(Buffer.from(rest.subarray(0, cut))));
    rest = rest.subarray(cut);
  }
  return [...got, ...log.finish()];
}

const textOf = (chunks: readonly StreamChunk[]) =>
  chunks
    .filter(({ channel }) => channel !== channels.control)
    .map(({ data }) => Buffer.from(data).toString())
    .join('');

const positionIn = ({ data }: StreamChunk) => JSON.parse(Buffer.from(data).toString()) as LogPosition;

describe.each([
  { tty: false, bytesOf: frame },
  { tty: true, bytesOf: raw },
])('a log (tty: $tty)', ({ tty, bytesOf }) => {
  test('loses its times and nothing else; each position lets one go on without loss and nothing twice', () => {
    fc.assert(
      fc.property(logs, fc.array(fc.nat(80), { maxLength: 30 }), (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(bytesOf));
        const whole = messages.map(({ text }) => text).join('');
        const chunks = read(new LogPositions({ tty, timestamps: false }), bytes, cuts);
        expect(textOf(chunks)).toBe(whole);
        for (const [index, chunk] of chunks.entries()) {
          if (chunk.channel !== channels.control) continue;
          const after = positionIn(chunk);
          // As the engine does when it is asked for what is not before that time.
          const since = Buffer.concat(messages.filter(({ at }) => at >= after.at).map(bytesOf));
          const rest = read(new LogPositions({ tty, timestamps: false, after }), since, cuts);
          expect(textOf(chunks.slice(0, index)) + textOf(rest)).toBe(whole);
        }
      }),
    );
  });

  test('keeps its times for whoever wants to see them', () => {
    const bytes = Buffer.concat([
      bytesOf({ type: 1, at: time(1), text: 'a\n' }),
      bytesOf({ type: 1, at: time(2), text: 'b\n' }),
    ]);
    const chunks = read(new LogPositions({ tty, timestamps: true }), bytes, []);
    expect(textOf(chunks)).toBe(`${time(1)} a\n${time(2)} b\n`);
  });

  test('parts of a long line are put together again', () => {
    const part = 'x'.repeat(16 * 1024);
    const messages: Message[] = [1, 2, 3].map((n) => ({ type: 1, at: time(n), text: n === 3 ? 'end\n' : part }));
    const chunks = read(
      new LogPositions({ tty, timestamps: false }),
      Buffer.concat(messages.map(bytesOf)),
      [40, 20_000],
    );
    expect(textOf(chunks)).toBe(`${part}${part}end\n`);
    expect(positionIn(chunks.at(-1) as StreamChunk)).toMatchObject({ at: time(3), count: 1 });
  });
});

test('channels stay apart, in their order', () => {
  const bytes = Buffer.concat([
    frame({ type: 1, at: time(1), text: 'a\n' }),
    frame({ type: 2, at: time(2), text: 'b\n' }),
    frame({ type: 2, at: time(3), text: 'c\n' }),
  ]);
  const chunks = read(new LogPositions({ tty: false, timestamps: false }), bytes, []);
  expect(chunks.map(({ channel, data }) => [channel, Buffer.from(data).toString()])).toEqual([
    [channels.stdout, 'a\n'],
    [channels.stderr, 'b\nc\n'],
    [channels.control, JSON.stringify({ type: 'position', at: time(3), count: 1 })],
  ]);
});

test('a terminal that goes on and on without a line is not kept', () => {
  const log = new LogPositions({ tty: true, timestamps: false });
  const sent = 100 * 1024;
  let got = 0;
  for (let n = 0; n < sent; n += 1024) got += textOf(log.push(Buffer.alloc(1024, 'y'))).length;
  expect(got).toBeGreaterThan(sent - 40 * 1024);
});

test('an engine takes times as seconds and nanoseconds', () => {
  expect(engineTime('1970-01-01T00:01:40.000000001Z')).toBe('100.000000001');
  expect(engineTime('1970-01-01T02:01:40.5+02:00')).toBe('100.500000000');
});
