/** What a server knows of nodes only by hearing from them. In memory: it is heard again within seconds of a restart. */
import { z } from 'zod';
import type { MetricsMessage } from '../bus/bus.ts';
import type { Clock } from '../platform/platform.ts';
import type { NodeView } from '../protocol/protocol.ts';

/** Silence after which a node counts as down; heartbeats come every 5 s. Milliseconds. */
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

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard(node: string): void {
    this.#of(node).lastSeen = this.#clock.now();
  }

  /** Heartbeats go to one server; at the others a node is known by its session. */
  connected(node: string, connected: boolean): void {
    if (connected) this.heard(node);
    if (connected) this.#connected.add(node);
    else this.#connected.delete(node);
  }

  isReady(node: string): boolean {
    if (this.#connected.has(node)) return true;
    const lastSeen = this.#nodes.get(node)?.lastSeen ?? null;
    return lastSeen !== null && this.#clock.now() - lastSeen <= silenceMs;
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

  #of(node: string): Heard {
    let heard = this.#nodes.get(node);
    if (heard === undefined) {
      heard = { lastSeen: null, metrics: undefined, events: [] };
      this.#nodes.set(node, heard);
    }
    return heard;
  }
}
