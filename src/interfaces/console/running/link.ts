/** Keeps what is known of the cluster as it is there: by what `cluster.watch` tells, never by asking again and again. */
import { isFailure } from '../../../domain/errors.ts';
import type { Api, ByteStream } from '../../../protocol/api.ts';
import type { ClusterChange, WatchTopic } from '../../../protocol/stream-methods.ts';
import type { ContainerView, NetworkView, NodeView } from '../../../protocol/views.ts';
import { clause } from '../../cli/text.ts';
import type { Data, Happening } from '../state.ts';

/** Between two tries to reach a server. Milliseconds. */
const retryMs = 1000;
/** A list that changes all the time is read no more often. Milliseconds. */
const restMs = { nodes: 1000, networks: 250, containers: 250 } as const;

export interface LinkOptions {
  readonly api: Api;
  readonly dispatch: (happening: Happening) => void;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Until the signal aborts: whatever goes wrong is said and tried again. */
export async function followCluster(options: LinkOptions, signal: AbortSignal): Promise<void> {
  const { dispatch, sleep } = options;
  while (!signal.aborted) {
    try {
      await watchOnce(options, signal);
      dispatch({ kind: 'link', state: 'down', why: '' });
    } catch (error) {
      if (signal.aborted) return;
      dispatch({ kind: 'link', state: 'down', why: clause(error instanceof Error ? error.message : String(error)) });
    }
    await sleep(retryMs, signal).catch(() => {});
  }
}

async function watchOnce(options: LinkOptions, signal: AbortSignal): Promise<void> {
  const { api, dispatch } = options;
  const stream = await api.open('cluster.watch', {});
  const stop = () => stream.reset(new Error('the console ends'));
  signal.addEventListener('abort', stop, { once: true });
  const lists = new Lists(options, stream, signal);
  try {
    let rest = '';
    for await (const { data } of stream) {
      rest += Buffer.from(data).toString();
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { cluster, changed } = JSON.parse(line) as ClusterChange;
        dispatch({ kind: 'data', data: { cluster } });
        for (const topic of changed) lists.changed(topic);
      }
    }
    lists.check();
  } finally {
    signal.removeEventListener('abort', stop);
    lists.end();
  }
}

/** Reads lists again, one request for each at a time. */
class Lists {
  readonly #options: LinkOptions;
  readonly #stream: ByteStream;
  readonly #signal: AbortSignal;
  readonly #wanted = new Set<WatchTopic>();
  readonly #reading = new Set<WatchTopic>();
  readonly #read = new Set<WatchTopic>();
  #failure: unknown;
  #over = false;

  constructor(options: LinkOptions, stream: ByteStream, signal: AbortSignal) {
    this.#options = options;
    this.#stream = stream;
    this.#signal = signal;
    void this.#ownNode();
  }

  changed(topic: WatchTopic): void {
    this.#wanted.add(topic);
    if (!this.#reading.has(topic)) void this.#readAgain(topic);
  }

  end(): void {
    this.#over = true;
  }

  /** @throws what a request failed with */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #readAgain(topic: WatchTopic): Promise<void> {
    const { dispatch, sleep } = this.#options;
    this.#reading.add(topic);
    try {
      while (this.#wanted.delete(topic)) {
        const data = await this.#list(topic);
        if (this.#over) return;
        this.#read.add(topic);
        const complete = this.#read.size === 3;
        dispatch({ kind: 'data', data: complete ? { ...data, complete } : data });
        if (complete) dispatch({ kind: 'link', state: 'up', why: '' });
        await sleep(restMs[topic], this.#signal);
      }
    } catch (error) {
      this.#failure ??= error;
      // What could not be read is read with the next connection.
      this.#stream.end();
      this.#stream.reset(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#reading.delete(topic);
    }
  }

  async #list(topic: WatchTopic): Promise<Partial<Data>> {
    const { api } = this.#options;
    if (topic === 'nodes') return { nodes: (await api.call('node.list', {})) as NodeView[] };
    if (topic === 'networks') return { networks: (await api.call('network.list', {})) as NetworkView[] };
    return { containers: (await api.call('workload.list', {})) as ContainerView[] };
  }

  /** A server's own socket does not know of nodes. */
  async #ownNode(): Promise<void> {
    const { api, dispatch } = this.#options;
    try {
      const { node } = (await api.call('agent.status', {})) as { node: string };
      if (!this.#over) dispatch({ kind: 'data', data: { host: node } });
    } catch (error) {
      if (!this.#over && isFailure(error)) dispatch({ kind: 'data', data: { host: '' } });
    }
  }
}
