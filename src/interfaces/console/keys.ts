/** What a terminal sends, as keys: UTF-8, the cursor keys of xterm, and its mouse (SGR, 1006). */

export type NamedKey =
  | 'enter'
  | 'escape'
  | 'tab'
  | 'shift-tab'
  | 'backspace'
  | 'delete'
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'ctrl-c'
  | 'ctrl-u'
  | 'ctrl-w'
  | 'ctrl-l';

/** `text`: as typed, one character. `at`: cells from 0. */
export type Key =
  | { readonly kind: 'named'; readonly name: NamedKey }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'click' | 'wheel-up' | 'wheel-down';
      readonly at: { readonly column: number; readonly row: number };
    };

const controls: Readonly<Record<string, NamedKey>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'ctrl-c',
  '\x15': 'ctrl-u',
  '\x17': 'ctrl-w',
  '\x0c': 'ctrl-l',
};

/** After ESC [ or ESC O, without modifiers. */
const sequences: Readonly<Record<string, NamedKey>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'shift-tab',
  '1~': 'home',
  '7~': 'home',
  '4~': 'end',
  '8~': 'end',
  '3~': 'delete',
  '5~': 'page-up',
  '6~': 'page-down',
};

const mouse = /^<(\d+);(\d+);(\d+)([Mm])$/;

const named = (name: NamedKey): Key => ({ kind: 'named', name });

/** Sequences may come in pieces: what is not whole waits for the next piece, or for `flush`. */
export class KeyReader {
  readonly #decoder = new TextDecoder();
  #rest = '';

  push(bytes: Uint8Array): Key[] {
    this.#rest += this.#decoder.decode(bytes, { stream: true });
    const keys: Key[] = [];
    for (;;) {
      const taken = this.#take();
      if (taken === undefined) return keys;
      if (taken !== null) keys.push(taken);
    }
  }

  /** Something may still be the beginning of more. */
  get waiting(): boolean {
    return this.#rest !== '';
  }

  /** Nothing more came: it was the Escape key, whatever followed. */
  flush(): Key[] {
    const rest = this.#rest;
    this.#rest = '';
    return rest.startsWith('\x1b') ? [named('escape')] : [];
  }

  /** @returns undefined when nothing whole is there; null for what means nothing here. */
  #take(): Key | null | undefined {
    const [first] = this.#rest;
    if (first === undefined) return undefined;
    if (first !== '\x1b') {
      this.#rest = this.#rest.slice(first.length);
      const control = controls[first];
      if (control !== undefined) return named(control);
      return first < ' ' ? null : { kind: 'text', text: first };
    }
    // Escape twice is Escape, and the beginning of what follows.
    if (this.#rest[1] === '\x1b') return this.#consume(1, named('escape'));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what terminals send.
    const sequence = /^\x1b(?:\[([0-9;<]*[@-~])|O([@-~]))/.exec(this.#rest);
    if (sequence !== null) return this.#consume(sequence[0].length, meaningOf(sequence[1] ?? sequence[2] ?? ''));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    if (/^\x1b(?:\[[0-9;<]*|O)?$/.test(this.#rest)) return undefined;
    return this.#consume(1, named('escape'));
  }

  #consume<T>(length: number, meaning: T): T {
    this.#rest = this.#rest.slice(length);
    return meaning;
  }
}

function meaningOf(sequence: string): Key | null {
  const [, button, column, row, end] = mouse.exec(sequence) ?? [];
  if (button !== undefined) {
    const at = { column: Number(column) - 1, row: Number(row) - 1 };
    if (button === '64') return { kind: 'wheel-up', at };
    if (button === '65') return { kind: 'wheel-down', at };
    return button === '0' && end === 'M' ? { kind: 'click', at } : null;
  }
  // With modifiers, `1;5A` or `5;2~`: as without.
  const plain = sequence.replace(/^1;\d+(?=[A-Z])/, '').replace(/;\d+~$/, '~');
  const name = sequences[plain];
  return name === undefined ? null : named(name);
}
