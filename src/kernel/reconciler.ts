/**
 * Makes the kernel equal to what is desired and keeps it so.
 *
 * INVARIANTS
 * - One pass at a time. Whoever asks meanwhile shares the next one, which sees everything desired until it starts.
 * - `desire` and `release` touch memory only; the cost of a pass that follows them grows with what they changed.
 * - The first pass looks at the kernel before it writes. After a failure, too, belief gives way to looking.
 * - A step that failed is tried again by itself, later and later, unless what is desired changes; it holds up no other.
 */
import { stopwatch } from '../platform/platform.ts';
import { apply, type Result } from './apply.ts';
import { explain } from './explain.ts';
import { Failures } from './failures.ts';
import { filterTable, isEntry, isHandedOver, keyOf, tableKey } from './identity.ts';
import type { KernelObject } from './objects.ts';
import { observe, type Scope } from './observe.ts';
import { plan } from './order.ts';
import type { Reconciler, ReconcilerOptions } from './reconciling.ts';
import { rememberNothing, SysctlMemory } from './remembered.ts';
import { applyReplaced, isIncomplete, nothingReplaced, type Replaced, Replacements } from './replacements.ts';
import { Sandboxes, sandboxOf } from './sandboxes.ts';
import { type FailedStep, type Outcome, type Step, subjectOf } from './steps.ts';
import { DeltaTracker } from './tracker.ts';
import { noUplinks, Uplinks } from './uplinks.ts';
import { type Start, watchKernel } from './watch.ts';

export function createReconciler(options: ReconcilerOptions): Reconciler {
  return new KernelReconciler(options);
}

/** A pass that is going to be made. */
interface Turn {
  /** At the whole kernel, first. */
  look: boolean;
  readonly end: PromiseWithResolvers<Outcome>;
}

