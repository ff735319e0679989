/** The world of a command under test: output is kept, input is written by the test, signals are raised by it. */
import { PassThrough } from 'node:stream';
import type { ExamineOptions, Finding } from '../../../doctor/doctor.ts';
import type { Api } from '../../../protocol/api.ts';
import { contextFiles } from '../../contexts/context-files.ts';
import { runCli } from '../cli.ts';
import {
  type CliIo,
  type ContextStore,
  type Daemons,
  type Output,
  OutputClosed,
  type StoredContext,
  type StoreTools,
} from '../io.ts';
import type { LabReport, LabTools } from '../lab-tools.ts';
import { inputOf } from '../process-io.ts';
import { fakeCluster, now } from './fake-cluster.ts';
import { fakeLab, fakeLabSteps } from './fake-lab.ts';

export interface FakeIoOptions {
  readonly api?: Api;
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  /** By registry. */
  readonly logins?: Record<string, string>;
  /** Of the doctor. */
  readonly findings?: readonly Finding[];
  /** Of `lab test`. */
  readonly labReport?: LabReport;
  readonly contexts?: ContextStore;
  readonly tty?: boolean;
  readonly columns?: number;
  /** Nobody reads stdout after this many writes. */
  readonly closesAfter?: number;
}

export class FakeIo implements CliIo {
  out = '';
  err = '';
  /** Which daemon was started with what. */
  started: unknown[] = [];
  /** Name of the context whose cluster was asked. */
  reached: string | undefined;
  /** Every change of the terminal's raw mode. */
  readonly raw: boolean[] = [];
  readonly keys: PassThrough & { isTTY?: boolean; setRawMode?: (on: boolean) => void } = new PassThrough();
  readonly version = '0.1.0';
  readonly env: Record<string, string>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin = inputOf(() => this.keys);
  readonly #options: FakeIoOptions;
  readonly #handlers = new Map<string, Set<() => void>>();
  #time = now;

  constructor(options: FakeIoOptions = {}) {
    this.#options = options;
    this.env = options.env ?? {};
    const { tty = false, columns = 80 } = options;
    this.keys.isTTY = tty;
    this.keys.setRawMode = (on) => void this.raw.push(on);
    let left = options.closesAfter ?? Number.POSITIVE_INFINITY;
    this.stdout = {
      isTTY: tty,
      columns,
      rows: 24,
      write: async (data) => {
        left -= 1;
        if (left < 0) throw new OutputClosed('closed');
        this.out += typeof data === 'string' ? data : Buffer.from(data).toString();
      },
    };
    this.stderr = {
      isTTY: tty,
      columns,
      rows: 24,
      write: async (data) => {
        this.err += typeof data === 'string' ? data : Buffer.from(data).toString();
      },
    };
  }

  now(): number {
    return this.#time;
  }

  async sleep(ms: number): Promise<void> {
    this.#time += ms;
  }

  onResize(handler: () => void): () => void {
    return this.#on('resize', handler);
  }

  onSignal(signal: string, handler: () => void): () => void {
    return this.#on(signal, handler);
  }

  /** @returns whether somebody listened. */
  raise(event: 'SIGINT' | 'SIGTERM' | 'resize'): boolean {
    const handlers = [...(this.#handlers.get(event) ?? [])];
    for (const handler of handlers) handler();
    return handlers.length > 0;
  }

  async readFile(path: string): Promise<string | undefined> {
    return this.#options.files?.[path];
  }

  async registryAuth(registry: string): Promise<string | undefined> {
    return this.#options.logins?.[registry];
  }

  api(context?: StoredContext): Api {
    this.reached = context?.name ?? 'local';
    return this.#options.api ?? fakeCluster();
  }

  get contexts(): ContextStore {
    return this.#options.contexts ?? contextFiles({});
  }

  async newUserKey() {
    return { secret: new Uint8Array(32).fill(5), publicKey: 'u'.repeat(40) };
  }

  async console(
    options: { readonly readOnly: boolean; readonly language?: string },
    context?: StoredContext,
  ): Promise<number> {
    this.started = context === undefined ? ['console', options] : ['console', options, context.name];
    return 0;
  }

  async doctor(settings: ExamineOptions['settings']): Promise<readonly Finding[]> {
    this.started = ['doctor', settings];
    return this.#options.findings ?? [];
  }

  readonly daemons: Daemons = {
    up: async (options) => this.#start('up', options),
    server: async (options) => this.#start('server', options),
    agent: async (options) => this.#start('agent', options),
  };

  readonly lab: LabTools = {
    up: async (source) => {
      this.started = ['lab up', source];
      return fakeLab;
    },
    upSteps: async () => fakeLabSteps,
    down: async (name = 'nat') => {
      this.started = ['lab down', name];
      return name;
    },
    downSteps: async () => fakeLabSteps,
    list: async () => [{ name: 'nat', status: 'up', nodes: 4, links: 3, file: 'nat.yaml', since: now - 300_000 }],
    scenarios: async () => ['bridge', 'nat'],
    inspect: async () => fakeLab,
    exec: async (...words) => {
      this.started = ['lab exec', ...words];
      return 3;
    },
    test: async () => this.#options.labReport ?? { lab: 'nat', verdicts: [], pings: [], took: 0 },
    junit: async () => '<testsuite/>',
    script: async (_which, directory) => [`${directory}/network_setup.sh`, `${directory}/network_delete.sh`],
    explain: async () => fakeLabSteps,
    graph: async (which, picture) => {
      this.started = ['lab graph', which, picture];
      return 'picture\n';
    },
    set: async (...words) => {
      this.started = ['lab set', ...words];
      return fakeLabSteps;
    },
    capture: async (...words) => {
      this.started = ['lab capture', ...words];
      return 0;
    },
  };
  readonly store: StoreTools = {
    backup: async (...words) => this.#done('backup', words),
    restore: async (...words) => this.#done('restore', words),
    migrate: async (...words) => this.#done('migrate', words),
  };

  #done(name: string, words: readonly unknown[]): string {
    this.started = [name, ...words.slice(0, -1)];
    return `${name} done`;
  }

  #start(name: string, options: unknown): number {
    this.started = [name, options];
    return 0;
  }

  #on(event: string, handler: () => void): () => void {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers.add(handler));
    return () => void handlers.delete(handler);
  }
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly io: FakeIo;
}

/** Runs `trama` with these words, or this line split at spaces. */
export async function trama(words: string | readonly string[], options: FakeIoOptions = {}): Promise<Ran> {
  const io = new FakeIo(options);
  const argv = typeof words === 'string' ? words.split(' ').filter((word) => word !== '') : words;
  const code = await runCli(argv, io);
  return { code, out: io.out, err: io.err, io };
}
