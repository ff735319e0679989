/**
 * What happens to the containers of this host that are the cluster's concern: its own, and those that are on one of its networks.
 * Told to every server, each of which keeps the newest in its memory; while none answers, the newest are kept here.
 */
import { isFailure, networkNameFromDocker } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import type { ClusterEvent } from '../protocol/protocol.ts';
import type { RuntimeEvent } from '../runtimes/runtimes.ts';
import type { LocalEndpoint } from './local-state.ts';
import type { ServerLink } from './server-link.ts';
import { workloadLabel } from './workloads.ts';

export interface HappeningsOptions {
  readonly node: string;
  link(): Pick<ServerLink, 'everywhere'> | undefined;
  /** Of this host. */
  readonly endpoints: { values(): Iterable<LocalEndpoint> };
  readonly log: Log;
}

/** The engine's words as ours. What is not here is nobody's news: it comes with one of these. */
const actions: Readonly<Record<string, string>> = {
  ...{ start: 'start', die: 'die', destroy: 'remove', oom: 'out-of-memory' },
  ...{ pause: 'pause', unpause: 'unpause', rename: 'rename' },
};
const kept = 500;
const toldAtOnce = 50;
/** Containers whose names are remembered; events that might come twice. */
const remembered = 10_000;
const recent = 1000;

type Event = Omit<ClusterEvent, 'node'>;

export class Happenings {
  readonly #options: HappeningsOptions;
  /** Those that are our concern: id → name. */
  readonly #known = new Map<string, string>();
  readonly #recent = new Set<string>();
  #untold: Event[] = [];
  #telling = false;

  constructor(options: HappeningsOptions) {
    this.#options = options;
  }

  onEvent(event: RuntimeEvent): void {
    // What came before this agent did is known by its endpoints.
    if (event.type === 'connected') this.#knowAttached();
    else if (event.type === 'network') this.#onNetwork(event);
    else if (event.type === 'container') this.#onContainer(event);
  }

  #onContainer({ action, id, attributes, time }: Extract<RuntimeEvent, { type: 'container' }>): void {
    const { name = id.slice(0, 12), image = '', exitCode, signal } = attributes;
    if (workloadLabel in attributes || this.#known.has(id)) this.#know(id, name);
    const what = actions[action];
    if (!this.#known.has(id) || what === undefined) return;
    if (action === 'destroy') this.#known.delete(id);
    const ended = action === 'die' && exitCode !== undefined ? { exitCode } : {};
    this.#tell({
      id: `${this.#options.node}/${id.slice(0, 12)}/${action}/${time}`,
      ...{ time, type: 'container', action: what, name, message: '' },
      attributes: { container: id.slice(0, 12), image, ...ended, ...(signal === undefined ? {} : { signal }) },
    });
  }

  /** A container is said to be on a network before it is said to have started. */
  #onNetwork({ action, attributes, time }: Extract<RuntimeEvent, { type: 'network' }>): void {
    const { container = '', name = '', type } = attributes;
    if (type !== 'trama' || container === '' || (action !== 'connect' && action !== 'disconnect')) return;
    if (action === 'connect') this.#know(container, this.#known.get(container) ?? '');
    const network = networkNameFromDocker(name);
    this.#tell({
      id: `${this.#options.node}/${container.slice(0, 12)}/${action}/${network}/${time}`,
      ...{ time, type: 'network', action, name: network, message: '' },
      attributes: { container: this.#known.get(container) || container.slice(0, 12) },
    });
  }

  #knowAttached(): void {
    for (const { record } of this.#options.endpoints.values()) {
      if (record.container !== undefined) this.#know(record.container.id, record.container.name);
    }
  }

  #know(id: string, name: string): void {
    this.#known.delete(id);
    this.#known.set(id, name);
    const [oldest] = this.#known.keys();
    if (this.#known.size > remembered && oldest !== undefined) this.#known.delete(oldest);
  }

  #tell(event: Event): void {
    // The engine's events are asked for anew with an overlap.
    if (this.#recent.has(event.id)) return;
    this.#recent.add(event.id);
    const [oldest] = this.#recent;
    if (this.#recent.size > recent && oldest !== undefined) this.#recent.delete(oldest);
    this.#untold.push(event);
    if (this.#untold.length > kept) this.#untold.shift();
    this.tell().catch((error: unknown) => this.#options.log.debug('what happened is not told yet', { error }));
  }

  /** Servers answer again: what they have not heard. */
  async tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      for (
        let link = this.#options.link();
        link !== undefined && this.#untold.length > 0;
        link = this.#options.link()
      ) {
        const events = this.#untold.slice(0, toldAtOnce);
        await link.everywhere('node.happened', { events }).catch((error: unknown) => {
          if (isFailure(error, 'unavailable') || isFailure(error, 'deadline')) throw error;
          // A server of before does not know of it.
          this.#options.log.debug('what happened was not taken', { error });
        });
        const told = new Set(events);
        this.#untold = this.#untold.filter((each) => !told.has(each));
      }
    } finally {
      this.#telling = false;
    }
  }
}
