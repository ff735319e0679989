/** A lab as a Mermaid flowchart (mermaid.js.org). Pure. */
import type { Edge, Flat, Item } from './flat.ts';

export function mermaid({ groups, edges }: Flat): string {
  const lines = groups.flatMap(({ host, items }) =>
    host === undefined
      ? items.map((item) => `  ${itemLine(item)}`)
      : [`  subgraph ${host.id}["${escaped(host.title)}"]`, ...items.map((item) => `    ${itemLine(item)}`), '  end'],
  );
  return `${['flowchart TB', ...lines, ...edges.map((edge) => `  ${edgeLine(edge)}`)].join('\n')}\n`;
}

const hubs = new Set<Item['kind']>(['switch', 'bridge', 'tunnel']);

function itemLine({ id, kind, lines }: Item): string {
  const [open, close] = hubs.has(kind) ? ['[[', ']]'] : kind === 'container' ? ['(', ')'] : ['[', ']'];
  return `${id}${open}"${lines.map(escaped).join('<br/>')}"${close}`;
}

function edgeLine({ ends: [from, to], title, dashed }: Edge): string {
  const text = [from.text, title, to.text].filter((one) => one !== '').map(escaped);
  const label = text.length === 0 ? '' : `|"${text.join('<br/>')}"|`;
  return `${from.id} ${dashed ? '-.-' : '---'}${label} ${to.id}`;
}

/** Mermaid's own entities: a number, or a name, between # and a semicolon. */
const escaped = (text: string): string => text.replace(/[#&<>"]/g, (sign) => `#${sign.codePointAt(0)};`);
