/** Bytes of a log with timestamps, as lines. */
import { StringDecoder } from 'node:string_decoder';
import { type Channel, channels } from '../../../protocol/api.ts';
import type { LogLine } from '../state.ts';

const stamped = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) ?/;

export class LogLines {
  readonly #longest: number;
  readonly #parts = new Map<Channel, { readonly decoder: StringDecoder; rest: string }>();

  /** @param longest a line that goes on and on is parted; characters */
  constructor(longest: number) {
    this.#longest = longest;
  }

  push(channel: Channel, data: Uint8Array): LogLine[] {
    if (channel !== channels.stdout && channel !== channels.stderr) return [];
    const part = this.#parts.get(channel) ?? { decoder: new StringDecoder('utf8'), rest: '' };
    this.#parts.set(channel, part);
    const lines = (part.rest + part.decoder.write(Buffer.from(data))).split('\n');
    part.rest = lines.pop() ?? '';
    const whole = lines.flatMap((line) => this.#parted(line));
    while (part.rest.length > this.#longest) {
      whole.push(part.rest.slice(0, this.#longest));
      part.rest = part.rest.slice(this.#longest);
    }
    return whole.map((line) => lineOf(line, channel));
  }

  #parted(line: string): string[] {
    if (line.length <= this.#longest) return [line];
    const count = Math.ceil(line.length / this.#longest);
    return Array.from({ length: count }, (_, i) => line.slice(i * this.#longest, (i + 1) * this.#longest));
  }

  /** What came without its end. */
  finish(): LogLine[] {
    const rests = [...this.#parts].filter(([, { rest }]) => rest !== '');
    return rests.map(([channel, { rest }]) => lineOf(rest, channel));
  }
}

function lineOf(line: string, channel: Channel): LogLine {
  const [all = '', time = ''] = stamped.exec(line) ?? [];
  return { time, text: line.slice(all.length).replace(/\r$/, ''), error: channel === channels.stderr };
}
