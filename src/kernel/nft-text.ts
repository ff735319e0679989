/** nft statements. Rules and type clauses come from drivers as nft writes them; names and element parts are checked. */
import { Failure } from '../domain/domain.ts';
import { markOf } from './names.ts';
import type { NftChainObject, NftElementObject, NftMapElementObject, NftMapObject, NftSetObject } from './objects.ts';

export function setStatement(o: NftSetObject): string {
  const flags = o.flags === undefined ? '' : ` flags ${o.flags};`;
  return `add set ${o.family} ${o.table} ${o.name} { ${o.type};${flags} }`;
}

export function elementStatement(verb: 'add' | 'delete', o: NftElementObject): string {
  return `${verb} element ${o.family} ${o.table} ${o.set} { ${concatenation(o.key)} }`;
}

export function mapStatement(o: NftMapObject): string {
  return `add map ${o.family} ${o.table} ${o.name} { ${o.type}; }`;
}

export function mapElementAddition(o: NftMapElementObject): string {
  return `add element ${o.family} ${o.table} ${o.map} { ${concatenation(o.key)} : ${concatenation(o.value)} }`;
}

export function mapElementDeletion(o: NftMapElementObject): string {
  return `delete element ${o.family} ${o.table} ${o.map} { ${concatenation(o.key)} }`;
}

/** The chain, if it is not there, and its rules in place of those that are. */
export function chainStatements(o: NftChainObject): string[] {
  const chain = `${o.family} ${o.table} ${o.name}`;
  const device = o.hook?.device === undefined ? '' : ` device "${o.hook.device}"`;
  const hook =
    o.hook === undefined
      ? ''
      : ` { type ${o.hook.type} hook ${o.hook.hook}${device} priority ${o.hook.priority}; policy accept; }`;
  const rules = o.rules.map((rule) => `add rule ${chain} ${rule} comment "${markOf(rule)}"`);
  return [`add chain ${chain}${hook}`, `flush chain ${chain}`, ...rules];
}

const concatenation = (parts: readonly string[]) => parts.map(part).join(' . ');

function part(text: string): string {
  if (!/^[\w.:/*-]+$/.test(text)) {
    throw new Failure('invalid', `${JSON.stringify(text)} cannot be an element of an nft set: correct the name.`);
  }
  // Interface names are quoted; addresses, MACs, numbers and ranges are not names.
  return /^[a-z_][\w.-]*\*?$/i.test(text) && !/^[0-9a-f]+$/i.test(text) ? `"${text}"` : text;
}
