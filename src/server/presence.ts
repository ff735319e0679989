/**
 * What a server knows of nodes by hearing from them, and what the store says of their silence. In memory: it is heard again within
 * seconds of a restart. Silence is measured by a clock that nobody sets.
 */
import { z } from 'zod';
import type { MetricsMessage } from '../bus/bus.ts';
import type { SteadyClock } from '../platform/platform.ts';
import type { NodeView } from '../protocol/protocol.ts';
import type { Entry, Store, StoreEvent } from '../store/store.ts';
import type { Follower } from './follow.ts';
import { allOf, splitKey } from './keys.ts';
import { isLost, type NodeHealth, type StoredNode } from './records.ts';
import type { HealthTimes } from './server.ts';

/** How long a node that a server has not heard of at all since its own start may be on its way to it. */
const firstMs = 15_000;
/** Of a server that others contradict: for how long it believes them the second time in a row, and at most. */
const trust = { firstMs: 3000, mostMs: 30_000 } as const;
const eventsKept = 50;
/** Between two words of a node, and the most that it may promise. */
const rests = { usualMs: 1000, mostMs: 10_000 } as const;

const metrics = z.object({
  cpu: z.number().min(0).max(1),
  memory: z.object({ used: z.number(), total: z.number() }),
  traffic: z.object({ received: z.number().min(0), sent: z.number().min(0) }).optional(),
});

export type NodeEvent = NodeView['events'][number];

interface Heard {
  lastSeen: number | null;
  /** `Clock.elapsed` then; undefined when this server itself has not heard it since its start. */
  at: number | undefined;
  /** From when on its silence counts: later than `at` while it has said that it will be silent. */
  due: number;
  /** Another server hears it, or did: from when on its silence here counts again. */
  heardElsewhere: number;
  /** What the next word of another server is good for, milliseconds: each in a row more than the one before. */
  trustMs: number;
  metrics: z.infer<typeof metrics> | undefined;
  events: NodeEvent[];
}

/** What the store says, and for how long this server has known. */
interface Recorded {
  readonly health: NodeHealth;
  readonly at: number;
}

export interface PresenceOptions {
  readonly store: Pick<Store, 'range'>;
  readonly clock: SteadyClock;
  readonly times: HealthTimes;
  /** Whether it falls to this server to miss nodes that it has never heard: the others may well hear them. */
  missesStrangers(): boolean;
  /** A node is down, or no longer. */
  onChange(): void;
}

/** What people are told of it; a suspicion is not worth it. */
function lossOf(health: NodeHealth | undefined): keyof typeof backFrom | undefined {
  if (health === undefined || !isLost(health)) return undefined;
  return health.state === 'down' ? 'down' : 'evicted';
}

const backFrom = {
  down: 'back, with all it had',
  evicted: "back after its eviction: addresses that were given away meanwhile are not its containers' any more",
} as const;

