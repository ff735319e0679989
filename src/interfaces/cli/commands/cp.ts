/** `cp`. */
import type { Command } from 'commander';
import type { CopyFlags } from '../copy.ts';
import { parseSide, type Side } from '../copy-plan.ts';
import { define, run } from '../define.ts';
import type { Session } from '../session.ts';
import { usage } from '../usage.ts';

export function copyCommand(program: Command, session: Session): void {
  define(program, 'cp', 'Copy files to or from a container, on whatever host it is', [
    'cp web:/etc/nginx .',
    'cp site/. web:/usr/share/nginx/html',
    'cp web:/var/log - | tar -x',
  ])
    .option('-a, --archive', "here: with the owners that they have there; there: as the container's user's")
    .option('-L, --follow-link', 'what the source leads to, if it is a link')
    .argument('<SOURCE>', 'CONTAINER:PATH, a path here, or - for an archive on our input', usage(parseSide))
    .argument('<DESTINATION>', 'the same; - for an archive on our output', usage(parseSide))
    .action(
      // Not loaded by who does not copy.
      run(session, async (from: Side, to: Side, flags: CopyFlags) =>
        (await import('../copy.ts')).copy(session, from, to, flags),
      ),
    );
}
