/**
 * What topics hold now, out of the store. One look at a time: a large network's content is in memory once, however many ask. And one look for
 * all who wait for the same part of the store: after an outage a thousand nodes ask at once, a hundred of them for each network. What was
 * looked at is good for some seconds more, for as long as the feed knows of all that has been written and nothing of it was about the topic:
 * a thousand nodes that ask one after the other make one look, too. It is kept as the JSON that goes to them, beside the heap: as objects
 * it would be several times as large, and written anew whenever something elsewhere in the cluster has changed.
 */
import { writtenAs } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import { clusterTopic, type Result } from '../protocol/protocol.ts';
import type { KeyRange, Store } from '../store/store.ts';
import { Turns } from './change.ts';
import { allOf, ofNetwork } from './keys.ts';
import { itemsOf } from './topics.ts';

/** A part of the store that is looked at as a whole: nodes' topics are not apart in it. */
interface Part {
  readonly name: string;
  readonly ranges: readonly KeyRange[];
}

type Snapshot = Result<'feed.snapshot'>;

/** What each snapshot says of the cluster's life; see `protocol/feed.ts`. */
export type Life = Pick<Snapshot, 'epoch' | 'settled'>;

/** The content of topics as of a revision, or a later one as of which it is known to be the same. Cheap. */
type Looked = (topic: string, sameAt?: number) => Snapshot;

export interface TopicContentsOptions {
  readonly store: Pick<Store, 'range' | 'revision'>;
  readonly clock: Clock;
  life(topic: string): Life;
  /** The revision of the last change of the topic that the feed knows of, out of all up to `upTo`; undefined: it does not know all of them. */
  changedAt(topic: string, upTo: number): number | undefined;
}

/** For how long what was looked at is kept, milliseconds: a large network's are megabytes. */
const keptMs = 5000;

export class TopicContents {
  readonly #options: TopicContentsOptions;
  readonly #turns = new Turns();
  /** Looks that have not begun, by part. */
  readonly #waiting = new Map<string, Promise<Looked>>();
  /** Looks of the last seconds, by part. */
  readonly #kept = new Map<string, Looked>();
  /** A question for the store's revision that has not been sent. */
  #revision: Promise<number> | undefined;

  constructor(options: TopicContentsOptions) {
    this.#options = options;
  }

  /** As of some moment after the call. @throws Failure `invalid` for what is no topic */
  async of(topic: string): Promise<Snapshot> {
    const part = partOf(topic);
    return (await this.#stillSo(part, topic)) ?? (await (this.#waiting.get(part.name) ?? this.#ask(part)))(topic);
  }

  /** What was looked at before, when it is as of now as well. */
  async #stillSo({ name }: Part, topic: string): Promise<Snapshot | undefined> {
    if (!this.#kept.has(name)) return undefined;
    const now = await this.#now();
    const looked = this.#kept.get(name);
    const changedAt = this.#options.changedAt(topic, now);
    if (looked === undefined || changedAt === undefined || looked(topic).revision < changedAt) return undefined;
    // Said to be as of now: who has heard of later things takes nothing that seems to be older.
    return looked(topic, now);
  }

  /** The store's revision at some moment after the call: one question for all who want to know in the same turn of the loop. */
  #now(): Promise<number> {
    this.#revision ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#revision = undefined;
      return this.#options.store.revision();
    });
    return this.#revision;
  }

  #ask(part: Part): Promise<Looked> {
    const looked = this.#turns.take('look', async () => {
      // Who asks from here on might miss what happens meanwhile.
      this.#waiting.delete(part.name);
      return this.#keep(part, await this.#look(part));
    });
    this.#waiting.set(part.name, looked);
    return looked;
  }

  #keep({ name }: Part, looked: Looked): Looked {
    this.#kept.set(name, looked);
    const forget = () => {
      if (this.#kept.get(name) === looked) this.#kept.delete(name);
    };
    this.#options.clock.sleep(keptMs).then(forget, forget);
    return looked;
  }

  async #look({ name, ranges }: Part): Promise<Looked> {
    const revisions: number[] = [];
    const items = new Map<string, string[]>();
    for (const range of ranges) {
      const { revision, entries } = await this.#options.store.range(range);
      revisions.push(revision);
      for (const entry of entries) {
        for (const { topic, key, value } of itemsOf(entry.key, entry.value)) {
          if (partName(topic) !== name) continue;
          const item = JSON.stringify({ key, value });
          const some = items.get(topic);
          if (some === undefined) items.set(topic, [item]);
          else some.push(item);
        }
      }
    }
    // The oldest: deltas that one of the ranges holds already are whole values, and change nothing when they come again.
    const revision = Math.min(...revisions);
    const written = new Map([...items].map(([topic, some]) => [topic, Buffer.from(some.join())]));
    const made = new Map<string, Snapshot>();
    return (topic, sameAt = 0) => {
      const known = made.get(topic);
      const life = this.#options.life(topic);
      const asOf = Math.max(known?.revision ?? revision, sameAt);
      if (known?.revision === asOf && known.epoch === life.epoch && known.settled === life.settled) return known;
      // One object for all who ask, and one writing.
      const { snapshot, its } = snapshotOf({ topic, revision: asOf, ...life }, written.get(topic) ?? Buffer.alloc(0));
      written.set(topic, its);
      made.set(topic, snapshot);
      return snapshot;
    };
  }
}

/** @returns its items are those bytes of its writing, so that nothing is there twice */
function snapshotOf(about: Omit<Snapshot, 'items'>, items: Buffer): { snapshot: Snapshot; its: Buffer<ArrayBuffer> } {
  const head = Buffer.from(`${JSON.stringify(about).slice(0, -1)},"items":[`);
  const json = Buffer.concat([head, items, Buffer.from(']}')]);
  const its = json.subarray(head.length, head.length + items.length);
  // Read by who is in this process; others get the writing.
  const snapshot: Snapshot = {
    ...about,
    get items() {
      return JSON.parse(`[${its}]`);
    },
  };
  return { snapshot: writtenAs(snapshot, json), its };
}

const nodes = 'node';
const partName = (topic: string): string => (topic.startsWith(`${nodes}/`) ? nodes : topic);

function partOf(topic: string): Part {
  const [kind, id] = topic.split('/', 2);
  const name = partName(topic);
  if (topic === clusterTopic) return { name, ranges: [allOf('networks'), allOf('nodes'), allOf('servers')] };
  if (kind === 'network' && id) return { name, ranges: [ofNetwork('blocks', id), ofNetwork('endpoints', id)] };
  if (kind === nodes && id) return { name, ranges: [allOf('workloads'), allOf('blocks'), allOf('reservations')] };
  throw new Failure('invalid', `there is no topic ${JSON.stringify(topic.slice(0, 80))}`);
}
