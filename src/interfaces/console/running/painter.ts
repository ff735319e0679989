/** Draws the screen with ink: a text per line, of which only those that have changed are written to the terminal. */
import { Box, type Instance, render, Text } from 'ink';
import { createElement as h, memo } from 'react';

const Row = memo(({ text }: { readonly text: string }) => h(Text, { wrap: 'truncate' }, text));

/** A line is its place: nothing moves. */
const rowAt = (text: string, row: number) => h(Row, { key: row, text });

const Rows = ({ lines }: { readonly lines: readonly string[] }) =>
  h(Box, { flexDirection: 'column' }, ...lines.map(rowAt));

/** Frames a second at most; a key is drawn at once. */
const maxFps = 60;

export interface Painter extends Disposable {
  paint(lines: readonly string[]): void;
  /** Everything anew: nobody knows what the terminal shows. */
  repaint(lines: readonly string[]): void;
  /** The terminal is as it was before the console, until it is painted again. */
  leave(): void;
}

export function createPainter(stdout: NodeJS.WriteStream, stdin: NodeJS.ReadStream): Painter {
  let instance: Instance | undefined;
  let painted: readonly string[] = [];
  const leave = () => {
    instance?.unmount();
    instance = undefined;
    painted = [];
  };
  const paint = (lines: readonly string[]) => {
    // Ink would go through every cell to find that out.
    if (lines.length === painted.length && lines.every((line, row) => line === painted[row])) return;
    painted = lines;
    const rows = h(Rows, { lines });
    if (instance !== undefined) instance.rerender(rows);
    else {
      instance = render(rows, {
        ...{ stdout, stdin, maxFps, alternateScreen: true, incrementalRendering: true, interactive: true },
        ...{ exitOnCtrlC: false, patchConsole: false, kittyKeyboard: { mode: 'disabled' } },
      });
    }
  };
  return {
    paint,
    repaint(lines) {
      leave();
      paint(lines);
    },
    leave,
    [Symbol.dispose]: leave,
  };
}
