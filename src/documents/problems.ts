/** What is wrong with a file, each with its place in it. */
import { Failure } from '../domain/domain.ts';

export type Path = readonly (string | number)[];

/** A file that nothing is done with. */
export class DocumentRefused extends Failure {
  /** `FILE:LINE: PLACE: what is wrong, and what to do`, in the file's order. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('invalid', problems.join('; '));
    this.problems = problems;
  }
}

/** Collects, so that a person hears of everything at once. */
export class Problems {
  readonly #lineOf: (path: Path) => number;
  readonly #file: string;
  readonly #found: { readonly line: number; readonly text: string }[] = [];

  /** @param lineOf counts from 1 */
  constructor(file: string, lineOf: (path: Path) => number) {
    this.#file = file;
    this.#lineOf = lineOf;
  }

  at(path: Path, sentence: string): void {
    this.#found.push({ line: this.#lineOf(path), text: this.told(path, sentence) });
  }

  /** With its place, as a warning is told. */
  told(path: Path, sentence: string): string {
    const place = path.length === 0 ? '' : `${dotted(path)}: `;
    return `${this.#file}:${this.#lineOf(path)}: ${place}${sentence}`;
  }

  /** @throws DocumentRefused when there are any */
  refuse(): void {
    if (this.#found.length === 0) return;
    throw new DocumentRefused(this.#found.toSorted((a, b) => a.line - b.line).map(({ text }) => text));
  }
}

function dotted(path: Path): string {
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('');
}

/** `a`, `a or b`, `a, b or c`. */
export function either(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The known word that was probably meant: at most two letters away. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const [best] = [...known]
    .map((other) => ({ other, away: distance(word, other) }))
    .filter(({ away }) => away <= 2)
    .sort((a, b) => a.away - b.away);
  return best?.other;
}

/** Letters to change, add or take away (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
