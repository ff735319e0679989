/** Pairs that should be there and are not: what is made in their place, since a container's end of one is not where it is desired. */
import type { Result } from './apply.ts';
import { keyOf } from './identity.ts';
import type { HandedLink, KernelObject } from './objects.ts';
import { inOrder, plan } from './order.ts';
import { type Step, subjectOf } from './steps.ts';
import type { DeltaTracker } from './tracker.ts';

/** What is created instead of a missing pair; `undefined`: the pair as desired; `later`: nothing for now. */
export type Replacement = readonly KernelObject[] | 'later' | undefined;

interface ReplacedPair {
  readonly link: HandedLink;
  /** Keys of what stands in its place. */
  readonly parts: ReadonlySet<string>;
  /** Keys of those that are where its other end is. */
  readonly beyond: ReadonlySet<string>;
}

export interface Replaced {
  readonly steps: readonly Step[];
  /** By the pair's key. */
  readonly pairs: ReadonlyMap<string, ReplacedPair>;
  /** Key of a part → key of the pair that it is in place of. */
  readonly partOf: ReadonlyMap<string, string>;
}

export const nothingReplaced: Omit<Replaced, 'steps'> = { pairs: new Map(), partOf: new Map() };

export class Replacements {
  readonly #tracker: DeltaTracker;
  readonly #inPlaceOf: (link: HandedLink) => Replacement | Promise<Replacement>;
  /** Missing pairs in whose place there is nothing for now, by key. */
  #later: ReadonlyMap<string, HandedLink> = new Map();

  constructor(tracker: DeltaTracker, inPlaceOf: (link: HandedLink) => Replacement | Promise<Replacement>) {
    this.#tracker = tracker;
    this.#inPlaceOf = inPlaceOf;
  }

  /** Keys to ask about again although nobody has looked at the kernel since. */
  get postponed(): ReadonlySet<string> {
    return new Set(this.#later.keys());
  }

  /** It is such a pair, or on one: nothing is done about it for now, and nothing is wrong. */
  isPostponed(key: string): boolean {
    if (this.#later.has(key)) return true;
    const object = this.#tracker.desired(key);
    return [...this.#later.values()].some((link) => isOn(link, object));
  }

  /**
   * All pending steps, with the replacements.
   * @param candidates keys of what may be a missing pair
   * @param left keys of what is not to be done now
   */
  async plan(candidates: ReadonlySet<string>, left: (key: string) => boolean): Promise<Replaced> {
    const substitutes = new Map<string, KernelObject>();
    const pairs = new Map<string, ReplacedPair>();
    const later = new Map<string, HandedLink>();
    for (const key of candidates) {
      const link = this.#missingPair(key);
      const objects = link === undefined ? undefined : await this.#inPlaceOf(link);
      if (link === undefined || objects === undefined) continue;
      if (objects === 'later') {
        later.set(key, link);
        continue;
      }
      pairs.set(key, { link, parts: new Set(objects.map(keyOf)), beyond: new Set(beyond(key, objects).map(keyOf)) });
      for (const object of objects) substitutes.set(keyOf(object), object);
    }
    this.#later = later;
    const steps = plan(
      this.#tracker,
      (key) => left(key) || pairs.has(key) || substitutes.has(key) || this.isPostponed(key),
    );
    for (const after of substitutes.values()) steps.push({ op: 'create', after });
    const partOf = new Map([...pairs].flatMap(([key, { parts }]) => [...parts].map((part) => [part, key] as const)));
    return { steps: pairs.size === 0 ? steps : inOrder(steps), pairs, partOf };
  }

  #missingPair(key: string): HandedLink | undefined {
    const link = this.#tracker.desired(key);
    if (this.#tracker.pending().get(key) !== 'create' || link?.kind !== 'link') return undefined;
    if (link.type === 'macvlan') return link.handedOver ? link : undefined;
    return link.type === 'veth' && !link.secondary ? link : undefined;
  }
}

/** Of what stands in place of a pair: what is in the namespace of the other end. */
function beyond(pair: string, objects: readonly KernelObject[]): readonly KernelObject[] {
  const made = objects.find((object) => keyOf(object) === pair);
  if (made?.kind !== 'link' || made.type !== 'veth') return [];
  return objects.filter((object) => object !== made && 'ns' in object && object.ns === made.peer.ns);
}

/**
 * Where the other end of a pair should be, nothing is done unless the pair was made just now: an interface that has its
 * name there is somebody else's, and alive. What is not done for that reason has no result; the pair's own tells.
 * @param run does steps in their order
 */
export async function applyReplaced(
  steps: readonly Step[],
  { pairs, partOf }: Pick<Replaced, 'pairs' | 'partOf'>,
  run: (steps: readonly Step[]) => Promise<Result[]>,
): Promise<Result[]> {
  const pairBefore = (step: Step) => {
    const key = keyOf(subjectOf(step));
    const pair = partOf.get(key);
    return pair !== undefined && pairs.get(pair)?.beyond.has(key) ? pair : undefined;
  };
  const results = await run(steps.filter((step) => pairBefore(step) === undefined));
  const made = new Set(results.flatMap(({ step, outcome }) => (outcome === 'done' ? [keyOf(subjectOf(step))] : [])));
  const inside = steps.filter((step) => made.has(pairBefore(step) ?? ''));
  return inside.length === 0 ? results : [...results, ...(await run(inside))];
}

/** Half a replacement would pass for a whole one the next time that the pair is looked for. */
export function isIncomplete({ link, parts }: ReplacedPair, results: readonly Result[]): boolean {
  return results.some(({ step, outcome }) => {
    const key = keyOf(subjectOf(step));
    // That the pair is there already says nothing of its other end.
    return outcome === 'failed' ? parts.has(key) : outcome === 'uncertain' && key === keyOf(link);
  });
}

function isOn(link: HandedLink, object: KernelObject | undefined): boolean {
  return object !== undefined && 'device' in object && object.device === link.name && object.ns === link.ns;
}
