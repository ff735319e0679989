/** A lab in the DOT language of Graphviz (graphviz.org/doc/info/lang.html). Pure. */
import type { Edge, Flat, Item } from './flat.ts';

const shapes: Partial<Record<Item['kind'], string>> = {
  ...{ switch: 'box3d', bridge: 'box3d', tunnel: 'hexagon', outside: 'ellipse', router: 'diamond' },
};

export function dot({ groups, edges }: Flat, name: string): string {
  const lines = groups.flatMap(({ host, items }) => {
    const inner = items.map(itemLine);
    if (host === undefined) return inner.map((line) => `  ${line}`);
    const head = [`  subgraph "cluster_${host.id}" {`, `    label=${quoted(host.title)};`];
    return [...head, ...inner.map((line) => `    ${line}`), '  }'];
  });
  const all = ['  node [shape=box];', ...lines, ...edges.map((edge) => `  ${edgeLine(edge)}`)];
  return `graph ${quoted(name)} {\n${all.join('\n')}\n}\n`;
}

function itemLine({ id, kind, lines }: Item): string {
  const shape = shapes[kind];
  return `${id} [label=${lined(lines)}${shape === undefined ? '' : `, shape=${shape}`}];`;
}

function edgeLine({ ends: [from, to], title, dashed }: Edge): string {
  const attributes = [
    ...(from.text === '' ? [] : [`taillabel=${lined(from.text.split(' '))}`]),
    ...(title === '' ? [] : [`label=${quoted(title)}`]),
    ...(to.text === '' ? [] : [`headlabel=${lined(to.text.split(' '))}`]),
    ...(dashed ? ['style=dashed'] : []),
  ];
  return `${from.id} -- ${to.id}${attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`};`;
}

const inQuotes = (text: string): string => text.replace(/["\\]/g, '\\$&');
const quoted = (text: string): string => `"${inQuotes(text)}"`;
/** `\n` is DOT's own line break. */
const lined = (lines: readonly string[]): string => `"${lines.map(inQuotes).join('\\n')}"`;
