import type { Command } from 'commander';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';

/** Somebody may ask because nothing works. Milliseconds. */
const deadlineMs = 2000;

interface Versions {
  /** Of the command line. */
  readonly version: string;
  /** Of the agent on this host, and of the server that answers; null: none does, or it is too old to say. */
  readonly agent: string | null;
  readonly server: string | null;
}

export function versionCommand(program: Command, session: Session): void {
  define(program, 'version', 'Show the versions of this command, the agent here and the server', [
    'version',
    'version -o json',
  ])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const [agent, server] = await Promise.all([
          answered(session.ask('agent.status', {}, { deadlineMs })),
          answered(session.ask('cluster.version', {}, { deadlineMs })),
        ]);
        await show<Versions>(session, format, { version: session.io.version, agent, server }, shown);
        return 0;
      }),
    );
}

const answered = (asking: Promise<{ readonly version: string }>): Promise<string | null> =>
  asking.then(
    ({ version }) => version || null,
    () => null,
  );

const shown = ({ version, agent, server }: Versions): string =>
  [`trama ${version}`, `agent ${agent ?? '-'}`, `server ${server ?? '-'}`].join('\n');
