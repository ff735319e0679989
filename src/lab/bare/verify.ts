/** What a file expects of its lab, asked of the lab itself. */
import { isAddress } from '../../domain/domain.ts';
import type { Spawn } from '../../platform/platform.ts';
import { nodesNamed } from '../topology/expectations.ts';
import { addressOf, type LabModel, type LabNode } from '../topology/model.ts';
import type { Expectation } from '../topology/schema.ts';
import { type Answers, ask, type Question } from './matrix.ts';
import { addressesOf, fetchFrom, hopsTo, learnedMacs } from './probes.ts';

export interface Verdict {
  /** What is expected, in words. */
  readonly expected: string;
  readonly ok: boolean;
  /** What was found instead; empty when it is as expected. */
  readonly found: string;
}

export interface Report {
  readonly lab: string;
  readonly verdicts: readonly Verdict[];
  /** Every ping that was asked for. */
  readonly pings: readonly { readonly from: string; readonly to: string; readonly answered: boolean }[];
  /** Milliseconds. */
  readonly took: number;
}

interface Pair {
  readonly from: LabNode;
  /** A node's name, or an address. */
  readonly to: string;
  readonly address: string;
}

/** Without expectations of its own, everybody is expected to reach everybody. */
export async function verify(model: LabModel, spawn: Spawn, now: () => number): Promise<Report> {
  const began = now();
  const expectations: readonly Expectation[] = model.expectations.length > 0 ? model.expectations : [{ ping: 'all' }];
  const asked = expectations.map((one) => pairsOf(one, model));
  const namespaces = model.nodes.map(({ namespace }) => namespace);
  const answers = await ask(questionsOf(asked.flat(), model), namespaces, spawn);
  const verdicts: Verdict[] = [];
  for (const [at, one] of expectations.entries()) {
    verdicts.push(
      one.ping === undefined ? await examine(one, model, spawn) : judgePings(one.ping, asked[at] ?? [], answers),
    );
  }
  const pings = new Map(
    asked
      .flat()
      .map((pair) => [
        `${pair.from.name} ${pair.to}`,
        { from: pair.from.name, to: pair.to, answered: answered(pair, answers) },
      ]),
  );
  return { lab: model.name, verdicts, pings: [...pings.values()], took: now() - began };
}

const everybody = { from: 'all', to: 'all' } as const;
const answered = ({ from, address }: Pair, answers: Answers) => answers.get(from.name)?.has(address) ?? false;

/** Of a node that has no address nothing is expected. */
function pairsOf({ ping }: Expectation, { nodes }: LabModel): Pair[] {
  if (ping === undefined) return [];
  const { from, to } = ping === 'all' ? everybody : ping;
  // One that has no network at all is asked where it is named itself.
  const named = typeof from === 'string' ? [from] : from;
  const asks = (node: LabNode) =>
    addressOf(node) !== undefined || (node.real?.joins?.how === 'none' && named.includes(node.name));
  const sources = nodesNamed(from, nodes).filter(asks);
  const targets = [...targetsOf(to, nodes)];
  return sources.flatMap((source) =>
    targets.filter((target) => target.to !== source.name).map((target) => ({ from: source, ...target })),
  );
}

function targetsOf(words: string | readonly string[], nodes: readonly LabNode[]): { to: string; address: string }[] {
  const all = typeof words === 'string' ? [words] : words;
  const named = nodesNamed(words, nodes).flatMap((node) => {
    const address = addressOf(node);
    return address === undefined ? [] : [{ to: node.name, address }];
  });
  return [...named, ...all.filter(isAddress).map((address) => ({ to: address, address }))];
}

function questionsOf(pairs: readonly Pair[], { segments }: LabModel): Question[] {
  const groups = Map.groupBy(pairs, ({ from }) => from);
  return [...groups].map(([from, some]) => {
    const addresses = [...new Set(some.map(({ address }) => address))];
    const near = segments.filter(({ members }) => members.some(({ node }) => node === from.name));
    const neighbours = new Set(near.flatMap(({ members }) => members.map(({ address }) => address)));
    return { from, addresses, neighbours };
  });
}

