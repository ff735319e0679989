/** What etcd holds, read by its own client and understood here anew: no code of the servers has a part in it. */
import type { Etcd } from './etcd.ts';

export interface StoredEndpoint {
  readonly id: string;
  readonly network: string;
  readonly node: string;
  readonly kind: 'container' | 'gateway';
  readonly address: string;
  readonly mac: string;
  readonly container?: { readonly id: string; readonly name: string };
  readonly ports?: readonly { hostPort: number; containerPort: number; protocol: string }[];
}

export interface StoredNetwork {
  readonly id: string;
  readonly name: string;
  readonly subnet: string;
  readonly vni: number;
  readonly mtu: number;
  readonly port: number;
}

export interface StoreReading {
  readonly revision: number;
  /** Without the prefix. */
  readonly keys: readonly string[];
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly fenced?: boolean;
    readonly health?: { readonly state: string };
  }[];
  readonly networks: readonly StoredNetwork[];
  readonly endpoints: readonly StoredEndpoint[];
  readonly workloads: readonly { readonly name: string; readonly node: string; readonly desired: string }[];
}

const keyPrefix = 'trama//trama/';

interface Answer {
  readonly header: { readonly revision: number };
  readonly kvs?: readonly { readonly key: string; readonly value: string }[];
}

export async function readStore(etcd: Etcd): Promise<StoreReading> {
  const answer = JSON.parse(await etcd.ctl(['get', '--prefix', keyPrefix, '-w', 'json'])) as Answer;
  const entries = (answer.kvs ?? []).map(
    ({ key, value }) => [plain(key).slice(keyPrefix.length), plain(value)] as const,
  );
  const all = <T>(collection: string) =>
    entries.filter(([key]) => key.startsWith(`${collection}/`)).map(([, value]) => JSON.parse(value) as T);
  return {
    revision: answer.header.revision,
    keys: entries.map(([key]) => key),
    nodes: all('nodes'),
    networks: all('networks'),
    endpoints: all('endpoints'),
    workloads: all('workloads'),
  };
}

const plain = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');

export interface HistoryEvent {
  /** When we heard of it, ms of a clock that nobody sets. */
  readonly at: number;
  readonly key: string;
  /** Absent: it was deleted. */
  readonly value?: string;
}

/** All that is written, as it is written: what stood there between two looks is not missed. */
export class History {
  readonly #etcd: Etcd;
  readonly #hear: (event: HistoryEvent) => void;
  #next: number;
  #child: ReturnType<Etcd['watch']> | undefined;
  #ended = false;
  /** How often etcd had forgotten what we had not heard. */
  gaps = 0;

  constructor(etcd: Etcd, from: number, hear: (event: HistoryEvent) => void) {
    this.#etcd = etcd;
    this.#next = from;
    this.#hear = hear;
    this.#run();
  }

  /** Everything before this revision has been heard. */
  get next(): number {
    return this.#next;
  }

  stop(): void {
    this.#ended = true;
    this.#child?.kill('SIGKILL');
  }

  #run(): void {
    const child = this.#etcd.watch(['watch', '--prefix', keyPrefix, '--rev', `${this.#next}`, '-w', 'json']);
    this.#child = child;
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(line);
    });
    child.stderr?.on('data', (chunk: Buffer) => this.#complain(`${chunk}`));
    child.on('error', () => {});
    child.on('close', () => {
      if (!this.#ended) setTimeout(() => this.#ended || this.#run(), 200);
    });
  }

  #take(line: string): void {
    if (!line.startsWith('{')) return;
    const { Events: events, CompactRevision: compacted } = JSON.parse(line) as {
      Events?: { type?: number; kv: { key: string; value?: string; mod_revision: number } }[];
      CompactRevision?: number;
    };
    if (compacted !== undefined && compacted > this.#next) this.#skipTo(compacted);
    for (const { type, kv } of events ?? []) {
      const key = plain(kv.key).slice(keyPrefix.length);
      this.#hear({ at: performance.now(), key, ...(type === 1 ? {} : { value: plain(kv.value ?? '') }) });
      this.#next = Math.max(this.#next, kv.mod_revision + 1);
    }
  }

  #complain(text: string): void {
    const compacted = /compacted/.test(text);
    if (compacted) this.#skipTo(this.#next + 1);
  }

  #skipTo(revision: number): void {
    this.gaps += 1;
    this.#next = revision;
    this.#child?.kill('SIGKILL');
  }
}
