/** Listings of `nft -j` and `iptables-save` as objects. */
import { canonicalPart, speaksForItself } from './identity.ts';
import { ownTable } from './names.ts';
import type { IptablesObject, KernelObject, NftFamily, NftMapElementObject } from './objects.ts';

const families: readonly string[] = ['inet', 'ip', 'bridge'] satisfies NftFamily[];
const isFamily = (text: string | undefined): text is NftFamily => families.includes(text ?? '');

interface Named {
  readonly family: string;
  readonly name: string;
  readonly table?: string;
}

/** A line of a listing or an event, with the one member that says what it is. */
export interface NftListing {
  readonly table?: Named;
  readonly set?: Named & {
    readonly type: string | readonly string[];
    readonly flags?: readonly string[];
    readonly elem?: readonly unknown[];
  };
  readonly map?: Named & {
    readonly type: string | readonly string[];
    readonly map: string | readonly string[];
    /** Pairs of key and value. */
    readonly elem?: readonly (readonly [unknown, unknown])[];
  };
  readonly chain?: Named & { readonly type?: string; readonly hook?: string; readonly prio?: number };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly handle: number;
    readonly comment?: string;
    readonly expr?: readonly unknown[];
  };
  /** Only in events. */
  readonly element?: Named & { readonly elem?: { readonly set?: readonly unknown[] } };
}

/** Families in which we have a table. */
export function readTableNames(_ns: string, text: string): NftFamily[] {
  return parse(text).flatMap(({ table }) =>
    table !== undefined && table.name === ownTable && isFamily(table.family) ? [table.family] : [],
  );
}

export function readTables(ns: string, text: string): KernelObject[] {
  const listing = parse(text);
  return listing.flatMap((entry) => [...readContainer(ns, entry), ...readChain(ns, entry, listing)]);
}

function parse(text: string): readonly NftListing[] {
  return text.trim() === '' ? [] : JSON.parse(text).nftables;
}

/** A table, or a set or map with its elements. */
export function readContainer(ns: string, { table, set, map }: NftListing): KernelObject[] {
  if (table !== undefined && isFamily(table.family)) {
    return [{ kind: 'nft-table', ns, family: table.family, table: table.name }];
  }
  if (map !== undefined && isFamily(map.family)) return readMap(ns, map.family, map);
  if (set === undefined || !isFamily(set.family)) return [];
  const place = { ns, family: set.family, table: set.table ?? '' } as const;
  return [
    {
      kind: 'nft-set',
      ...place,
      name: set.name,
      type: `type ${concatenation(set.type)}`,
      ...(set.flags === undefined ? {} : { flags: [set.flags].flat().join(', ') }),
    },
    ...(set.elem ?? []).map((element) => {
      return { kind: 'nft-element', ...place, set: set.name, key: readElement(element) } as const;
    }),
  ];
}

function readMap(ns: string, family: NftFamily, map: NonNullable<NftListing['map']>): KernelObject[] {
  const place = { ns, family, table: map.table ?? '' } as const;
  return [
    {
      kind: 'nft-map',
      ...place,
      name: map.name,
      type: `type ${concatenation(map.type)} : ${concatenation(map.map)}`,
    },
    ...(map.elem ?? []).map((pair) => readMapElement({ ...place, map: map.name }, pair)),
  ];
}

/** @param pair key and value, as listings and events have them. */
export function readMapElement(
  place: Omit<NftMapElementObject, 'kind' | 'key' | 'value'>,
  [key, value]: readonly [unknown, unknown],
): NftMapElementObject {
  return { kind: 'nft-map-element', ...place, key: readElement(key), value: readElement(value) };
}

/** nft lists a concatenated type as a list or, of a map's values, as one text. */
const concatenation = (type: string | readonly string[]) => (typeof type === 'string' ? type : type.join(' . '));

/** The parts of an element: text, number, concatenation, prefix or range, perhaps wrapped with a counter or comment. */
export function readElement(element: unknown): string[] {
  if (typeof element !== 'object' || element === null) return [canonicalPart(String(element))];
  if ('elem' in element) return readElement((element.elem as { val: unknown }).val);
  if ('concat' in element) return (element.concat as readonly unknown[]).flatMap(readElement);
  if ('prefix' in element) {
    const { addr, len } = element.prefix as { addr: string; len: number };
    return [`${addr}/${len}`];
  }
  if ('range' in element) return [(element.range as readonly unknown[]).map(readElement).join('-')];
  return [JSON.stringify(element)];
}

function readChain(ns: string, { chain }: NftListing, listing: readonly NftListing[]): KernelObject[] {
  if (chain === undefined || !isFamily(chain.family)) return [];
  const marks = listing.flatMap(({ rule }) => (rule?.chain === chain.name ? [ruleMark(rule)] : []));
  const hook =
    chain.hook === undefined
      ? {}
      : { hook: { type: chain.type as 'filter', hook: chain.hook, priority: chain.prio ?? 0 } };
  const table = chain.table ?? '';
  return [{ kind: 'nft-chain', ns, family: chain.family, table, name: chain.name, ...hook, rules: [], marks }];
}

/** A rule's comment; that of somebody else's rule equals none of ours. */
export function ruleMark(rule: { readonly comment?: string; readonly handle: number }): string {
  return rule.comment?.startsWith('trama:') ? rule.comment : `foreign rule ${rule.handle}`;
}

/** Rules of ours, by comment or by words, in any chain of the tables filter and nat. */
export function readIptables(ns: string, text: string): IptablesObject[] {
  let table = '';
  const found: IptablesObject[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    if (!line.startsWith('-A ') || (table !== 'filter' && table !== 'nat')) continue;
    const [, chain = '', ...words] = splitWords(line);
    const at = words.indexOf('--comment');
    if (at < 0) {
      if (speaksForItself(words)) found.push({ kind: 'iptables', ns, table, chain, rule: words });
      continue;
    }
    const mark = words[at + 1];
    if (at < 2 || !mark?.startsWith('trama:')) continue;
    const rule = [...words.slice(0, at - 2), ...words.slice(at + 2)];
    found.push({ kind: 'iptables', ns, table, chain, rule, mark });
  }
  return found;
}

/** Words as iptables-save quotes them. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((match) =>
    match[1] === undefined ? (match[2] ?? '') : match[1].replace(/\\(.)/g, '$1'),
  );
}