export class Presence implements Follower {
  readonly #options: PresenceOptions;
  readonly #nodes = new Map<string, Heard>();
  #recorded = new Map<string, Recorded>();
  #loadedAt = 0;
  readonly #startedAt: number;
  /** Before it nobody is blamed for silence: this server itself was not listening. */
  #fairFrom = Number.NEGATIVE_INFINITY;
  #returned: ((node: string) => void) | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#startedAt = options.clock.elapsed();
  }

  // -- what the store says

  async load(): Promise<number> {
    const { entries, revision } = await this.#options.store.range(allOf('nodes'));
    const before = this.#recorded;
    this.#recorded = new Map();
    for (const entry of entries) this.#learn(entry, before);
    this.#loadedAt = revision;
    this.#options.onChange();
    return revision;
  }

  events(revision: number, events: readonly StoreEvent[]): void {
    // Told again, since others were loaded as of earlier.
    if (revision <= this.#loadedAt) return;
    for (const event of events) {
      const key = event.type === 'put' ? event.entry.key : event.key;
      const place = splitKey(key);
      if (place?.collection === 'servers' && event.type === 'delete') this.#trustNobody();
      if (place?.collection !== 'nodes') continue;
      const lost = isLost(this.#recorded.get(place.rest)?.health);
      if (event.type === 'put') this.#learn(event.entry, this.#recorded);
      else this.#recorded.delete(place.rest);
      if (lost !== isLost(this.#recorded.get(place.rest)?.health)) this.#options.onChange();
    }
  }

  #learn({ value }: Entry, before: ReadonlyMap<string, Recorded>): void {
    const { name, health } = JSON.parse(value) as StoredNode;
    const known = before.get(name);
    this.#tellHealth(name, known?.health, health);
    if (health === undefined) {
      if (this.#recorded.delete(name) || known !== undefined) this.#heardElsewhere(this.#of(name));
    } else if (known?.health.state === health.state && known.health.since === health.since)
      this.#recorded.set(name, { health, at: known.at });
    else this.#recorded.set(name, { health, at: this.#options.clock.elapsed() });
  }

  /** Among its events, the same at every server that is there. Why it is down may be found out when that is known already. */
  #tellHealth(node: string, was: NodeHealth | undefined, is: NodeHealth | undefined): void {
    const [before, now] = [lossOf(was), lossOf(is)];
    if (is !== undefined && now !== undefined) {
      const event: NodeEvent = { time: is.since, kind: 'error', message: `${now}: ${is.reason}` };
      if (before !== now) this.event(node, event);
      else this.#tellAnew(node, `${now}: ${was?.reason}`, event);
    } else if (before !== undefined)
      this.event(node, { time: this.#options.clock.now(), kind: 'info', message: backFrom[before] });
  }

  #tellAnew(node: string, former: string, event: NodeEvent): void {
    const { events } = this.#of(node);
    const place = events.findLastIndex(({ message }) => message === former);
    if (place >= 0) events[place] = event;
  }

  /** What the store says of its silence, and the milliseconds since this server knows. */
  recorded(node: string): { readonly health: NodeHealth; readonly ageMs: number } | undefined {
    const recorded = this.#recorded.get(node);
    return recorded && { health: recorded.health, ageMs: this.#options.clock.elapsed() - recorded.at };
  }

  // -- what is heard

  /** @param nextMs until it says something again, as it has promised; absent: as often as all do */
  heard(node: string, nextMs: number = rests.usualMs): void {
    const heard = this.#of(node);
    heard.lastSeen = this.#options.clock.now();
    heard.at = this.#options.clock.elapsed();
    // A promise holds until it is over, whatever is heard in between.
    heard.due = Math.max(heard.due, heard.at + Math.max(0, Math.min(nextMs, rests.mostMs) - rests.usualMs));
    heard.heardElsewhere = Math.min(heard.heardElsewhere, heard.at);
    heard.trustMs = 0;
    if (this.#recorded.get(node)?.health.state === 'down') this.#returned?.(node);
  }

  /** @param tell called each time that a node is heard that is said to be down */
  onReturn(tell: (node: string) => void): Disposable {
    this.#returned = tell;
    return {
      [Symbol.dispose]: () => {
        this.#returned = undefined;
      },
    };
  }

  /**
   * Another server hears it: that counts, here as well. One that has no way to this server would be suspected and taken back for ever, with
   * two writes each time; so each word in a row is believed for longer. While it is, that other server is the one to miss it.
   */
  #heardElsewhere(heard: Heard): void {
    heard.heardElsewhere = this.#options.clock.elapsed() + heard.trustMs;
    heard.trustMs = Math.min(Math.max(2 * heard.trustMs, trust.firstMs), trust.mostMs);
  }

  /** A server has ended: what it heard may have ended with it. */
  #trustNobody(): void {
    const now = this.#options.clock.elapsed();
    for (const heard of this.#nodes.values()) {
      heard.heardElsewhere = Math.min(heard.heardElsewhere, now);
      heard.trustMs = 0;
    }
  }

  /** This server has not listened for a while. */
  begunAnew(): void {
    this.#fairFrom = this.#options.clock.elapsed() + this.#options.times.graceMs;
  }

  /** Whether nothing was heard of it for as long, although this server has listened. */
  isSilent(node: string, ms: number): boolean {
    const now = this.#options.clock.elapsed();
    if (now < this.#fairFrom) return false;
    const heard = this.#nodes.get(node);
    const elsewhere = now - (heard?.heardElsewhere ?? Number.NEGATIVE_INFINITY);
    if (heard?.at !== undefined) return Math.min(now - heard.due, elsewhere) >= ms;
    const since = Math.min(now - this.#startedAt, elsewhere);
    return this.#options.missesStrangers() && now - this.#startedAt >= firstMs && since >= ms;
  }

  /** Whether it was heard not long ago. */
  isHeard(node: string): boolean {
    const at = this.#nodes.get(node)?.at;
    return at !== undefined && this.#options.clock.elapsed() - at < this.#options.times.suspectMs;
  }

  /** `unknown`: not heard of yet by this server, which has not listened for long. */
  state(node: string): 'ready' | 'unknown' | 'suspect' | 'down' | 'evicted' {
    const recorded = this.#recorded.get(node)?.health.state;
    if (recorded === 'down') return 'down';
    if (recorded === 'evicting' || recorded === 'evicted') return 'evicted';
    if (this.#nodes.get(node)?.at === undefined) return 'unknown';
    return this.isSilent(node, this.#options.times.suspectMs) ? 'suspect' : 'ready';
  }

  /** Of all nodes that were heard or heard of; changes when one of them does. */
  states(): string {
    const names = new Set([...this.#nodes.keys(), ...this.#recorded.keys()]);
    return [...names].map((name) => `${name} ${this.state(name)}`).join();
  }

  /** Nothing is to be expected of it. */
  isLost(node: string): boolean {
    return isLost(this.#recorded.get(node)?.health);
  }

  isReady(node: string): boolean {
    return this.state(node) === 'ready';
  }

  /** Numbers that are none are dropped: metrics may be lost anyway. */
  metrics({ node, data }: MetricsMessage): void {
    const parsed = metrics.safeParse(data);
    if (parsed.success) this.#of(node).metrics = parsed.data;
  }

  event(node: string, event: NodeEvent): void {
    const { events } = this.#of(node);
    events.push(event);
    if (events.length > eventsKept) events.shift();
  }

  trouble(node: string, message: string): void {
    const known = this.#nodes.get(node)?.events.at(-1);
    if (known?.message !== message) this.event(node, { time: this.#options.clock.now(), kind: 'error', message });
  }

  view(node: string): Pick<NodeView, 'cpu' | 'memory' | 'traffic' | 'lastSeen' | 'events' | 'reason'> {
    const heard = this.#nodes.get(node);
    return {
      cpu: heard?.metrics?.cpu ?? null,
      memory: heard?.metrics?.memory ?? null,
      ...(heard?.metrics?.traffic === undefined ? {} : { traffic: heard.metrics.traffic }),
      lastSeen: heard?.lastSeen ?? null,
      reason: this.#recorded.get(node)?.health.reason ?? '',
      events: [...(heard?.events ?? [])],
    };
  }

  forget(node: string): void {
    this.#nodes.delete(node);
    this.#recorded.delete(node);
  }

  #of(node: string): Heard {
    let heard = this.#nodes.get(node);
    if (heard === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      heard = {
        ...{ lastSeen: null, at: undefined, due: never, heardElsewhere: never, trustMs: 0 },
        ...{ metrics: undefined, events: [] },
      };
      this.#nodes.set(node, heard);
    }
    return heard;
  }
}
