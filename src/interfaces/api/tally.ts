/** How much each user has under way, so that one cannot take all that there is for everybody. */
import { Failure } from '../../domain/domain.ts';
import type { Visitor } from '../../server/server.ts';

/** Of one user, at one server. */
const most = { streams: 64, requests: 128 } as const;
type Kind = keyof typeof most;

export class Tally {
  readonly #counts: Readonly<Record<Kind, Map<string, number>>> = { streams: new Map(), requests: new Map() };

  /** @returns what is to be called once, when it is over. @throws Failure `overloaded` */
  enter({ name, key }: Pick<Visitor, 'name' | 'key'>, stream: boolean): () => void {
    const kind: Kind = stream ? 'streams' : 'requests';
    const counts = this.#counts[kind];
    const count = counts.get(key) ?? 0;
    if (count >= most[kind])
      throw new Failure('overloaded', `user ${name} has ${count} ${kind} under way: end some, or try again later`);
    counts.set(key, count + 1);
    return () => {
      const left = (counts.get(key) ?? 1) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    };
  }
}
