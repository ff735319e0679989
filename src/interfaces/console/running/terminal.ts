/** The terminal that the console runs in. It is as it was once this has been disposed. */
import type { ReadStream, WriteStream } from 'node:tty';

/** What is done with bytes that were typed. While its promise is pending nothing more is read. */
export type Taker = (bytes: Uint8Array) => void | Promise<void>;

export interface Terminal extends Disposable {
  readonly columns: number;
  readonly rows: number;
  /** What TERM says. */
  readonly type: string | undefined;
  /** Resolves when more can be taken. */
  write(data: Uint8Array | string): Promise<void>;
  onResize(handler: () => void): Disposable;
  /** Input goes to this taker, until it is disposed: then to the one before. */
  takeInput(taker: Taker): Disposable;
  /** Clicks and wheel are told of as SGR sequences; the terminal's own selection needs Shift then. */
  mouse(on: boolean): void;
}

const mouseOn = '\x1b[?1000h\x1b[?1006h';
const mouseOff = '\x1b[?1006l\x1b[?1000l';

/** @param onGone the terminal was closed */
export function openTerminal(
  {
    stdin,
    stdout,
    type,
  }: { readonly stdin: ReadStream; readonly stdout: WriteStream; readonly type: string | undefined },
  onGone: () => void,
): Terminal {
  const takers: Taker[] = [];
  let mouse = false;
  const read = (bytes: Uint8Array) => {
    const taken = takers.at(-1)?.(bytes);
    if (taken === undefined) return;
    stdin.pause();
    void taken.finally(() => stdin.resume());
  };
  stdin.setRawMode(true);
  stdin.on('data', read);
  for (const stream of [stdin, stdout]) {
    stream.on('error', onGone);
    stream.on('end', onGone);
  }
  stdin.resume();
  return {
    type,
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    write: (data) => new Promise((resolve) => stdout.write(data, () => resolve())),
    onResize(handler) {
      stdout.on('resize', handler);
      return { [Symbol.dispose]: () => void stdout.off('resize', handler) };
    },
    takeInput(taker) {
      takers.push(taker);
      return { [Symbol.dispose]: () => void takers.splice(takers.indexOf(taker), 1) };
    },
    mouse(on) {
      mouse = on;
      stdout.write(on ? mouseOn : mouseOff);
    },
    [Symbol.dispose]() {
      if (mouse) stdout.write(mouseOff);
      stdin.off('data', read);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
