/** A container's log as it comes, and as a file. */
import { open } from 'node:fs/promises';
import type { Api, ByteStream } from '../../../protocol/api.ts';
import { clause } from '../../cli/text.ts';
import { keptLines } from '../control/logs.ts';
import type { Happening, LogLine, LogRange } from '../state.ts';
import { LogLines } from './log-lines.ts';

/** Lines that come within this are shown at once. Milliseconds. */
const gatherMs = 40;
/** Of a line that is kept in memory; of one that is only passed on. Characters. */
const [longestShown, longestSaved] = [4096, 1024 * 1024];

const paramsOf = (reference: string, { since, until }: LogRange, follow: boolean, tail?: number) => ({
  ...{ name: reference, follow, timestamps: true },
  ...(tail === undefined ? {} : { tail }),
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
});

export class Logs {
  readonly #api: Api;
  readonly #dispatch: (happening: Happening) => void;
  #current: { over: boolean; stream?: ByteStream } | undefined;

  constructor(api: Api, dispatch: (happening: Happening) => void) {
    this.#api = api;
    this.#dispatch = dispatch;
  }

  close(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    current.over = true;
    current.stream?.reset(new Error('the log is not looked at any more'));
  }

  async open(stream: number, reference: string, range: LogRange): Promise<void> {
    this.close();
    const mine: { over: boolean; stream?: ByteStream } = { over: false };
    this.#current = mine;
    let pending: LogLine[] = [];
    let timer: NodeJS.Timeout | undefined;
    const flush = () => {
      clearTimeout(timer);
      timer = undefined;
      if (pending.length > 0 && !mine.over) this.#dispatch({ kind: 'log-lines', stream, lines: pending });
      pending = [];
    };
    let why = '';
    try {
      const params = paramsOf(reference, range, range.until === undefined, keptLines);
      mine.stream = await this.#api.open('workload.logs', params);
      if (mine.over) mine.stream.reset(new Error('the log is not looked at any more'));
      const lines = new LogLines(longestShown);
      for await (const { channel, data } of mine.stream) {
        pending.push(...lines.push(channel, data));
        // However fast it comes, no more is kept than is shown.
        if (pending.length > 2 * keptLines) pending = pending.slice(-keptLines);
        timer ??= setTimeout(flush, gatherMs);
      }
      pending.push(...lines.finish());
    } catch (error) {
      why = clause(error instanceof Error ? error.message : String(error));
    }
    flush();
    if (!mine.over) this.#dispatch({ kind: 'log-end', stream, why });
  }
}

/** The whole range, whatever of it is shown. @returns how many lines. @throws Failure, and what the file system has against it */
export async function saveLog(
  api: Api,
  reference: string,
  range: LogRange,
  timestamps: boolean,
  path: string,
): Promise<number> {
  const stream = await api.open('workload.logs', paramsOf(reference, range, false));
  // A file that is there already stays as it is.
  await using file = await open(path, 'wx', 0o600);
  const lines = new LogLines(longestSaved);
  let count = 0;
  const write = async (some: readonly LogLine[]) => {
    count += some.length;
    const text = some.map((line) => `${timestamps ? `${line.time} ` : ''}${line.text}\n`).join('');
    if (text !== '') await file.write(text);
  };
  for await (const { channel, data } of stream) await write(lines.push(channel, data));
  await write(lines.finish());
  return count;
}