class KernelReconciler implements Reconciler {
  readonly tracker = new DeltaTracker();
  readonly #options: ReconcilerOptions;
  readonly #host: string;
  readonly #failures: Failures;
  readonly #memory: SysctlMemory;
  readonly #uplinks: Uplinks;
  readonly #sandboxes: Sandboxes;
  /** Namespaces ever mentioned, and those ever desired as such. */
  readonly #namespaces: Set<string>;
  readonly #own: Set<string>;
  readonly #iptables = new Set(['']);
  /** What somebody changed behind our back, until it is right again. Wiring for the first time is no repair. */
  readonly #drifted = new Set<string>();
  readonly #replacements: Replacements;
  /** Found by the last look and spared: to be rid of it later contradicts nothing either. */
  #spared: ReadonlySet<string> = new Set();
  #looked = false;
  #clearing = false;
  #next: Turn | undefined;
  #lock: Promise<unknown> = Promise.resolve();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#host = options.host ?? String(process.pid);
    this.#memory = new SysctlMemory(options.remembered ?? rememberNothing);
    this.#uplinks = new Uplinks(options.uplinks ?? noUplinks(), options.spawn, options.clock);
    this.#sandboxes = new Sandboxes(this.tracker, options.spawn);
    this.#replacements = new Replacements(this.tracker, (link) => options.onMissing?.(link));
    this.#own = new Set([options.namespace ?? 'trama']);
    this.#namespaces = new Set(['', ...this.#own]);
    this.#failures = new Failures(options.clock, () => this.#background());
  }

  desire(owner: string, objects: readonly KernelObject[]): void {
    for (const object of objects) this.#mention(object);
    for (const { key, winner, loser } of this.tracker.desire(owner, objects)) {
      this.#options.log.error('two owners want different values for one thing; the later one counts', {
        key,
        winner,
        loser,
      });
    }
  }

  #mention(object: KernelObject): void {
    if (object.kind === 'namespace') this.#own.add(object.name);
    const ns = object.kind === 'namespace' ? object.name : object.ns;
    if (!ns.startsWith('/')) this.#namespaces.add(ns);
    if (object.kind === 'iptables') this.#iptables.add(object.ns);
  }

  release(owner: string): void {
    this.tracker.release(owner);
  }

  fresh(path: string): void {
    this.#sandboxes.fresh(path);
  }

  lost(object: KernelObject): void {
    this.tracker.gone(keyOf(object));
    this.#drifted.add(keyOf(object));
    this.#background();
  }

  settle(): Promise<Outcome> {
    return this.#enqueue(false);
  }

  resync(): Promise<Outcome> {
    return this.#enqueue(true);
  }

  failuresOf(owner: string): readonly FailedStep[] {
    const keys = [...this.tracker.keysOf(owner)];
    const tables = new Set(
      keys.map((key) => this.tracker.desired(key)).flatMap((object) => (isEntry(object) ? [tableKey(object)] : [])),
    );
    const filters = this.#failures.all(this.tracker).filter(({ step }) => {
      const subject = subjectOf(step);
      return tables.has(filterTable(subject) ?? '') && !keys.includes(keyOf(subject));
    });
    return [...keys.flatMap((key) => this.#failures.of(key) ?? []), ...filters];
  }

  plan(): Promise<Step[]> {
    return this.#exclusively(async () => {
      // Whoever repairs it later tells of it as if he had found it.
      await this.#lookForDrift();
      const absent = await this.#sandboxes.prepare();
      return await this.#shown(plan(this.tracker, absent), this.tracker);
    });
  }

  /** Steps as they would be done, of which nothing is written down. */
  async #shown(steps: readonly Step[], tracker: DeltaTracker): Promise<Step[]> {
    return await this.#uplinks.prepare(await this.#memory.prepare(steps, tracker, async () => []), true);
  }

  watch(signal: AbortSignal): Promise<void> {
    const { start, clock, log, intervalMs = 30_000 } = this.#options;
    if (start === undefined) throw new Error('watch needs the option start');
    return watchKernel({
      start: start satisfies Start,
      clock,
      log,
      intervalMs,
      tracker: this.tracker,
      namespaces: () => [...this.#namespaces],
      quiet: () => this.#lock.then(() => {}),
      resync: () => this.resync(),
      signal,
    });
  }

  [Symbol.dispose](): void {
    this.#failures.stop();
  }

  clearPlan(): Promise<Step[]> {
    return this.#exclusively(async () => {
      const all = new DeltaTracker();
      const sandboxes = [...this.tracker.allBelieved()].filter((object) => sandboxOf(object) !== undefined);
      all.observed([...(await observe(this.#options.spawn, await this.#scope())), ...sandboxes]);
      return await this.#shown(plan(all), all);
    });
  }

  clear(): Promise<Outcome> {
    return this.#exclusively(async () => {
      this.#clearing = true;
      this.tracker.releaseAll();
      const outcomes: Outcome[] = [];
      // What was in the way of something in one round is gone in the next.
      for (let round = 0; round < 3; round += 1) {
        await this.#look();
        const absent = await this.#sandboxes.prepare();
        if (this.tracker.pending().size === 0) break;
        outcomes.push(await this.#do({ steps: plan(this.tracker, absent), ...nothingReplaced }));
      }
      return { applied: outcomes.flatMap(({ applied }) => applied), failed: outcomes.at(-1)?.failed ?? [] };
    });
  }

  #enqueue(look: boolean): Promise<Outcome> {
    if (this.#next !== undefined) {
      this.#next.look ||= look;
      return this.#next.end.promise;
    }
    const turn: Turn = { look, end: Promise.withResolvers() };
    this.#next = turn;
    this.#exclusively(() => {
      this.#next = undefined;
      return this.#pass(turn.look);
    }).then(turn.end.resolve, turn.end.reject);
    return turn.end.promise;
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lock.then(work);
    this.#lock = result.catch(() => {});
    return result;
  }

  /** A pass that nobody waits for. */
  #background(): void {
    this.resync().catch((error: unknown) => {
      this.#options.log.warn('the kernel could not be looked at; trying again', { error });
      this.#failures.again();
    });
  }

  async #pass(look: boolean): Promise<Outcome> {
    const [since, looks] = [stopwatch(), look || !this.#looked];
    const waits = (key: string) => this.#failures.waits(key, this.tracker.desired(key));
    if (looks) await this.#lookForDrift();
    const absent = await this.#sandboxes.prepare();
    const wrong = new Set(this.tracker.pending().keys());
    const left = looks ? absent : (key: string) => absent(key) || waits(key);
    const replaced = await this.#replacements.plan(looks ? wrong : this.#replacements.postponed, left);
    for (const key of this.tracker.unwanted) this.#drifted.delete(key);
    if (looks) this.tracker.unwanted.clear();
    const outcome = await this.#do(replaced);
    const repairs = this.#tellRepairs(outcome.applied, wrong, replaced.partOf);
    this.#options.onPass?.({ looked: looks, seconds: since(), outcome, repairs });
    return outcome;
  }

  async #lookForDrift(): Promise<void> {
    const first = !this.#looked;
    const found = await this.#look();
    // The first look contradicts nothing. Nor does what is there of something that was given up meanwhile.
    if (first) return;
    for (const key of found) if (!this.tracker.unwanted.has(key)) this.#drifted.add(key);
  }

  /** @param wrong what was not as desired before; the rest of a replacement was only done again. */
  #tellRepairs(applied: readonly Step[], wrong: ReadonlySet<string>, partOf: ReadonlyMap<string, string>): Step[] {
    const pending = this.tracker.pending();
    const repairs = applied.filter((step) => {
      const part = keyOf(subjectOf(step));
      const key = partOf.get(part) ?? part;
      const meant = wrong.has(part) || this.tracker.desired(part) === undefined;
      return meant && this.#drifted.has(key) && !pending.has(key);
    });
    for (const key of this.#drifted) if (!pending.has(key)) this.#drifted.delete(key);
    if (repairs.length > 0) this.#options.onRepair?.(repairs.map(explain));
    return repairs;
  }

  /** @returns keys of what is wrong against what was believed. What is desired while the kernel is read is not among them. */
  async #look(): Promise<string[]> {
    const objects = await this.#uplinks.observed(await this.#observe());
    const known = new Set([...this.tracker.pending().keys(), ...this.#spared]);
    const spared = new Set(this.#clearing ? [] : objects.filter((object) => this.#spares(object)));
    this.tracker.observed(
      objects.filter((object) => !spared.has(object)),
      (object) => sandboxOf(object) === undefined && !isHandedOver(object),
    );
    this.#spared = new Set([...spared].map(keyOf));
    const found = [...this.tracker.pending().keys()].filter((key) => !known.has(key));
    await this.#memory.remember(objects);
    this.#looked = true;
    return found;
  }

  /** What was wanted here before and is not now, is known not to be. */
  #spares(object: KernelObject): boolean {
    const key = keyOf(object);
    if (this.tracker.desired(key) !== undefined || this.tracker.believed(key) !== undefined) return false;
    return this.#options.keep?.(object) ?? false;
  }

  /** A kernel that holds nothing of Trama's has been started since: what its sysctls were before tells nothing of now. */
  async #observe(): Promise<KernelObject[]> {
    const objects = await observe(this.#options.spawn, await this.#scope());
    if (this.#looked || objects.some(({ kind }) => kind !== 'sysctl')) return objects;
    await this.#memory.forgetAll();
    return objects.filter((object) => this.tracker.desired(keyOf(object)) !== undefined);
  }

  async #scope(): Promise<Scope> {
    const desired = [...this.tracker.allDesired()];
    const sysctls = desired.filter((object) => object.kind === 'sysctl').filter(({ ns }) => !ns.startsWith('/'));
    const all = new Map(
      [...(await this.#memory.known()), ...sysctls].map(({ ns, key }) => [`${ns} ${key}`, { ns, key }]),
    );
    return {
      namespaces: [...this.#namespaces],
      own: this.#own,
      sysctls: [...all.values()],
      iptables: [...this.#iptables],
      ipv6: desired.some((object) => object.kind === 'route' && object.destination.includes(':')),
    };
  }

  async #do({ steps: planned, pairs, partOf }: Replaced): Promise<Outcome> {
    // A pair of which the other end stands is known from now on, though nothing is to be done for it.
    if (planned.length === 0 && pairs.size === 0) return { applied: [], failed: this.#failed() };
    const remembered = await this.#memory.prepare(planned, this.tracker, (sysctls) =>
      observe(this.#options.spawn, { namespaces: [], own: new Set(), sysctls, iptables: [], ipv6: false }),
    );
    const steps = await this.#uplinks.prepare(remembered);
    const run = (some: readonly Step[]) =>
      this.#uplinks.apply(some, (each) => apply(each, this.#options.spawn, this.#host));
    const results = await applyReplaced(steps, { pairs, partOf }, run);
    for (const { step, outcome } of results) if (outcome === 'done') this.#believe(step, partOf);
    for (const pair of pairs.values()) {
      if (isIncomplete(pair, results)) {
        await run([{ op: 'delete', before: pair.link }]);
        this.tracker.gone(keyOf(pair.link));
      } else this.tracker.noted(pair.link);
    }
    await this.#memory.forget(
      results.flatMap(({ step, outcome }) => (outcome === 'done' && step.op === 'delete' ? [step.before] : [])),
    );
    return await this.#verify(results, partOf);
  }

  /** @param partOf parts of replacements, which are not tracked inside sandboxes, and the pair that each stands for. */
  #believe(step: Step, partOf: ReadonlyMap<string, string>): void {
    const subject = subjectOf(step);
    const key = keyOf(subject);
    if (partOf.has(key) && sandboxOf(subject) !== undefined && this.tracker.desired(key) === undefined) return;
    if (step.op === 'delete') this.tracker.gone(key);
    else this.tracker.noted(subject);
    this.#failures.passed(key);
  }

  /** "It is there already" may be success or somebody else's thing: the kernel tells. */
  async #verify(results: readonly Result[], partOf: ReadonlyMap<string, string>): Promise<Outcome> {
    if (results.some(({ outcome }) => outcome === 'uncertain')) await this.#look();
    const applied: Step[] = [];
    for (const result of results) {
      const part = keyOf(subjectOf(result.step));
      const key = partOf.get(part) ?? part;
      if (result.outcome === 'done') {
        applied.push(result.step);
      } else if (result.outcome === 'uncertain' && !this.tracker.pending().has(key)) {
        this.#failures.passed(key);
        applied.push(result.step);
      } else {
        this.#failures.failed(key, { step: result.step, message: result.message }, this.tracker.desired(key));
      }
    }
    return { applied, failed: this.#failed() };
  }

  /** Not what was to be done at an interface that has gone since. */
  #failed(): FailedStep[] {
    const failed = this.#failures.all(this.tracker);
    return failed.filter(({ step }) => !this.#replacements.isPostponed(keyOf(subjectOf(step))));
  }
}
