import type { Command } from 'commander';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';

export function versionCommand(program: Command, session: Session): void {
  define(program, 'version', 'Show the version', ['version', 'version -o json'])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        await show(session, format, { version: session.io.version }, ({ version }) => `trama ${version}`);
        return 0;
      }),
    );
}
