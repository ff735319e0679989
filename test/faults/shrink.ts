/** Makes a failing history smaller by running it again with parts left out: faults first, then what people asked for. */
import type { Round } from './actions.ts';

interface Outcome {
  readonly broken: readonly string[];
  readonly at?: number;
}

/** `8` of `8: 10.70.0.2 is …`: a smaller history must break the same. */
const kindsOf = (broken: readonly string[]) => new Set(broken.map((line) => line.slice(0, line.indexOf(':'))));

/**
 * Halves, quarters, … of the actions are left out as long as it still breaks (delta debugging) and time is left.
 * @param budgetMs no new run begins after it
 */
export async function minimise(
  history: readonly Round[],
  broken: readonly string[],
  budgetMs: number,
  run: (history: readonly Round[]) => Promise<Outcome>,
): Promise<readonly Round[]> {
  const end = performance.now() + budgetMs;
  const kinds = kindsOf(broken);
  let smallest = history;
  for (const part of ['faults', 'users'] as const) {
    for (let pieces = 2; ; ) {
      const count = countOf(smallest, part);
      if (count === 0 || performance.now() > end) break;
      const shorter = await firstThatBreaks(smallest, part, pieces, async (candidate) => {
        if (performance.now() > end) return undefined;
        const outcome = await run(candidate);
        const same = [...kindsOf(outcome.broken)].some((kind) => kinds.has(kind));
        return same ? candidate.slice(0, (outcome.at ?? candidate.length) + 1) : undefined;
      });
      if (shorter !== undefined) smallest = shorter;
      else if (pieces >= count) break;
      else pieces = Math.min(count, 2 * pieces);
    }
  }
  return smallest;
}

async function firstThatBreaks(
  history: readonly Round[],
  part: 'faults' | 'users',
  pieces: number,
  breaks: (candidate: readonly Round[]) => Promise<readonly Round[] | undefined>,
): Promise<readonly Round[] | undefined> {
  const count = countOf(history, part);
  const size = Math.ceil(count / pieces);
  for (let from = 0; from < count; from += size) {
    const found = await breaks(without(history, part, from, from + size));
    if (found !== undefined) return found;
  }
  return undefined;
}

const countOf = (history: readonly Round[], part: 'faults' | 'users') =>
  history.reduce((sum, round) => sum + round[part].length, 0);

/** Leaves out the actions from number `from` to before `to`, counted over all rounds; rounds with nothing left go. */
export function without(
  history: readonly Round[],
  part: 'faults' | 'users',
  from: number,
  to: number,
): readonly Round[] {
  let number = 0;
  return history
    .map((round) => ({
      ...round,
      [part]: round[part].filter(() => {
        const at = number++;
        return at < from || at >= to;
      }),
    }))
    .filter(({ users, faults, during }) => users.length + faults.length + during.length > 0);
}