function judgePings(ping: NonNullable<Expectation['ping']>, pairs: readonly Pair[], answers: Answers): Verdict {
  const { from, to, expect = 'ok' } = ping === 'all' ? { ...everybody, expect: 'ok' as const } : ping;
  if (pairs.length === 0) {
    return { expected: `${words(from)} → ${words(to)}: nobody has an address, nobody was asked`, ok: true, found: '' };
  }
  const wrong = pairs.filter((pair) => answered(pair, answers) !== (expect === 'ok'));
  const expected =
    ping === 'all'
      ? 'everybody reaches everybody'
      : `${words(from)} → ${words(to)}: ${expect === 'ok' ? 'reached' : 'not reached'}`;
  const named = wrong.slice(0, 5).map((pair) => `${pair.from.name} → ${pair.to}`);
  const more = wrong.length > named.length ? ` and ${wrong.length - named.length} more` : '';
  const what = expect === 'ok' ? 'no answer' : 'an answer';
  return { expected, ok: wrong.length === 0, found: wrong.length === 0 ? '' : `${what}: ${named.join(', ')}${more}` };
}

const words = (text: string | readonly string[]) => (typeof text === 'string' ? text : text.join(', '));

async function examine(expectation: Expectation, model: LabModel, spawn: Spawn): Promise<Verdict> {
  const { http, hops, resolves, 'mac-seen': seen } = expectation;
  const [from] = nodesNamed(http?.from ?? hops?.from ?? resolves?.from ?? seen?.at ?? '', model.nodes);
  const expected = sentenceOf(expectation);
  if (from === undefined) return { expected, ok: false, found: 'there is no such node' };
  const [target] = targetsOf(http?.to ?? hops?.to ?? '', model.nodes);
  if (http !== undefined) {
    const { port = 80, expect = 'ok', body = '' } = http;
    const { ok, text } = await fetchFrom(from, `http://${target?.address}:${port}/`, spawn);
    const right = (ok && text.includes(body)) === (expect === 'ok');
    return { expected, ok: right, found: right ? '' : ok ? `it answered ${JSON.stringify(text.slice(0, 60))}` : text };
  }
  if (hops !== undefined) {
    const count = await hopsTo(from, target?.address ?? '', spawn);
    return { expected, ok: count === hops.expect, found: count === hops.expect ? '' : `${count ?? 'no'} hops` };
  }
  if (resolves !== undefined) {
    const { name, expect = 'ok' } = resolves;
    const answer = await addressesOf(model, from, name, spawn);
    const right = answer.ok === (expect === 'ok');
    return { expected, ok: right, found: right ? '' : answer.text };
  }
  const macs = await learnedMacs(from, spawn);
  const shows = (words: string | readonly string[] | undefined, should: boolean) =>
    nodesNamed(words ?? [], model.nodes).filter((node) => macsOf(node).some((mac) => macs.has(mac)) !== should);
  const missing = shows(seen?.of, true).map(({ name }) => name);
  const extra = shows(seen?.not, false).map(({ name }) => name);
  const found = [
    ...(missing.length > 0 ? [`not seen: ${missing.join(', ')}`] : []),
    ...(extra.length > 0 ? [`seen: ${extra.join(', ')}`] : []),
  ];
  return { expected, ok: found.length === 0, found: found.join('; ') };
}

const macsOf = (node: LabNode): string[] =>
  [...node.ports, ...(node.bridge ? [node.bridge] : [])].flatMap(({ mac }) => mac ?? []);

function sentenceOf({ http, hops, resolves, 'mac-seen': seen }: Expectation): string {
  if (http !== undefined) {
    const { from, to, port = 80, expect = 'ok', body } = http;
    const verb = expect === 'ok' ? 'fetches' : 'cannot fetch';
    return `${from} ${verb} a page from ${to}:${port}${body === undefined ? '' : ` with ${JSON.stringify(body)}`}`;
  }
  if (hops !== undefined)
    return `from ${hops.from} to ${hops.to} it is ${hops.expect} ${hops.expect === 1 ? 'hop' : 'hops'}`;
  if (resolves !== undefined)
    return `to ${resolves.from} the name ${resolves.name} ${resolves.expect === 'fail' ? 'means nothing' : 'is known'}`;
  const parts = [
    ...(seen?.of === undefined ? [] : [`has seen the MACs of ${words(seen.of)}`]),
    ...(seen?.not === undefined ? [] : [`none of ${words(seen.not)}`]),
  ];
  return `${seen?.at} ${parts.join(', and ')}`;
}
