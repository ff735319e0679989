/** Whom an expectation is about; what is wrong with those of a file. */

import { either, nearest, type Path, type Problems } from '../../documents/problems.ts';
import { isAddress } from '../../domain/domain.ts';
import { addressOf, type LabNode } from './model.ts';
import type { Expectation } from './schema.ts';

const groups: Readonly<Record<string, (node: LabNode) => boolean>> = {
  containers: ({ kind }) => kind === 'container' || kind === 'linux',
  hosts: ({ kind }) => kind === 'host',
  routers: ({ kind }) => kind === 'router',
  outside: ({ kind }) => kind === 'outside',
  all: ({ kind }) => kind !== 'outside' && kind !== 'switch',
};

/** Nodes that words name, in the model's order. A node goes before a group of the same name. */
export function nodesNamed(words: string | readonly string[], nodes: readonly LabNode[]): LabNode[] {
  const wanted = typeof words === 'string' ? [words] : words;
  const exact = new Set(nodes.map(({ name }) => name));
  const suits = (node: LabNode) =>
    wanted.some((word) => (exact.has(word) ? node.name === word : (groups[word]?.(node) ?? false)));
  return nodes.filter(suits);
}

export function checkExpectations(
  expectations: readonly Expectation[],
  nodes: readonly LabNode[],
  problems: Problems,
): void {
  for (const [at, expectation] of expectations.entries()) {
    const path: Path = ['validate', at];
    const keys = Object.keys(expectation);
    if (keys.length !== 1) problems.at(path, 'write one of ping, http, hops, resolves and mac-seen in each entry');
    const { ping, http, hops, resolves, 'mac-seen': seen } = expectation;
    const check = (key: string, words: string | readonly string[] | undefined, addressed: boolean, ip = false) => {
      if (words !== undefined) checkWords([...path, ...key.split('.')], words, nodes, { addressed, ip }, problems);
    };
    if (ping !== undefined && ping !== 'all') {
      check('ping.from', ping.from, true);
      check('ping.to', ping.to, true, true);
    }
    check('http.from', http?.from, true);
    check('http.to', http?.to, true, true);
    check('hops.from', hops?.from, true);
    check('hops.to', hops?.to, true, true);
    check('resolves.from', resolves?.from, false);
    if (resolves !== undefined && nodes.find(({ name }) => name === resolves.from)?.real === undefined) {
      problems.at([...path, 'resolves', 'from'], `${resolves.from} is no container of an image: name one`);
    }
    check('mac-seen.of', seen?.of, false);
    check('mac-seen.not', seen?.not, false);
    if (seen !== undefined && seen.of === undefined && seen.not === undefined) {
      problems.at([...path, 'mac-seen'], 'this says of nobody whether it was seen: add of or not');
    }
    if (seen !== undefined && nodes.find(({ name }) => name === seen.at)?.bridge === undefined) {
      problems.at([...path, 'mac-seen', 'at'], `${seen.at} is no switch, and learns no MACs: name one`);
    }
  }
}

/** What Docker or Trama gives it is known when it runs; one that has no network is asked all the same. */
const canBeAddressed = (node: LabNode): boolean => addressOf(node) !== undefined || node.real?.joins !== undefined;

function checkWords(
  path: Path,
  words: string | readonly string[],
  nodes: readonly LabNode[],
  { addressed, ip }: { readonly addressed: boolean; readonly ip: boolean },
  problems: Problems,
): void {
  for (const word of typeof words === 'string' ? [words] : words) {
    if (ip && isAddress(word)) {
      if (word.includes(':')) problems.at(path, `${word} is IPv6, which labs cannot have yet: write an IPv4 address`);
      continue;
    }
    const named = nodesNamed(word, nodes);
    const known = [...nodes.map(({ name }) => name), ...Object.keys(groups)];
    const meant = nearest(word, known);
    if (named.length === 0 && !Object.hasOwn(groups, word)) {
      problems.at(
        path,
        `there is no node ${word}: ${meant === undefined ? `name one, or ${either(Object.keys(groups))}` : `did you mean ${meant}?`}`,
      );
    }
    for (const node of named) {
      if (!addressed || canBeAddressed(node) || named.length > 1) continue;
      problems.at(path, `${node.name} has no address: add a prefix to its link, host or switch`);
    }
  }
}
