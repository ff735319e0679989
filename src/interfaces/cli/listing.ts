/** What all commands that list have in common: `-q`, `--filter`, `--no-trunc`, `-o`, `--watch`. */
import type { Command } from 'commander';
import { isFailure } from '../../domain/errors.ts';
import type { ByteStream } from '../../protocol/api.ts';
import type { ClusterChange, WatchTopic } from '../../protocol/stream-methods.ts';
import { type Format, formatOption, textOf, type Width, wholeLines, widthOf } from './define.ts';
import { type Filtered, filterOption, type Keys } from './filters.ts';
import { type Session, untilInterrupted } from './session.ts';
import type { Look } from './views.ts';

export interface ListFlags extends Format, Filtered, Width {
  readonly quiet?: boolean;
  readonly watch?: boolean;
}

export interface List<T> {
  /** What else changes with it. */
  readonly topics: readonly WatchTopic[];
  items(): Promise<readonly T[]>;
  /** What `-q` shows of each. */
  word(item: T): string;
  table(items: readonly T[], look: Look): string;
}

export function listOptions<T>(command: Command, keys: Keys<T>, word: 'names' | 'ids'): Command {
  return command
    .option('-q, --quiet', `only ${word}`)
    .option('-w, --watch', 'show it again whenever something changes, until Ctrl-C')
    .addOption(filterOption(keys))
    .addOption(wholeLines())
    .addOption(formatOption());
}

/** @returns the exit code */
export async function showList<T>(session: Session, flags: ListFlags, list: List<T>): Promise<number> {
  const text = async () => {
    const items = await list.items();
    if (flags.quiet) return items.map((each) => `${list.word(each)}\n`).join('');
    return textOf(flags.output, items, (all, wide) => list.table(all, { wide, ...widthOf(session, flags) }));
  };
  if (flags.watch) await watch(session, list.topics, text);
  else await session.io.stdout.write(await text());
  return 0;
}

/** What a server's restart takes, between two tries. Milliseconds. */
const retryMs = 1000;

/** On a terminal each takes the place of the one before; elsewhere they follow one another. Never the same twice. */
async function watch(session: Session, topics: readonly WatchTopic[], text: () => Promise<string>): Promise<void> {
  let last: string | undefined;
  const again = async () => {
    const now = await text();
    if (now === last) return;
    last = now;
    await session.io.stdout.write(session.io.stdout.isTTY ? `\x1b[H\x1b[J${now}` : now);
  };
  await untilInterrupted(session, async (signal) => {
    for (;;) {
      await followed(session, topics, again, signal).catch(async (error: unknown) => {
        signal.throwIfAborted();
        if (!isFailure(error, 'unavailable') && !isFailure(error, 'deadline')) throw error;
        await session.complain(error);
      });
      signal.throwIfAborted();
      await session.io.sleep(retryMs);
      signal.throwIfAborted();
    }
  });
}

async function followed(
  session: Session,
  topics: readonly WatchTopic[],
  again: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const stream = await session.open('cluster.watch', {});
  const stop = () => stream.reset(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const { changed } of changes(stream)) if (changed.some((topic) => topics.includes(topic))) await again();
  } finally {
    signal.removeEventListener('abort', stop);
    stream.reset(new Error('no longer watched'));
  }
}

async function* changes(stream: ByteStream): AsyncGenerator<ClusterChange> {
  let rest = '';
  for await (const { data } of stream) {
    const lines = (rest + Buffer.from(data).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as ClusterChange;
  }
}
