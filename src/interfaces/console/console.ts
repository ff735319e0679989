/** The console: a terminal in, an exit code out. */
import type { ReadStream, WriteStream } from 'node:tty';
import { Failure } from '../../domain/errors.ts';
import type { Api } from '../../protocol/api.ts';
import { lookedAt } from './control/use.ts';
import { screenOf } from './draw/screen.ts';
import { glyphsFor } from './glyphs.ts';
import { KeyReader } from './keys.ts';
import { toAnsi } from './line.ts';
import { followCluster } from './running/link.ts';
import { Looker } from './running/looker.ts';
import type { Painter } from './running/painter.ts';
import { performer } from './running/perform.ts';
import { runShell } from './running/shell.ts';
import { openTerminal, type Terminal } from './running/terminal.ts';
import type { Happening, Settings, State } from './state.ts';
import { tellIn } from './strings/sentences.ts';
import { catalogues, chooseLanguage, sayIn, writesUnicode } from './strings/strings.ts';
import { initial, update } from './update.ts';

export interface ConsoleOptions {
  /** `en` or `es`; absent: what the environment says. */
  readonly language?: string;
  readonly readOnly: boolean;
}

export interface ConsoleWorld {
  readonly api: Api;
  /** By what name the cluster is reached; absent: through this host. */
  readonly place?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** How often ages are counted anew. Milliseconds. */
const tickMs = 5000;
/** An Escape that nothing follows within this is the key. Milliseconds. */
const escapeMs = 40;

const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs until it is closed. The terminal is as it was afterwards, however it ends; only SIGKILL is beyond it, which the launcher
 * sees to. @returns the exit code: 0, or 128 and the signal. @throws Failure `invalid` without a terminal
 */
export async function runConsole(options: ConsoleOptions, world: ConsoleWorld): Promise<number> {
  const { stdin, stdout, env } = world;
  const language = chooseLanguage(options.language, env);
  const say = sayIn(catalogues[language]);
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new Failure(
      'invalid',
      'the console needs a terminal: for scripts there are trama ps, node ls and network ls',
    );
  }
  const settings: Settings = {
    ...{ say, tell: tellIn(language), glyphs: glyphsFor(writesUnicode(env)), readOnly: options.readOnly },
    place: world.place ?? say('cluster.local'),
  };
  // React's other half is for those who develop it: slower, larger, and it warns on the terminal.
  process.env.NODE_ENV = 'production';
  const ended = Promise.withResolvers<number>();
  using resources = new DisposableStack();
  const terminal = resources.use(openTerminal({ stdin, stdout, type: env.TERM }, () => ended.resolve(signals.SIGHUP)));
  const running = new Running(settings, world, terminal, () => ended.resolve(0), !env.NO_COLOR && env.TERM !== 'dumb');
  resources.defer(() => running.end());
  onEnd(resources, ended);
  const { createPainter } = await import('./running/painter.ts');
  running.begin(resources.use(createPainter(stdout, stdin)));
  // Until then nothing is given back.
  return await ended.promise;
}

function onEnd(resources: DisposableStack, { resolve, reject }: PromiseWithResolvers<number>): void {
  const on = (event: string, handler: (...words: never[]) => void) => {
    process.on(event, handler as (...words: unknown[]) => void);
    resources.defer(() => void process.off(event, handler as (...words: unknown[]) => void));
  };
  for (const [signal, code] of Object.entries(signals)) on(signal, () => resolve(code));
  on('uncaughtException', reject);
  on('unhandledRejection', reject);
}

class Running {
  readonly #world: ConsoleWorld;
  readonly #terminal: Terminal;
  readonly #colours: boolean;
  readonly #perform;
  readonly #stop = new AbortController();
  readonly #keys = new KeyReader();
  readonly #looker: Looker;
  #state: State;
  #painter: Painter | undefined;
  #painting = false;
  /** Somebody else has the terminal. */
  #away = false;
  #escape: NodeJS.Timeout | undefined;

  constructor(settings: Settings, world: ConsoleWorld, terminal: Terminal, quit: () => void, colours: boolean) {
    this.#world = world;
    this.#terminal = terminal;
    this.#colours = colours;
    const { columns, rows } = terminal;
    this.#state = initial(settings, { columns, rows }, Date.now());
    this.#perform = performer({
      ...{ api: world.api, readOnly: settings.readOnly, quit },
      dispatch: (happening) => this.#dispatch(happening),
      write: (text) => void terminal.write(text),
      redraw: () => this.#painter?.repaint(this.#lines()),
      mouse: (on) => terminal.mouse(on),
      shell: (reference, name, node) => this.#shell(reference, name, node),
    });
    this.#looker = new Looker({ api: world.api, dispatch: (happening) => this.#dispatch(happening), sleep });
    // While the rest is still being loaded.
    void followCluster(
      { api: world.api, dispatch: (happening) => this.#dispatch(happening), sleep },
      this.#stop.signal,
    );
  }

  begin(painter: Painter): void {
    this.#painter = painter;
    this.#terminal.onResize(() => {
      const { columns, rows } = this.#terminal;
      this.#dispatch({ kind: 'resize', columns, rows });
      if (!this.#away) painter.repaint(this.#lines());
    });
    this.#terminal.takeInput((bytes) => this.#typed(bytes));
    const ticks = setInterval(() => this.#dispatch({ kind: 'tick', now: Date.now() }), tickMs);
    this.#stop.signal.addEventListener('abort', () => clearInterval(ticks));
    painter.paint(this.#lines());
  }

  end(): void {
    clearTimeout(this.#escape);
    this.#stop.abort();
    this.#look();
  }

  #typed(bytes: Uint8Array): void {
    clearTimeout(this.#escape);
    for (const key of this.#keys.push(bytes)) this.#dispatch({ kind: 'key', key });
    if (!this.#keys.waiting) return;
    this.#escape = setTimeout(() => {
      for (const key of this.#keys.flush()) this.#dispatch({ kind: 'key', key });
    }, escapeMs);
  }

  #dispatch(happening: Happening): void {
    if (this.#stop.signal.aborted) return;
    const { state, effects } = update(this.#state, happening);
    const changed = state !== this.#state;
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (!changed) return;
    this.#look();
    this.#paintSoon();
  }

  /** What is not on the screen is not asked for. */
  #look(): void {
    const isSeen = !this.#away && !this.#stop.signal.aborted;
    this.#looker.look(isSeen ? lookedAt(this.#state) : undefined);
  }

  /** What happens in one moment is drawn once. */
  #paintSoon(): void {
    if (this.#painting) return;
    this.#painting = true;
    setImmediate(() => {
      this.#painting = false;
      if (!this.#away && !this.#stop.signal.aborted) this.#painter?.paint(this.#lines());
    });
  }

  #lines(): string[] {
    return screenOf(this.#state).map((line) => toAnsi(line, this.#colours));
  }

  async #shell(reference: string, name: string, node: string): Promise<string | undefined> {
    const { say } = this.#state.settings;
    const { mouse } = this.#state;
    this.#away = true;
    this.#look();
    this.#painter?.leave();
    if (mouse) this.#terminal.mouse(false);
    try {
      await this.#terminal.write(`${say('shell.begin', { name, node })}\r\n`);
      return await runShell({ api: this.#world.api, terminal: this.#terminal, reference });
    } finally {
      this.#away = false;
      this.#look();
      if (mouse) this.#terminal.mouse(true);
      if (!this.#stop.signal.aborted) this.#painter?.paint(this.#lines());
    }
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(new Error('ended'));
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
