import type { Answer } from '../message/answer.ts';
import type { Asker } from './clients.ts';

/** Of half a kilobyte each, normally. */
const most = 4096;

/** Longer questions are not kept: whoever makes them up would fill the memory. */
const longest = 320;

interface Kept {
  readonly answer: Answer;
  turn: number;
}

/**
 * Answers over UDP, by client and by the bytes of the question after its id. What is asked for a second time is answered
 * without being read. All are forgotten with every new version of the zone, and when there are too many.
 */
export class AnswerCache {
  readonly #byAsker = new Map<Asker, Map<string, Kept>>();
  #size = 0;
  #version = Number.NaN;

  get(asker: Asker, question: string, version: number): Kept | undefined {
    if (version !== this.#version) {
      this.#forget();
      this.#version = version;
    }
    return this.#byAsker.get(asker)?.get(question);
  }

  /** What the zone says in this turn; `get` was called before, whenever. */
  keep(asker: Asker, question: string, kept: Kept): void {
    if (question.length > longest) return;
    if (this.#size >= most) this.#forget();
    const ofAsker = this.#byAsker.get(asker) ?? new Map<string, Kept>();
    this.#byAsker.set(asker, ofAsker);
    ofAsker.set(question, kept);
    this.#size += 1;
  }

  #forget(): void {
    this.#byAsker.clear();
    this.#size = 0;
  }
}
