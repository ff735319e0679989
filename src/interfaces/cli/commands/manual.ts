/** The hidden `__manual`, of which the package makes trama(1). */
import type { Command } from 'commander';
import { run } from '../define.ts';
import { manualPage } from '../manual-page.ts';
import { referencePage } from '../reference-page.ts';
import type { Session } from '../session.ts';

export function manualCommand(program: Command, session: Session): void {
  program
    .command('__manual', { hidden: true })
    .argument('<DATE>', 'of the page')
    .action(
      run(session, async (date: string) => {
        await session.print(manualPage(program, { version: session.io.version, date }));
        return 0;
      }),
    );
  program.command('__reference', { hidden: true }).action(
    run(session, async () => {
      await session.print(referencePage(program));
      return 0;
    }),
  );
}
