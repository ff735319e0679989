/** Runs what `quick-words.ts` has understood. */
import { exec } from './in-container.ts';
import type { CliIo } from './io.ts';
import type { QuickExec } from './quick-words.ts';
import { report } from './report.ts';
import { Session } from './session.ts';

/** @returns the exit code, as `runCli` does */
export async function runQuickExec({ container, command, flags }: QuickExec, io: CliIo): Promise<number> {
  const session = new Session(io);
  try {
    return await exec(session, container, [...command], flags);
  } catch (error) {
    return report(session, error);
  }
}
