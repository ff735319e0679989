/** A real terminal in a simulated host: tmux, which draws what it is sent as any other would. */
import { eventually, type LabHost } from '../src/lab/lab.ts';

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  /** Of what runs in it. Default: UTF-8, English. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Milliseconds. */
const patienceMs = 30_000;

export class HostTerminal implements AsyncDisposable {
  readonly #host: LabHost;
  readonly #socket: string;

  private constructor(host: LabHost, socket: string) {
    this.#host = host;
    this.#socket = socket;
  }

  /** With a shell in it, whose prompt is `ready$ `. */
  static async open(host: LabHost, name: string, { columns, rows, env = {} }: TerminalOptions): Promise<HostTerminal> {
    const terminal = new HostTerminal(host, `/run/tmux-${name}`);
    const words = Object.entries({
      LANG: 'en_US.UTF-8',
      TERM: 'tmux-256color',
      PATH: process.env.PATH ?? '',
      PS1: 'ready$ ',
      ...env,
    });
    const shell = ['env', '-i', ...words.map(([key, value]) => `${key}=${value}`), 'HOME=/root', 'sh'];
    await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', `${columns}`, '-y', `${rows}`, ...shell);
    await terminal.#tmux('set-option', '-g', 'window-size', 'manual');
    await terminal.until(/ready\$/);
    return terminal;
  }

  /** Keys as `tmux send-keys` names them; anything else is typed as it is. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
  }

  /** A line for the shell. */
  async line(text: string): Promise<void> {
    await this.type(text);
    await this.press('Enter');
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', `${columns}`, '-y', `${rows}`);
  }

  /** What is on it, without what is to the right of the text. */
  screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p');
  }

  /** Whether an application has the alternate screen. */
  async isAlternate(): Promise<boolean> {
    return (await this.#tmux('display-message', '-p', '#{alternate_on}')).trim() === '1';
  }

  /** Of what runs in it first: the shell. */
  async shellPid(): Promise<number> {
    return Number(await this.#tmux('display-message', '-p', '#{pane_pid}'));
  }

  /** @returns the screen that matches. @throws Failure with what was on it instead */
  async until(shown: RegExp, patience = patienceMs): Promise<string> {
    let last = '';
    await eventually(
      `${shown} on the terminal`,
      async () => {
        last = await this.screen();
        return shown.test(last);
      },
      patience,
    ).catch((cause: unknown) => {
      throw new Error(`${shown} did not appear; what did:\n${last}`, { cause });
    });
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server').catch(() => {});
  }

  #tmux(...words: string[]): Promise<string> {
    return this.#host.output(['tmux', '-u', '-S', this.#socket, ...words]);
  }
}
