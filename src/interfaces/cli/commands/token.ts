/** `token create`. */
import { type Command, Option } from 'commander';
import { parseDuration } from '../../../domain/run-options.ts';
import { define, run } from '../define.ts';
import type { Session } from '../session.ts';
import { usage } from '../usage.ts';
import { whole } from '../values.ts';

export function tokenCommands(program: Command, session: Session): void {
  const token = define(program, 'token', 'Rights to join the cluster', ['token create']);
  define(token, 'create', 'Print a token that hosts join with, and nothing else', [
    'token create',
    'token create --uses 10 --ttl 30m',
    'agent --join "$(trama token create)@10.0.0.1"',
  ])
    .addOption(
      new Option('--uses <N>', 'how many hosts may join with it')
        .default(1)
        .argParser(usage(whole('a number of uses', 1, 10_000))),
    )
    .addOption(
      new Option('--ttl <DURATION>', 'how long it is good for: 90s, 30m, 1h, 2d')
        .default(3_600_000, '1h')
        .argParser(usage(parseDuration)),
    )
    .action(
      run(session, async ({ uses, ttl }: { uses: number; ttl: number }) => {
        const created = await session.ask('token.create', { uses, ttlMs: ttl });
        await session.print(created.token);
        return 0;
      }),
    );
}
