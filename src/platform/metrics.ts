/**
 * Figures for Prometheus: counters, histograms and what is read when somebody asks, as text in the exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Why not a library: docs/adr/0010-metrics.md.
 *
 * To count costs an addition. Nothing is added up, read or written as text before somebody asks, and of those who ask at
 * the same time all get one answer. Labels must be of a bounded number of values: there is a series for each.
 */
import type { Log } from './log.ts';

export type Labels = Readonly<Record<string, string>>;

/** One figure of a family, read when somebody asks. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

export interface Counter {
  /** Only upwards; 1 unless told. */
  add(by?: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

/** A family with labels: each set of values has a series, there from the first `of` on. */
export interface Family<T> {
  of(labels: Labels): T;
}

/** Seconds: from what is answered from memory to what waits for a deadline. */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Written {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  lines(): Promise<string[]> | string[];
}

export class Metrics {
  readonly #families = new Map<string, Written>();
  #asked: Promise<string> | undefined;

  /** @param name ends with `_total`. @throws Error for a name that there is already, or that cannot be */
  counter(name: string, help: string): Family<Counter> {
    const series = new Series(() => new Count());
    this.#add({
      name,
      help,
      type: 'counter',
      lines: () => series.flatMap((text, { value }) => [line(name, text, value)]),
    });
    return series;
  }

  /** @param bounds upper bounds of its buckets, growing; +Inf comes by itself */
  histogram(name: string, help: string, bounds: readonly number[] = durations): Family<Histogram> {
    const series = new Series(() => new Buckets(bounds));
    this.#add({ name, help, type: 'histogram', lines: () => series.flatMap((text, each) => each.lines(name, text)) });
    return series;
  }

  /** Read when somebody asks. What `read` throws goes to the log of whoever asks, and the family is left out. */
  read(
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    read: () => number | readonly Sample[] | Promise<number | readonly Sample[]>,
  ): void {
    this.#add({
      ...{ name, help, type },
      async lines() {
        const found = await read();
        const samples = typeof found === 'number' ? [{ value: found }] : found;
        return samples.map(({ labels = {}, value }) => line(name, labelText(labels), value));
      },
    });
  }

  /** All families, in the order of their names. */
  text(log: Log): Promise<string> {
    this.#asked ??= this.#write(log).finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #write(log: Log): Promise<string> {
    const families = [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const blocks = families.map(async ({ name, help, type, lines }) => {
      try {
        const written = await lines();
        if (written.length === 0) return '';
        return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...written, ''].join('\n');
      } catch (error) {
        log.warn('a figure could not be read', { name, error });
        return '';
      }
    });
    return (await Promise.all(blocks)).join('');
  }

  #add(family: Written): void {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(family.name)) throw new Error(`${family.name} cannot be a metric's name`);
    if (this.#families.has(family.name)) throw new Error(`there are two metrics called ${family.name}`);
    this.#families.set(family.name, family);
  }
}

class Series<T> implements Family<T> {
  readonly #make: () => T;
  /** By the labels as they are written. */
  readonly #all = new Map<string, T>();

  constructor(make: () => T) {
    this.#make = make;
  }

  of(labels: Labels): T {
    const text = labelText(labels);
    let one = this.#all.get(text);
    if (one === undefined) {
      one = this.#make();
      this.#all.set(text, one);
    }
    return one;
  }

  flatMap(write: (labels: string, one: T) => string[]): string[] {
    return [...this.#all].flatMap(([labels, one]) => write(labels, one));
  }
}

class Count implements Counter {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

class Buckets implements Histogram {
  readonly #bounds: readonly number[];
  /** Of each bucket alone, the last for what is beyond all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  lines(name: string, labels: string): string[] {
    let count = 0;
    const buckets = this.#counts.map((each, index) => {
      count += each;
      const bound = labelText({ le: numberText(this.#bounds[index] ?? Number.POSITIVE_INFINITY) });
      return line(`${name}_bucket`, labels === '' ? bound : `${labels.slice(0, -1)},${bound.slice(1)}`, count);
    });
    return [...buckets, line(`${name}_sum`, labels, this.#sum), line(`${name}_count`, labels, count)];
  }
}

/** Seconds since the call, each time it is asked. */
export function stopwatch(): () => number {
  const began = performance.now();
  return () => (performance.now() - began) / 1000;
}

const line = (name: string, labels: string, value: number): string => `${name}${labels} ${numberText(value)}`;

/** `{a="x",b="y"}`, or nothing. */
function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

const escapeHelp = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

const escapeLabel = (text: string) => escapeHelp(text).replaceAll('"', '\\"');
