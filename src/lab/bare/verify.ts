/** What a file expects of its lab, asked of the lab itself. */
import type { Spawn } from '../../platform/platform.ts';
import { nodesNamed } from '../topology/expectations.ts';
import type { LabModel, LabNode } from '../topology/model.ts';
import type { Expectation } from '../topology/schema.ts';
import { type Answers, ask, type Question } from './matrix.ts';
import { absencesOf, type Pair, pairsOf, singlePairsOf } from './pairs.ts';
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

/** Without expectations of its own, everybody is expected to reach everybody. */
export async function verify(model: LabModel, spawn: Spawn, now: () => number): Promise<Report> {
  const began = now();
  const expectations: readonly Expectation[] = model.expectations.length > 0 ? model.expectations : [{ ping: 'all' }];
  const asked = expectations.map((one) => pairsOf(one, model));
  const namespaces = model.nodes.map(({ namespace }) => namespace);
  const answers = await ask(questionsOf(asked.flat(), model), namespaces, spawn);
  const verdicts: Verdict[] = [];
  for (const [at, one] of expectations.entries()) {
    const absent = listed(absencesOf(one, model), ', ');
    if (absent !== '') verdicts.push({ expected: sentenceOf(one), ok: false, found: absent });
    else if (one.ping === undefined) verdicts.push(await examine(one, model, spawn));
    else verdicts.push(judgePings(one.ping, sentenceOf(one), asked[at] ?? [], answers));
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

const answered = ({ from, address }: Pair, answers: Answers) => answers.get(from.name)?.has(address) ?? false;

function questionsOf(pairs: readonly Pair[], { segments }: LabModel): Question[] {
  const groups = Map.groupBy(pairs, ({ from }) => from);
  return [...groups].map(([from, some]) => {
    const addresses = [...new Set(some.map(({ address }) => address))];
    const near = segments.filter(({ members }) => members.some(({ node }) => node === from.name));
    const neighbours = new Set(near.flatMap(({ members }) => members.map(({ address }) => address)));
    return { from, addresses, neighbours };
  });
}

const nobodyAsked = 'nobody has an address, nobody was asked';

function judgePings(
  ping: NonNullable<Expectation['ping']>,
  expected: string,
  pairs: readonly Pair[],
  answers: Answers,
): Verdict {
  const { expect = 'ok' } = ping === 'all' ? {} : ping;
  // A lab of switches alone is none that is wrong; who names somebody has meant somebody.
  if (pairs.length === 0 && ping === 'all') return { expected: `${expected}: ${nobodyAsked}`, ok: true, found: '' };
  if (pairs.length === 0) return { expected, ok: false, found: nobodyAsked };
  const wrong = pairs.filter((pair) => answered(pair, answers) !== (expect === 'ok'));
  const what = expect === 'ok' ? 'no answer' : 'an answer';
  const found = wrong.length === 0 ? '' : `${what}: ${listed(wrong.map(pairName), ', ')}`;
  return { expected, ok: wrong.length === 0, found };
}

const pairName = ({ from, to }: Pair) => `${from.name} → ${to}`;

/** The first few of what was found. */
function listed(all: readonly string[], between: string): string {
  const told = all.slice(0, 5);
  return `${told.join(between)}${all.length > told.length ? ` and ${all.length - told.length} more` : ''}`;
}

const words = (text: string | readonly string[]) => (typeof text === 'string' ? text : text.join(', '));

async function examine(expectation: Expectation, model: LabModel, spawn: Spawn): Promise<Verdict> {
  const { http, hops, resolves, 'mac-seen': seen } = expectation;
  const expected = sentenceOf(expectation);
  if (http !== undefined) {
    return judgeEach(expected, singlePairsOf(http, model), (pair) => fetched(http, pair, spawn));
  }
  if (hops !== undefined) {
    return judgeEach(expected, singlePairsOf(hops, model), async ({ from, address }) => {
      const count = await hopsTo(from, address, spawn);
      return count === hops.expect ? '' : `${count ?? 'no'} hops`;
    });
  }
  const [from] = nodesNamed(resolves?.from ?? seen?.at ?? '', model.nodes);
  if (from === undefined) return { expected, ok: false, found: 'there is no such node' };
  if (resolves !== undefined) {
    const { name, expect = 'ok' } = resolves;
    const answer = await addressesOf(model, from, name, spawn);
    const right = answer.ok === (expect === 'ok');
    return { expected, ok: right, found: right ? '' : answer.text };
  }
  if (nodesNamed([seen?.of ?? [], seen?.not ?? []].flat(), model.nodes).length === 0) {
    return { expected, ok: false, found: 'there is nobody of whom it says so' };
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

/** Pairs that are asked at once: more would only wait for one another. */
const atOnce = 4;

/** @param ask what is found instead of what is expected; empty when it is as expected */
async function judgeEach(
  expected: string,
  pairs: readonly Pair[],
  ask: (pair: Pair) => Promise<string>,
): Promise<Verdict> {
  if (pairs.length === 0) return { expected, ok: false, found: nobodyAsked };
  const wrong = new Map<Pair, string>();
  const rest = pairs.values();
  const worker = async () => {
    for (const pair of rest) {
      const found = await ask(pair);
      if (found !== '') wrong.set(pair, found);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, pairs.length) }, worker));
  const told = pairs.flatMap((pair) => {
    const found = wrong.get(pair);
    return found === undefined ? [] : [pairs.length === 1 ? found : `${pairName(pair)}: ${found}`];
  });
  return { expected, ok: told.length === 0, found: listed(told, '; ') };
}

async function fetched(
  { port = 80, expect = 'ok', body }: NonNullable<Expectation['http']>,
  { from, address }: Pair,
  spawn: Spawn,
): Promise<string> {
  const { ok, answered, text } = await fetchFrom(from, `http://${address}:${port}/`, spawn);
  const fetches = ok && text.includes(body ?? '');
  // Nor is it cut off where any server answers, be it that it has no page.
  const right = expect === 'ok' ? fetches : body === undefined ? !answered : !fetches;
  if (right) return '';
  if (!answered) return text || 'no answer';
  return `it answered ${ok ? JSON.stringify(text.slice(0, 60)) : text}`;
}

const macsOf = (node: LabNode): string[] =>
  [...node.ports, ...(node.bridge ? [node.bridge] : [])].flatMap(({ mac }) => mac ?? []);

function sentenceOf({ ping, http, hops, resolves, 'mac-seen': seen }: Expectation): string {
  if (ping === 'all') return 'everybody reaches everybody';
  if (ping !== undefined)
    return `${words(ping.from)} → ${words(ping.to)}: ${ping.expect === 'fail' ? 'not reached' : 'reached'}`;
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
