/** What a server knows of nodes only by hearing from them. In memory: it is heard again within seconds of a restart. */
import { z } from 'zod';
import type { MetricsMessage } from '../bus/bus.ts';
import type { Clock } from '../platform/platform.ts';
import type { NodeView } from '../protocol/protocol.ts';

/** Silence after which a node counts as down, also of a server that has just begun to listen; heartbeats come every 5 s. */
const silenceMs = 15_000;
const eventsKept = 50;

const metrics = z.object({
  cpu: z.number().min(0).max(1),
  memory: z.object({ used: z.number(), total: z.number() }),
  containers: z.number().default(0),
});

export type NodeEvent = NodeView['events'][number];

interface Heard {
  lastSeen: number | null;
  metrics: z.infer<typeof metrics> | undefined;
  events: NodeEvent[];
}

export class Presence {
  readonly #clock: Clock;
  readonly #nodes = new Map<string, Heard>();
  /** Nodes with a live session here: the bus ends those that are silent for as long. */
  readonly #connected = new Set<string>();
  readonly #startedAt: number;
  readonly #onChange: () => void;

  /** @param onChange a node has connected or is no longer connected */
  constructor(clock: Clock, onChange: () => void = () => {}) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#onChange = onChange;
  }

  heard(node: string): void {
    this.#of(node).lastSeen = this.#clock.now();
  }

  /** Heartbeats go to one server; at the others a node is known by its session. */
  connected(node: string, connected: boolean): void {
    if (connected) this.heard(node);
    if (connected) this.#connected.add(node);
    else this.#connected.delete(node);
    this.#onChange();
  }

  /** `unknown`: not heard of yet by this server, which has not listened for long. */
  state(node: string): 'ready' | 'unknown' | 'down' {
    if (this.#connected.has(node)) return 'ready';
    if (this.#silentAt(node) < this.#clock.now()) return 'down';
    return typeof this.#nodes.get(node)?.lastSeen === 'number' ? 'ready' : 'unknown';
  }

  isReady(node: string): boolean {
    return this.state(node) === 'ready';
  }

  /**
   * Milliseconds until it counts as down if nothing is heard of it; Infinity if it does already, and while it is
   * connected: then the bus looks after that.
   */
  downIn(node: string): number {
    if (this.#connected.has(node) || this.state(node) === 'down') return Number.POSITIVE_INFINITY;
    return this.#silentAt(node) + 1 - this.#clock.now();
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
    if (known?.message !== message) this.event(node, { time: this.#clock.now(), kind: 'error', message });
  }

  view(node: string): Pick<NodeView, 'cpu' | 'memory' | 'containers' | 'lastSeen' | 'events'> {
    const heard = this.#nodes.get(node);
    return {
      cpu: heard?.metrics?.cpu ?? null,
      memory: heard?.metrics?.memory ?? null,
      containers: heard?.metrics?.containers ?? 0,
      lastSeen: heard?.lastSeen ?? null,
      events: [...(heard?.events ?? [])],
    };
  }

  forget(node: string): void {
    this.#nodes.delete(node);
  }

  /** The last moment of its silence at which it does not count as down. */
  #silentAt(node: string): number {
    return (this.#nodes.get(node)?.lastSeen ?? this.#startedAt) + silenceMs;
  }

  #of(node: string): Heard {
    let heard = this.#nodes.get(node);
    if (heard === undefined) {
      heard = { lastSeen: null, metrics: undefined, events: [] };
      this.#nodes.set(node, heard);
    }
    return heard;
  }
}
