/** `console`. */
import { type Command, Option } from 'commander';
import { define, run } from '../define.ts';
import type { Session } from '../session.ts';

interface ConsoleFlags {
  readonly lang?: string;
  readonly readOnly?: boolean;
}

export function consoleCommand(program: Command, session: Session): void {
  define(program, 'console', 'See and steer the cluster on a full screen', ['console', 'console --lang es --read-only'])
    .addOption(new Option('--lang <LANGUAGE>', 'en or es (default: as LANG says)'))
    .option('--read-only', 'change nothing')
    .action(
      run(session, async ({ lang, readOnly = false }: ConsoleFlags) =>
        session.io.console({ readOnly, ...(lang === undefined ? {} : { language: lang }) }, await session.context()),
      ),
    );
}
