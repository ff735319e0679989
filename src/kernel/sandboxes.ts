/**
 * Containers' namespaces, told by their paths (`objects.ts`). There may be hundreds, and reading one takes a process, so
 * full passes do not look into them: one is read before Trama first writes to it, and what was written counts as there
 * from then on. A container that ends takes its namespace along: nothing of Trama's is left in it, and nothing is wrong.
 */
import { isNamespace, type Spawn } from '../platform/platform.ts';
import { atATime } from './batch.ts';
import type { KernelObject } from './objects.ts';
import { observeSandbox } from './observe.ts';
import type { DeltaTracker } from './tracker.ts';

/** Path of the sandbox that the object is in; undefined: it is in a namespace that full passes look into. */
export function sandboxOf(object: KernelObject | undefined): string | undefined {
  if (object === undefined || object.kind === 'namespace') return undefined;
  return object.ns.startsWith('/') ? object.ns : undefined;
}

export class Sandboxes {
  readonly #tracker: DeltaTracker;
  readonly #spawn: Spawn;
  /** Those whose content is known. */
  readonly #known = new Set<string>();

  constructor(tracker: DeltaTracker, spawn: Spawn) {
    this.#tracker = tracker;
    this.#spawn = spawn;
  }

  /** The sandbox has just been made: nothing of Trama's is in it, and it need not be read. */
  fresh(path: string): void {
    this.#known.add(path);
  }

  /**
   * Before steps are planned: looks where something is to be done. Cost: the pending changes.
   * @returns whether a key is to be left out, since its sandbox is not there
   */
  async prepare(): Promise<(key: string) => boolean> {
    const pending = new Map<string, string[]>();
    for (const key of this.#tracker.pending().keys()) {
      const path = sandboxOf(this.#tracker.desired(key) ?? this.#tracker.believed(key));
      if (path !== undefined) pending.set(path, [...(pending.get(path) ?? []), key]);
    }
    const absent = new Set<string>();
    const waiting = pending.entries();
    const looking = Array.from({ length: atATime }, async () => {
      for (const [path, keys] of waiting) await this.#look(path, keys, absent);
    });
    await Promise.all(looking);
    return (key) => absent.has(key);
  }

  async #look(path: string, keys: readonly string[], absent: Set<string>): Promise<void> {
    const found = (await isNamespace(path)) && !this.#known.has(path) ? await this.#read(path) : 'nothing new';
    // It may have gone while it was read.
    if (!(await isNamespace(path))) {
      this.#known.delete(path);
      for (const key of keys) {
        absent.add(key);
        this.#tracker.gone(key);
      }
      return;
    }
    if (found === 'unread') return;
    this.#known.add(path);
    if (found !== 'nothing new') for (const object of found) this.#tracker.noted(object);
    // Nothing more is wanted of it: should something be, some day, it is read again.
    if (!keys.some((key) => this.#tracker.desired(key) !== undefined)) this.#known.delete(path);
  }

  /** One that cannot be read now is read before the next thing is done there; what is written meanwhile says what is wrong. */
  async #read(path: string): Promise<KernelObject[] | 'unread'> {
    return observeSandbox(this.#spawn, path).catch(() => 'unread' as const);
  }
}
