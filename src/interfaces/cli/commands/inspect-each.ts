import { type Format, show } from '../define.ts';
import { OutputClosed } from '../io.ts';
import type { Session } from '../session.ts';

/**
 * Shows one thing as an object, several as an array; what cannot be had is complained of and the rest still shown.
 * @returns the exit code.
 */
export async function inspectEach<T>(
  session: Session,
  format: Format,
  names: readonly string[],
  get: (name: string) => Promise<T>,
  forPeople: (value: T) => string,
): Promise<number> {
  const outcomes = await Promise.allSettled(names.map(get));
  const found = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const forPrograms = format.output !== 'table' && format.output !== 'wide';
  if (forPrograms && names.length > 1) await show(session, format, found, () => '');
  else if (forPrograms) for (const one of found) await show(session, format, one, forPeople);
  else if (found.length > 0) await session.print(found.map(forPeople).join('\n'));
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') continue;
    if (outcome.reason instanceof OutputClosed) throw outcome.reason;
    await session.complain(outcome.reason);
  }
  return found.length === names.length ? 0 : 1;
}
