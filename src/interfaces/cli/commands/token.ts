/** `token create|ls|rm`. */
import { type Command, Option } from 'commander';
import { Failure } from '../../../domain/errors.ts';
import { quoted } from '../../../domain/quoted.ts';
import { parseDuration } from '../../../domain/run-options.ts';
import type { TokenView } from '../../../protocol/views.ts';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';
import { age, table } from '../text.ts';
import { each, usage } from '../usage.ts';
import { whole } from '../values.ts';

export function tokenCommands(program: Command, session: Session): void {
  const token = define(program, 'token', 'Rights to join the cluster', ['token create', 'token ls']);
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
  define(token, 'ls', 'List the tokens, without their secrets; those that are of no use any more for a day', [
    'token ls',
    'token ls -o json',
  ])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const tokens = await session.ask('token.list', {});
        await show(session, format, tokens, (all) => tokenTable(all, session.io.now()));
        return 0;
      }),
    );
  define(token, 'rm', 'Remove tokens: nobody joins with them any more; who has joined stays', ['token rm 3f2a90c1d7e4'])
    .argument('<TOKEN...>', 'ids of tokens, as `trama token ls` shows them', each(checkId))
    .action(
      run(session, (ids: string[]) =>
        session.forEach(ids, async (id) => void (await session.ask('token.remove', { id }))),
      ),
    );
}

/** @throws Failure `invalid` */
function checkId(text: string): string {
  if (/^[0-9a-f]{12}$/.test(text)) return text;
  const shown = text.startsWith('trama1.') ? 'what was given' : quoted(text);
  throw new Failure('invalid', `${shown} is not the id of a token: \`trama token ls\` shows those there are`);
}

function tokenTable(tokens: readonly TokenView[], now: number): string {
  return table(
    ['TOKEN', 'USES LEFT', 'CREATED', 'EXPIRES', 'STATUS'],
    tokens.map(({ id, uses, usesLeft, createdAt, expiresAt, status }) => [
      id,
      `${usesLeft} of ${uses}`,
      `${age(createdAt, now)} ago`,
      new Date(expiresAt).toISOString(),
      status,
    ]),
  );
}
