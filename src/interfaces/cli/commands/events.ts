/** `events`. */
import { type Command, Option } from 'commander';
import { isFailure } from '../../../domain/errors.ts';
import type { ByteStream } from '../../../protocol/api.ts';
import type { ClusterEvent } from '../../../protocol/events.ts';
import { define, type Format, formatOption, run, textOf } from '../define.ts';
import { agrees, type Filtered, filterOption, type Keys } from '../filters.ts';
import { type Session, untilInterrupted } from '../session.ts';
import { printable } from '../text.ts';
import { usage } from '../usage.ts';
import { moment } from '../values.ts';

interface EventsFlags extends Format, Filtered {
  readonly since?: number;
  readonly until?: number;
  /** `--no-follow` */
  readonly follow: boolean;
}

/** What a server's restart takes, between two tries. Milliseconds. */
const retryMs = 1000;
/** Clocks of two servers differ: from the next one so much is asked for again. Milliseconds. */
const overlapMs = 5000;
/** Events that are known when they come again. */
const remembered = 5000;

const keys: Keys<ClusterEvent> = {
  name: ({ name, attributes }) => [name, ...(attributes.container === undefined ? [] : [attributes.container])],
  type: ({ type }) => type,
  action: ({ action }) => action,
  node: ({ node = '' }) => node,
  network: ({ type, name, attributes }) => (type === 'network' ? name : (attributes.network ?? '')),
  image: ({ attributes }) => attributes.image ?? '',
};

export function eventsCommand(program: Command, session: Session): void {
  const time = usage((text: string) => moment(session.io.now(), text));
  define(program, 'events', 'Tell what happens in the cluster: containers, nodes, networks, repairs', [
    'events',
    'events --since 10m --filter type=node',
    'events --filter action=die -o json',
    'events --since 1h --no-follow',
  ])
    .addOption(
      new Option('--since <TIME>', 'first what happened from then on: 10m ago, or 2026-01-31T10:00:00Z').argParser(
        time,
      ),
    )
    .addOption(new Option('--until <TIME>', 'only what happens before').argParser(time))
    .option('--no-follow', 'end with the newest')
    .addOption(filterOption(keys))
    .addOption(formatOption())
    .action(run(session, (flags: EventsFlags) => events(session, flags)));
}

async function events(session: Session, flags: EventsFlags): Promise<number> {
  const told = new Told(session, flags);
  return untilInterrupted(session, async (signal) => {
    for (;;) {
      try {
        await told.once(signal);
        return 0;
      } catch (error) {
        signal.throwIfAborted();
        if (!told.begun || !flags.follow || !(isFailure(error, 'unavailable') || isFailure(error, 'deadline')))
          throw error;
      }
      await session.io.sleep(retryMs);
      signal.throwIfAborted();
    }
  });
}

class Told {
  readonly #session: Session;
  readonly #flags: EventsFlags;
  readonly #ids = new Set<string>();
  #since: number | undefined;
  begun = false;

  constructor(session: Session, flags: EventsFlags) {
    this.#session = session;
    this.#flags = flags;
    this.#since = flags.since ?? (flags.follow ? undefined : 0);
  }

  /** Until a server has told all that was asked for. Once it has begun, another is asked for what came since. */
  async once(signal: AbortSignal): Promise<void> {
    const { follow, until } = this.#flags;
    const since = this.#since === undefined ? {} : { since: this.#since };
    const stream = await this.#session.open('cluster.events', {
      follow,
      ...since,
      ...(until === undefined ? {} : { until }),
    });
    this.#since ??= this.#session.io.now() - overlapMs;
    this.begun = true;
    const stop = () => stream.reset(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      for await (const some of eventsIn(stream)) await this.#show(some);
      await stream.result;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #show(some: readonly ClusterEvent[]): Promise<void> {
    const fresh = some.filter((event) => this.#isNew(event));
    const shown = fresh.filter((event) => agrees(event, this.#flags, keys));
    if (shown.length > 0) await this.#session.io.stdout.write(await this.#textOf(shown));
  }

  #isNew({ id, time }: ClusterEvent): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > remembered && oldest !== undefined) this.#ids.delete(oldest);
    this.#since = Math.max(this.#since ?? 0, time - overlapMs);
    return true;
  }

  async #textOf(some: readonly ClusterEvent[]): Promise<string> {
    // What goes on has no end, so it cannot be one array.
    if (this.#flags.output === 'json') return some.map((event) => `${JSON.stringify(event)}\n`).join('');
    return textOf(this.#flags.output, some, (all) => all.map(lineOf).join(''));
  }
}

async function* eventsIn(stream: ByteStream): AsyncGenerator<ClusterEvent[]> {
  let rest = '';
  for await (const { data } of stream) {
    const lines = (rest + Buffer.from(data).toString()).split('\n');
    rest = lines.pop() ?? '';
    yield lines.map((line) => JSON.parse(line) as ClusterEvent);
  }
}

/** As docker's: time, type, action, name, and in parentheses what else is known. */
function lineOf({ time, type, action, name, node, message, attributes }: ClusterEvent): string {
  const known = Object.entries({ ...(node === undefined ? {} : { node }), ...attributes });
  const pairs = known.map(([key, value]) => `${key}=${value}`).join(', ');
  const words = [new Date(time).toISOString(), type, action, name, ...(pairs === '' ? [] : [`(${pairs})`])];
  return `${printable(`${words.join(' ')}${message === '' ? '' : `: ${message}`}`)}\n`;
}
