/** `stats`. */
import type { Command } from 'commander';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import { isFailure } from '../../../domain/errors.ts';
import type { StatsView } from '../../../protocol/views.ts';
import { containerNames } from '../container-names.ts';
import { define, type Format, formatOption, run, textOf, type Width, wholeLines, widthOf } from '../define.ts';
import { type Session, untilInterrupted } from '../session.ts';
import { percent, size, table } from '../text.ts';
import { each } from '../usage.ts';
import type { Look } from '../views.ts';

interface StatsFlags extends Format, Width {
  /** `--no-stream` */
  readonly stream: boolean;
}

/** Between two looks. Milliseconds. */
const pauseMs = 1000;
const deadlineMs = 8000;

export function statsCommand(program: Command, session: Session): void {
  define(program, 'stats', 'Show what containers use, on whatever hosts they are', [
    'stats',
    'stats web db',
    'stats --no-stream -o json',
    "stats --no-stream -o '{{.name}} {{.cpu}}'",
  ])
    .option('--no-stream', 'once, and not again every second')
    .addOption(wholeLines())
    .addOption(formatOption())
    .argument('[CONTAINER...]', 'names or ids of containers (default: all that run)', each(checkContainerReference))
    .action(run(session, (words: string[] | undefined, flags: StatsFlags) => stats(session, words ?? [], flags)));
}

async function stats(session: Session, words: readonly string[], flags: StatsFlags): Promise<number> {
  const names = words.length === 0 ? {} : { names: await containerNames(session, words) };
  const look = () => session.ask('workload.stats', names, { deadlineMs });
  if (!flags.stream) {
    const text = await textOf(flags.output, await look(), (all, wide) =>
      statsTable(all, { wide, ...widthOf(session, flags) }),
    );
    await session.io.stdout.write(text);
    return 0;
  }
  return untilInterrupted(session, async (signal) => {
    for (let first = true; ; first = false) {
      await again(session, flags, look, first);
      await session.io.sleep(pauseMs);
      signal.throwIfAborted();
    }
  });
}

/** A server that is not there now is waited for. */
async function again(
  session: Session,
  flags: StatsFlags,
  look: () => Promise<readonly StatsView[]>,
  first: boolean,
): Promise<void> {
  try {
    const all = await look();
    const text = await oneOfMany(session, flags, all);
    await session.io.stdout.write(session.io.stdout.isTTY ? `\x1b[H\x1b[J${text}` : text);
  } catch (error) {
    if (first || !(isFailure(error, 'unavailable') || isFailure(error, 'deadline'))) throw error;
    await session.complain(error);
  }
}

/** Of JSON a line for each container: what goes on has no end, so it cannot be one array. */
async function oneOfMany(session: Session, flags: StatsFlags, all: readonly StatsView[]): Promise<string> {
  if (flags.output === 'json') return all.map((view) => `${JSON.stringify(view)}\n`).join('');
  return textOf(flags.output, all, (views, wide) => statsTable(views, { wide, ...widthOf(session, flags) }));
}

function statsTable(all: readonly StatsView[], { width, wide = false }: Look = {}): string {
  const notes = all.some(({ missing }) => missing !== undefined);
  return table(
    [
      ...['NAME', 'NODE', 'CPU', 'MEMORY', 'MEM %', 'NET IN / OUT', 'BLOCK IN / OUT', 'PIDS'],
      ...(wide ? ['CONTAINER'] : []),
      // Last: it is a sentence.
      ...(notes ? ['NOTE'] : []),
    ],
    all.map((view) => [
      view.name,
      view.node,
      ...used(view),
      ...(wide ? [view.containerId.slice(0, 12)] : []),
      ...(notes ? [view.missing ?? ''] : []),
    ]),
    width,
  );
}

function used({ cpu, memory, network, block, pids, missing }: StatsView): string[] {
  const bytes = (one = 0, other = 0) => `${size(one)} / ${size(other)}`;
  if (missing !== undefined || cpu === undefined || memory === undefined) return ['', '', '', '', '', ''];
  return [
    `${(100 * cpu).toFixed(2)}%`,
    bytes(memory.used, memory.limit),
    memory.limit > 0 ? percent(memory.used / memory.limit) : '',
    bytes(network?.received, network?.sent),
    bytes(block?.read, block?.written),
    String(pids ?? ''),
  ];
}
