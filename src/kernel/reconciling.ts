/** What a reconciler is, and what it needs: `reconciler.ts`. */
import type { Clock, Log, Running, Spawn } from '../platform/platform.ts';
import type { HandedLink, KernelObject } from './objects.ts';
import type { Remembered } from './remembered.ts';
import type { Replacement } from './replacements.ts';
import type { FailedStep, Outcome, Pass, Step } from './steps.ts';
import type { DeltaTracker } from './tracker.ts';
import type { UplinkStore } from './uplinks.ts';

export interface ReconcilerOptions {
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
  /** Starts the monitors; needed by `watch` only. */
  readonly start?: (argv: [string, ...string[]], onError: (line: string) => void) => Running;
  /** Name of the data plane's namespace, `trama`. It is Trama's even if nobody desires it. */
  readonly namespace?: string;
  /** How `ip` finds the host's own namespace from inside another: a pid in it, or a path. Default: this process. */
  readonly host?: string;
  /** Keeps sysctls' original values over restarts. */
  readonly remembered?: Remembered;
  /** Keeps what stood on interfaces of the host's before bridges took their places. */
  readonly uplinks?: UplinkStore;
  /**
   * Asked when a desired pair is found missing. What it returns is created instead of the pair, once, in whatever
   * namespaces it names, and not looked at again; the pair then counts as there. `undefined`: create as desired. `later`:
   * nothing for now; it is asked again at the next pass.
   */
  readonly onMissing?: (link: HandedLink) => Replacement | Promise<Replacement>;
  /** Spares what exists and nobody desires, for as long as it answers true: nobody knows yet whether it should be there. */
  readonly keep?: (object: KernelObject) => boolean;
  /** Told, in sentences, of what was put right that nobody had asked for. */
  readonly onRepair?: (sentences: readonly string[]) => void;
  /** Told of each pass that came to its end. */
  readonly onPass?: (pass: Pass) => void;
  /** Milliseconds between full passes while watching; default 30000. */
  readonly intervalMs?: number;
}

/** Disposing of it ends the tries by itself; the kernel stays as it is. */
export interface Reconciler extends Disposable {
  /** Replaces what an owner (e.g. `endpoint/3f2a…`) wants. Memory only. */
  desire(owner: string, objects: readonly KernelObject[]): void;
  release(owner: string): void;
  /** A container's namespace, told by its path, has just been made: it need not be read before it is first written to. */
  fresh(path: string): void;
  /** Somebody has seen that something is gone which full passes do not look for; it is made again soon. */
  lost(object: KernelObject): void;
  /** Resolves when everything that was desired at the call was tried. @throws Failure when the kernel cannot be read. */
  settle(): Promise<Outcome>;
  /** Looks at everything, then as `settle`. Call it only once all owners have said what they want: the rest is deleted. */
  resync(): Promise<Outcome>;
  /** What `resync` would do. Writes nothing. */
  plan(): Promise<Step[]>;
  /**
   * Steps for an owner's objects that are not done, and those for the tables, sets and chains that its set elements count
   * on, whoever wants these: an entry in a filter that is not there lets everything through.
   */
  failuresOf(owner: string): readonly FailedStep[];
  /** Repairs whatever others change, until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>;
  /** What `clear` would do. Writes nothing. */
  clearPlan(): Promise<Step[]>;
  /** Forgets all owners and removes everything of Trama's, going on after errors. */
  clear(): Promise<Outcome>;
  readonly tracker: DeltaTracker;
}
