/**
 * A log with the engine's timestamps as a log with positions: after each chunk of whole messages a `position` on the control
 * channel says where one is, so that whoever loses the connection can go on from there with the next one. Timestamps are
 * taken out again unless somebody wants to see them. Pure.
 */
import { type Channel, channels, type LogPosition, type StreamChunk, writeControl } from '../../protocol/protocol.ts';
import { FrameSplitter, Joined, type Reading } from './frames.ts';

/** As the engine writes it before each message, with a space behind it. */
const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d) /;
const longestStamp = 36;
/** Where engines part a message that goes on and on. */
const partSize = 16 * 1024;
/** Of a terminal's log, which has no frames. What is longer passes without a position in between. */
const keptBackLimit = 2 * partSize;
const newline = 10;

export interface LogPositionsOptions {
  readonly tty: boolean;
  /** Whether somebody wants to see the times. */
  readonly timestamps: boolean;
  /** What came up to there has been seen. The log begins at its time. */
  readonly after?: LogPosition;
}

export class LogPositions implements Reading {
  readonly #options: LogPositionsOptions;
  readonly #frames = new FrameSplitter();
  readonly #terminal = new TerminalSplitter();
  #position: LogPosition | undefined;
  #toSkip: LogPosition | undefined;
  #skipped = 0;

  constructor(options: LogPositionsOptions) {
    this.#options = options;
    this.#position = options.after;
    this.#toSkip = options.after;
  }

  push(data: Buffer): readonly StreamChunk[] {
    return this.#read(
      (this.#options.tty ? this.#terminal : this.#frames).push(data),
      data.length + keptBackLimit + partSize,
    );
  }

  finish(): readonly StreamChunk[] {
    return this.#options.tty ? this.#read(this.#terminal.finish(), keptBackLimit) : [];
  }

  #read(
    messages: Iterable<{ readonly channel: Channel; readonly data: Buffer }>,
    most: number,
  ): readonly StreamChunk[] {
    const joined = new Joined(Buffer.allocUnsafe(most));
    for (const { channel, data } of messages) this.#take(joined, channel, data);
    const position = this.#position;
    if (joined.size > 0 && position !== undefined) {
      joined.append({ channel: channels.control, data: writeControl({ type: 'position', ...position }) });
    }
    return joined.chunks();
  }

  #take(joined: Joined, channel: Channel, data: Buffer): void {
    const [text = ''] = stamp.exec(data.toString('latin1', 0, longestStamp)) ?? [];
    const at = text.slice(0, -1);
    if (at !== '' && this.#isSeen(at)) return;
    if (at !== '') this.#position = { at, count: at === this.#position?.at ? this.#position.count + 1 : 1 };
    joined.add(channel, data, this.#options.timestamps ? 0 : text.length, data.length);
  }

  #isSeen(at: string): boolean {
    if (this.#toSkip === undefined) return false;
    if (at === this.#toSkip.at && this.#skipped < this.#toSkip.count) {
      this.#skipped += 1;
      return true;
    }
    this.#toSkip = undefined;
    return false;
  }
}

/** Messages of a terminal's log: lines, or parts of a long one. */
class TerminalSplitter {
  #rest: Buffer = Buffer.alloc(0);

  *push(data: Buffer): Generator<{ readonly channel: Channel; readonly data: Buffer }> {
    let all = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    for (let end = endOf(all); end > 0; end = endOf(all)) {
      yield { channel: channels.stdout, data: all.subarray(0, end) };
      all = all.subarray(end);
    }
    this.#rest = all;
  }

  *finish(): Generator<{ readonly channel: Channel; readonly data: Buffer }> {
    if (this.#rest.length > 0) yield { channel: channels.stdout, data: this.#rest };
    this.#rest = Buffer.alloc(0);
  }
}

/** Where the first message of these bytes ends; 0: not in them. */
function endOf(data: Buffer): number {
  const end = data.indexOf(newline) + 1;
  const from = (stamp.exec(data.toString('latin1', 0, longestStamp))?.[0] ?? '').length;
  const part = from + partSize;
  if (end > 0 && end <= part) return end;
  // A part has no end of its own: the next one's time follows it.
  if (stamp.test(data.toString('latin1', part, part + longestStamp))) return part;
  if (end > 0) return end;
  return data.length > keptBackLimit ? data.length : 0;
}

/** As the engine reads times: seconds and nanoseconds, lossless. */
export function engineTime(at: string): string {
  const [, whole = '', fraction = '', zone = 'Z'] = /^([\d-]+T[\d:]+)(?:\.(\d+))?(.*)$/.exec(at) ?? [];
  return `${Math.floor(Date.parse(`${whole}${zone}`) / 1000)}.${fraction.padEnd(9, '0')}`;
}
