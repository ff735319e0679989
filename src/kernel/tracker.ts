/**
 * Desired, observed and pending in one structure. A change costs as much as it changes, never as much as there is:
 * `operations` counts the entries touched. (Two sets overlap: only desired → create; only observed → delete; both and
 * unequal → change; `pending` is what is not in the overlap.)
 */
import { canonical, compare, containerOf, type Difference, keyOf } from './identity.ts';
import type { KernelObject } from './objects.ts';

export interface Conflict {
  readonly key: string;
  /** The owner whose value counts, and one whose value does not. */
  readonly winner: string;
  readonly loser: string;
}

export type Pending = 'create' | 'delete' | Exclude<Difference, 'none'>;

export class DeltaTracker {
  /** Entries touched since the start; for tests. */
  operations = 0;
  /** Keys that were desired and are not any more, until somebody clears it: what is still there of them is nobody else's doing. */
  readonly unwanted = new Set<string>();
  /** Key → owner → value; the last owner's counts. */
  readonly #desired = new Map<string, Map<string, KernelObject>>();
  readonly #owned = new Map<string, Set<string>>();
  readonly #observed = new Map<string, KernelObject>();
  readonly #pending = new Map<string, Pending>();
  /** Container → what is observed or desired in it. */
  readonly #contents = new Map<string, Map<string, number>>();

  /** Replaces what an owner wants. */
  desire(owner: string, objects: readonly KernelObject[]): Conflict[] {
    const before = this.#owned.get(owner) ?? new Set<string>();
    const after = new Set<string>();
    const conflicts: Conflict[] = [];
    for (const raw of objects) {
      const object = canonical(raw);
      const key = keyOf(object);
      after.add(key);
      this.#want(owner, key, object, conflicts);
    }
    for (const key of before) if (!after.has(key)) this.#unwant(owner, key);
    if (after.size > 0) this.#owned.set(owner, after);
    else this.#owned.delete(owner);
    return conflicts;
  }

  release(owner: string): void {
    this.desire(owner, []);
  }

  releaseAll(): void {
    for (const owner of [...this.#owned.keys()]) this.release(owner);
  }

  #want(owner: string, key: string, object: KernelObject, conflicts: Conflict[]): void {
    this.operations += 1;
    const values = this.#desired.get(key) ?? new Map<string, KernelObject>();
    const text = JSON.stringify(object);
    if (JSON.stringify(values.get(owner)) === text) return;
    for (const [other, value] of values) {
      if (other !== owner && JSON.stringify(value) !== text) conflicts.push({ key, winner: owner, loser: other });
    }
    this.#uncontain(key, this.desired(key));
    values.delete(owner);
    values.set(owner, object);
    this.#desired.set(key, values);
    this.unwanted.delete(key);
    this.#contain(key, object);
    this.#refresh(key);
  }

  #unwant(owner: string, key: string): void {
    this.operations += 1;
    const values = this.#desired.get(key);
    if (values === undefined) return;
    this.#uncontain(key, this.desired(key));
    values.delete(owner);
    if (values.size === 0) {
      this.#desired.delete(key);
      this.unwanted.add(key);
    }
    this.#contain(key, this.desired(key));
    this.#refresh(key);
  }

  /**
   * A full pass: exactly these exist.
   * @param looked whether the pass would have seen such an object; of others nothing is new
   */
  observed(objects: Iterable<KernelObject>, looked: (object: KernelObject) => boolean = () => true): void {
    const found = new Map<string, KernelObject>();
    for (const object of objects) found.set(keyOf(object), canonical(object));
    for (const [key, object] of [...this.#observed]) if (!found.has(key) && looked(object)) this.#see(key, undefined);
    for (const [key, object] of found) this.#see(key, object);
  }

  /** This one exists, with this value. */
  noted(object: KernelObject): void {
    this.#see(keyOf(object), canonical(object));
  }

  /** It is gone, and with it everything on it. */
  gone(key: string): void {
    for (const inside of this.observedWithin(key)) this.#see(inside, undefined);
    this.#see(key, undefined);
  }

  #see(key: string, object: KernelObject | undefined): void {
    this.operations += 1;
    this.#uncontain(key, this.#observed.get(key));
    if (object === undefined) this.#observed.delete(key);
    else {
      const desired = this.desired(key);
      // The desired value says more than a listing does (a rule's text, where a pair's other end was put).
      this.#observed.set(key, desired !== undefined && compare(desired, object) === 'none' ? desired : object);
      this.#contain(key, this.#observed.get(key));
    }
    this.#refresh(key);
  }

  #refresh(key: string): void {
    const desired = this.desired(key);
    const observed = this.#observed.get(key);
    let pending: Pending | 'none' = 'none';
    if (desired !== undefined) pending = observed === undefined ? 'create' : compare(desired, observed);
    else if (observed !== undefined) pending = 'delete';
    if (pending === 'none') this.#pending.delete(key);
    else this.#pending.set(key, pending);
  }

  #contain(key: string, object: KernelObject | undefined): void {
    const container = object && containerOf(object);
    if (container === undefined) return;
    const contents = this.#contents.get(container) ?? new Map<string, number>();
    contents.set(key, (contents.get(key) ?? 0) + 1);
    this.#contents.set(container, contents);
  }

  #uncontain(key: string, object: KernelObject | undefined): void {
    const container = object && containerOf(object);
    const contents = container === undefined ? undefined : this.#contents.get(container);
    if (container === undefined || contents === undefined) return;
    const count = (contents.get(key) ?? 0) - 1;
    if (count > 0) contents.set(key, count);
    else contents.delete(key);
    if (contents.size === 0) this.#contents.delete(container);
  }

  /** What must happen, by key. */
  pending(): ReadonlyMap<string, Pending> {
    return this.#pending;
  }

  desired(key: string): KernelObject | undefined {
    let last: KernelObject | undefined;
    for (const value of this.#desired.get(key)?.values() ?? []) last = value;
    return last;
  }

  /** What is known to exist. */
  believed(key: string): KernelObject | undefined {
    return this.#observed.get(key);
  }

  /** All that is known to exist; for full passes only. */
  allBelieved(): IterableIterator<KernelObject> {
    return this.#observed.values();
  }

  keysOf(owner: string): ReadonlySet<string> {
    return this.#owned.get(owner) ?? new Set();
  }

  /** All desired objects; for full passes only. */
  *allDesired(): Iterable<KernelObject> {
    for (const key of this.#desired.keys()) {
      const object = this.desired(key);
      if (object !== undefined) yield object;
    }
  }

  /** Whether something that is desired stands on this. */
  wantsWithin(container: string): boolean {
    for (const key of this.#contents.get(container)?.keys() ?? []) if (this.#desired.has(key)) return true;
    return false;
  }

  /** Keys of what exists and vanishes with this one, at any depth. */
  observedWithin(container: string, found = new Set<string>()): Set<string> {
    for (const key of this.#contents.get(container)?.keys() ?? []) {
      if (!this.#observed.has(key) || found.has(key)) continue;
      this.operations += 1;
      found.add(key);
      this.observedWithin(key, found);
    }
    return found;
  }
}
