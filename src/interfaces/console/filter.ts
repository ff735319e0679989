/**
 * What people type after `/`. Words with spaces between; a row is shown when all hold.
 *   text          some cell has it            !text        none has it
 *   column:text   the cell of this column has it; `!` before it turns it round
 *   -l key=value  it carries this label       -l key       whatever its value
 * Upper and lower case are one.
 */

/** What a row offers to filters. */
export interface Filterable {
  /** Texts of its cells. */
  cells(): readonly string[];
  /** By the column's name; undefined when there is no such column. */
  cell(column: string): string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export type Filter = (row: Filterable) => boolean;

export function parseFilter(text: string): Filter {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const terms: Filter[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '-l' || word === '!-l') {
      at += 1;
      const wanted = words[at];
      // While it is being typed it means nothing yet.
      if (wanted !== undefined) terms.push(turned(word.startsWith('!'), labelled(wanted)));
    } else if (word !== '!') terms.push(turned(word.startsWith('!'), worded(word.replace(/^!/, ''))));
  }
  return (row) => terms.every((term) => term(row));
}

const turned =
  (inverse: boolean, filter: Filter): Filter =>
  (row) =>
    filter(row) !== inverse;

function labelled(word: string): Filter {
  const [key = '', value] = word.split('=', 2);
  return ({ labels }) => Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
}

function worded(word: string): Filter {
  const [, column, rest = ''] = /^([^:]+):(.+)$/.exec(word) ?? [];
  const plain = (row: Filterable) => row.cells().some((cell) => has(cell, word));
  if (column === undefined) return plain;
  return (row) => {
    const cell = row.cell(column.toLowerCase());
    // `nginx:1.27` and `8080:80` are texts like any other.
    return cell === undefined ? plain(row) : has(cell, rest);
  };
}

const has = (cell: string, text: string): boolean => cell.toLowerCase().includes(text.toLowerCase());
