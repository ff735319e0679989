/** How a command ends that has failed: a sentence and an exit code. */
import { OutputClosed } from './io.ts';
import { ConnectionLost, Interrupted, type Session } from './session.ts';
import { UsageError } from './usage.ts';

export const codes = { done: 0, failed: 1, usage: 2, lost: 125, interrupted: 130 } as const;

/** @returns the exit code */
export async function report(session: Session, error: unknown): Promise<number> {
  // Whoever closed the pipe has seen enough.
  if (error instanceof OutputClosed) return codes.done;
  if (error instanceof Interrupted) {
    if (error.message !== '') await session.complain(error);
    return codes.interrupted;
  }
  await session.complain(error);
  if (error instanceof ConnectionLost) return codes.lost;
  return error instanceof UsageError ? codes.usage : codes.failed;
}
