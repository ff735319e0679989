/** Text for man(7): what any roff takes for the characters that they are. */

/** Typed by people, or compared with what they type: a hyphen stays a hyphen, a quote a quote. */
const glyphs: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
  '…': '...',
};

/** Columns that lines of a page's source may have, for whoever reads it. */
const width = 80;

/** Within a line or a macro's argument; a line may begin with it. */
export function roff(text: string): string {
  const words = text.replace(/[\\\-'`^~"…]/g, (one) => glyphs[one] ?? one);
  return words.startsWith('.') ? `\\&${words}` : words;
}

/** What is filled: where its lines break, does not show. */
export function prose(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').map(roff)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].join('\n');
}

const bold = (text: string): string => `.B "${roff(text)}"`;

export const section = (title: string): string => `.SH ${title}`;

export const subsection = (title: string): string => `.SS "${roff(title)}"`;

/** @param rows terms and what they mean */
export const definitions = (rows: readonly (readonly [term: string, says: string])[]): string[] =>
  rows.flatMap(([term, says]) => ['.TP', bold(term), prose(says)]);

/** Lines as they are typed. */
export const verbatim = (lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['.sp', '.nf', '.RS 4', ...lines.map(roff), '.RE', '.fi'];
