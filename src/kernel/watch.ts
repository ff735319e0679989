/**
 * Sees when others change what is Trama's: `ip monitor` and `nft monitor` in every namespace, and a full pass now and then
 * for what has no events (sysctls, routes that vanish with their link's state, legacy iptables).
 *
 * Our own writes come back as events, in which the last state of each thing is the desired one; so an event is only a
 * suspicion, and only one that still stands after a moment leads to a look at the kernel.
 */
import { stat } from 'node:fs/promises';
import { toFailure } from '../domain/domain.ts';
import type { Clock, Log, Running } from '../platform/platform.ts';
import { type Happening, readIpEvent, readNftEvent } from './events.ts';
import { inside, switching } from './print.ts';
import type { DeltaTracker } from './tracker.ts';

export type Start = (argv: [string, ...string[]], onError: (line: string) => void) => Running;

export interface Watched {
  readonly start: Start;
  readonly clock: Clock;
  readonly log: Log;
  readonly intervalMs: number;
  readonly tracker: DeltaTracker;
  /** Namespaces that should be watched, there or not. */
  readonly namespaces: () => readonly string[];
  /** Resolves when nothing is being written by us. */
  readonly quiet: () => Promise<void>;
  readonly resync: () => Promise<unknown>;
  readonly signal: AbortSignal;
}

/** Events of one change arrive together within this many milliseconds. */
const debounceMs = 100;
/** Events of our own last writes are read within this many milliseconds after them. */
const settleMs = 50;
const pollMs = 1000;
const restartMs = 500;
const listeningMs = 100;

export async function watchKernel(watched: Watched): Promise<void> {
  const alarm = new Alarm(watched);
  const monitors = new Monitors(watched, alarm);
  try {
    await Promise.all([
      every(watched, pollMs, () => monitors.follow()),
      every(watched, watched.intervalMs, () => alarm.look('periodic'), watched.intervalMs),
    ]);
  } finally {
    await monitors.stop();
  }
}

/** What fails is for the next time. */
async function every(watched: Watched, ms: number, act: () => Promise<void>, firstMs = 0): Promise<void> {
  const { clock, log, signal } = watched;
  if (firstMs > 0) await clock.sleep(firstMs, signal).catch(() => {});
  while (!signal.aborted) {
    await act().catch((error: unknown) =>
      log.warn('the kernel is not watched as it should be; trying again', { error }),
    );
    await clock.sleep(ms, signal).catch(() => {});
  }
}

/** Collects suspicions; rings when one stands. */
class Alarm {
  readonly #watched: Watched;
  readonly #suspicions = new Set<string>();
  #armed = false;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  note({ subject, wrong }: Happening): void {
    if (!wrong) {
      this.#suspicions.delete(subject);
      return;
    }
    this.#suspicions.add(subject);
    if (!this.#armed) {
      this.#armed = true;
      void this.#ring().finally(() => {
        this.#armed = false;
        // What came while the kernel was being looked at may not have been seen.
        if (this.#suspicions.size > 0) this.note({ subject: [...this.#suspicions][0] ?? '', wrong: true });
      });
    }
  }

  async #ring(): Promise<void> {
    const { clock, quiet, signal } = this.#watched;
    await clock.sleep(debounceMs, signal).catch(() => {});
    await quiet();
    await clock.sleep(settleMs, signal).catch(() => {});
    const reasons = [...this.#suspicions];
    this.#suspicions.clear();
    if (reasons.length > 0) await this.look(reasons.slice(0, 3).join('; '));
  }

  async look(reason: string): Promise<void> {
    const { log, resync, signal } = this.#watched;
    if (signal.aborted) return;
    try {
      log.debug('looking at the kernel', { reason });
      await resync();
    } catch (error) {
      log.warn(`${toFailure(error).message} It is tried again at the next pass.`, { reason });
    }
  }
}

interface Watch {
  /** Which namespace it was that had this name. */
  readonly identity: string;
  readonly running: readonly Running[];
}

/** Two monitors in each namespace that exists. One that ends is started again; one in a deleted namespace is ended. */
class Monitors {
  readonly #watched: Watched;
  readonly #alarm: Alarm;
  readonly #watches = new Map<string, Watch>();

  constructor(watched: Watched, alarm: Alarm) {
    this.#watched = watched;
    this.#alarm = alarm;
  }

  /** A monitor keeps a namespace alive whose name is deleted: without this its links would stay. */
  async follow(): Promise<void> {
    const { clock, signal } = this.#watched;
    const changed: string[] = [];
    for (const ns of this.#watched.namespaces()) {
      const identity = await identityOf(ns);
      const watch = this.#watches.get(ns);
      if (watch?.identity === identity) continue;
      if (watch !== undefined) await end(watch);
      this.#watches.delete(ns);
      if (identity !== undefined && !signal.aborted) {
        this.#watches.set(ns, { identity, running: this.#begin(ns) });
      }
      changed.push(ns || 'the host');
    }
    if (changed.length === 0) return;
    // Whatever happens until the monitors listen is not seen by them.
    await clock.sleep(listeningMs, signal).catch(() => {});
    await this.#alarm.look(`monitors started or ended: ${changed.join(', ')}`);
  }

  #begin(ns: string): Running[] {
    const { start, log, tracker } = this.#watched;
    const missed = (line: string) => {
      log.debug('a monitor said', { ns, line });
      this.#alarm.note({ subject: `events of ${ns}`, wrong: true });
    };
    const note = (happening: Happening) => this.#alarm.note(happening);
    const ip = start(switching('ip', ns, ['-o', 'monitor', 'link', 'address', 'route', 'neigh']), missed);
    const nft = this.#beside(ip, () => start(inside(ns, ['nft', '-j', 'monitor']), missed));
    this.#read(ns, ip, (line) => {
      const happening = readIpEvent(ns, line, tracker);
      if (happening !== undefined) note(happening);
    });
    this.#read(ns, nft, (line) => readNftEvent(ns, line, tracker).forEach(note));
    return [ip, nft];
  }

  /** The host may have room for no more processes: then one that nobody reads does not stay either. */
  #beside(other: Running, begin: () => Running): Running {
    try {
      return begin();
    } catch (error) {
      void other[Symbol.asyncDispose]();
      throw error;
    }
  }

  #read(ns: string, running: Running, use: (line: string) => void): void {
    const { clock, signal } = this.#watched;
    const reading = async () => {
      try {
        for await (const line of running.lines) use(line);
      } catch {
        // It was ended; what follows is the same.
      }
      await clock.sleep(restartMs, signal).catch(() => {});
      const watch = this.#watches.get(ns);
      if (signal.aborted || watch === undefined || !watch.running.includes(running)) return;
      this.#watches.delete(ns);
      await end(watch);
    };
    void reading();
  }

  async stop(): Promise<void> {
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    await Promise.all(watches.map(end));
  }
}

async function end(watch: Watch): Promise<void> {
  await Promise.all(watch.running.map((running) => running[Symbol.asyncDispose]()));
}

/** @returns undefined when no namespace has this name. */
async function identityOf(ns: string): Promise<string | undefined> {
  if (ns === '') return 'host';
  try {
    const { dev, ino } = await stat(`/run/netns/${ns}`);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
