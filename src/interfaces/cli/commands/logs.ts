/** `logs`. */
import { type Command, Option } from 'commander';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import type { ByteStream } from '../../../protocol/api.ts';
import { type LogParams, openResumingLogs } from '../../../protocol/resuming-logs.ts';
import { containerNames } from '../container-names.ts';
import { define, run } from '../define.ts';
import { interruptibly, lost } from '../in-container.ts';
import type { Session } from '../session.ts';
import { clause } from '../text.ts';
import { UsageError, usage } from '../usage.ts';
import { moment, whole } from '../values.ts';

interface LogFlags {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: number;
  readonly until?: number;
  readonly timestamps?: boolean;
}

export function logsCommand(program: Command, session: Session): void {
  const time = usage((text: string) => moment(session.io.now(), text));
  define(program, 'logs', 'Show what a container printed', [
    'logs web',
    'logs -f --tail 20 web',
    'logs --since 10m --until 5m -t web',
  ])
    .option('-f, --follow', 'go on until it ends')
    .addOption(
      new Option('--tail <N>', 'only the last N lines').argParser(usage(whole('a number of lines', 0, 1_000_000_000))),
    )
    .addOption(new Option('--since <TIME>', 'only of this time on: 10m ago, or 2026-01-31T10:00:00Z').argParser(time))
    .addOption(new Option('--until <TIME>', 'only of before this time').argParser(time))
    .option('-t, --timestamps', 'with the time of each line')
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .action(run(session, (word: string, flags: LogFlags) => logs(session, word, flags)));
}

async function logs(session: Session, word: string, flags: LogFlags): Promise<number> {
  const { follow = false, timestamps = false, tail, since, until } = flags;
  if (since !== undefined && until !== undefined && until <= since) {
    throw new UsageError('--until is not after --since: there is nothing between the two');
  }
  const [name = word] = await containerNames(session, [word]);
  const params: LogParams = {
    ...{ name, follow, timestamps },
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const stream = follow ? await opened(session, params) : await session.open('workload.logs', params);
  const what = follow ? 'and its log could not be gone on with' : 'and its log is cut off: ask for it again';
  const explained = (error: unknown) => lost(name, error, what);
  await interruptibly(session, name, stream, { input: false, tty: false }, explained);
  return 0;
}

/** Goes on by itself when a server or an agent on the way is gone. */
async function opened(session: Session, params: LogParams): Promise<ByteStream> {
  const { io } = session;
  return openResumingLogs(await session.api, params, {
    now: () => io.now(),
    sleep: (ms) => io.sleep(ms),
    onTrouble: (why) => void session.note(`trama: the log of ${params.name} waits to go on: ${clause(why)}`),
  });
}
