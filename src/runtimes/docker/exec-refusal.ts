/**
 * What the engine writes in the place of a command's output when it could not start the command. To the Engine API such an
 * exec has begun and ended like any other. Pure. Texts as of Docker 20.10 to 28.
 */

/** What an exec ends with: 127 when there is no such command, 126 when it cannot be run, as shells and docker have it. */
export interface ExecRefusal {
  readonly exitCode: number;
  readonly error: string;
}

const engines = /^(?:OCI runtime exec failed: |unable to find (?:user|group) )/;

/** Whether the beginning of an output may be the engine's and not the command's. */
export const mayBeRefusal = (output: string): boolean => engines.test(output);

/** @param output all of it, of a command that never had a process */
export function execRefusal(output: string, command: string): ExecRefusal {
  const text = output.trim();
  if (/executable file not found|no such file or directory/.test(text)) {
    return { exitCode: 127, error: `the container has no executable ${command}: check the command` };
  }
  if (/permission denied|is a directory|exec format error/.test(text)) {
    return { exitCode: 126, error: `${command} cannot be run in the container: it is no executable for its user` };
  }
  const why = text.replace(/^OCI runtime exec failed: (?:exec failed: )?/, '').replace(/: unknown$/, '');
  return { exitCode: 126, error: `${command} cannot be run in the container: ${why}` };
}
