/**
 * Who answers whom. From every namespace one process pings all at once: fping where it is installed, since 10,000 pings are then a
 * hundred processes; else ping, some dozens beside one another.
 */
import { readIfThere, type Spawn } from '../../platform/platform.ts';
import { addressOf, type LabNode } from '../topology/model.ts';
import { inNamespace } from './plan.ts';

/** Node → addresses that answered it. */
export type Answers = ReadonlyMap<string, ReadonlySet<string>>;

export interface Question {
  readonly from: LabNode;
  readonly addresses: readonly string[];
  /** Addresses in its segments, which it finds by ARP. */
  readonly neighbours: ReadonlySet<string>;
}

/** Sources that ping at once: more would only wait for one another. */
const atOnce = 4;

/** @param namespaces of the whole lab */
export async function ask(
  questions: readonly Question[],
  namespaces: readonly string[],
  spawn: Spawn,
): Promise<Answers> {
  const how = (await hasFping(spawn)) ? withFping : withPing;
  const answers = new Map<string, ReadonlySet<string>>();
  const limit = await neighbourLimit();
  const rounds = roundsOf(questions, limit);
  for (const [at, round] of rounds.entries()) {
    if (at > 0) await forgetNeighbours(namespaces, spawn);
    await askRound(round, answers, how, spawn);
  }
  // Others on the machine share the table.
  const again = rounds.length > 1 ? roundsOf(unanswered(questions, answers), limit) : [];
  for (const round of again) {
    await forgetNeighbours(namespaces, spawn);
    await askRound(round, answers, how, spawn);
  }
  return answers;
}

function unanswered(questions: readonly Question[], answers: Answers): Question[] {
  return questions.flatMap((question) => {
    const answered = answers.get(question.from.name);
    const addresses = question.addresses.filter((address) => !answered?.has(address));
    return addresses.length === 0 ? [] : [{ ...question, addresses }];
  });
}

/**
 * The kernel has one table of neighbours for all namespaces, of 1024 entries unless somebody has raised that, and drops packets
 * when it is full. So large matrices are asked in rounds, and between these what was learned is forgotten. A quarter of the table
 * is for those that are asked, who learn of their gateway as that does of them, another for neighbours who ask one another and
 * those who ask; the rest is for routers among themselves, and for whatever else is on the machine.
 */
export function roundsOf(questions: readonly Question[], limit: number): Question[][] {
  const all = [...new Set(questions.flatMap(({ addresses }) => addresses))];
  const size = Math.max(1, limit >> 3);
  const rounds: Question[][] = [];
  for (let at = 0; at < all.length; at += size) {
    const block = new Set(all.slice(at, at + size));
    let known: Set<string> | undefined;
    for (const question of questions) {
      const addresses = question.addresses.filter((address) => block.has(address));
      if (addresses.length === 0) continue;
      const pairs = addresses
        .filter((address) => question.neighbours.has(address))
        .map((address) => pairOf(question, address));
      pairs.push(`${question.from.name} and its gateway`);
      if (known === undefined || 2 * new Set([...known, ...pairs]).size > limit >> 2) {
        known = new Set();
        rounds.push([]);
      }
      for (const pair of pairs) known.add(pair);
      rounds.at(-1)?.push({ ...question, addresses });
    }
  }
  return rounds;
}

const pairOf = ({ from }: Question, address: string) => [addressOf(from) ?? '', address].sort().join(' ');

async function neighbourLimit(): Promise<number> {
  const text = await readIfThere('/proc/sys/net/ipv4/neigh/default/gc_thresh3');
  return Number(text ?? 1024);
}

/** One shell, since there may be hundreds. */
async function forgetNeighbours(namespaces: readonly string[], spawn: Spawn): Promise<void> {
  const script = 'for ns in "$@"; do ip -n "$ns" neigh flush all 2>/dev/null; done; true';
  await spawn({ argv: ['sh', '-c', script, 'sh', ...namespaces], timeoutMs: 60_000 });
}

type Pinger = (from: LabNode, addresses: readonly string[], spawn: Spawn) => Promise<string[]>;

async function askRound(
  questions: readonly Question[],
  answers: Map<string, ReadonlySet<string>>,
  how: Pinger,
  spawn: Spawn,
): Promise<void> {
  const rest = questions.values();
  const worker = async () => {
    for (const { from, addresses } of rest) {
      const before = answers.get(from.name) ?? [];
      const now = await how(from, addresses, spawn);
      answers.set(from.name, new Set([...before, ...now]));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, questions.length) }, worker));
}

async function hasFping(spawn: Spawn): Promise<boolean> {
  return spawn({ argv: ['fping', '-v'] }).then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** Three tries of half a second each, one address right after the other. */
async function withFping(from: LabNode, addresses: readonly string[], spawn: Spawn): Promise<string[]> {
  const flags = ['-a', '-q', '-i', '0', '-r', '2', '-B', '1', '-t', '500'];
  const { stdout } = await spawn({ argv: [...inNamespace(from), 'fping', ...flags, ...addresses], timeoutMs: 120_000 });
  return stdout.split('\n').filter(Boolean);
}

const once = 'ping -n -c 1 -W 1 -q "$a" >/dev/null 2>&1';
const pingAll = `for a in "$@"; do ({ ${once} || ${once} || ${once}; } && echo "$a") & done; wait`;
const perShell = 32;

/** Three tries as well. */
async function withPing(from: LabNode, addresses: readonly string[], spawn: Spawn): Promise<string[]> {
  const answered: string[] = [];
  for (let at = 0; at < addresses.length; at += perShell) {
    const some = addresses.slice(at, at + perShell);
    const argv = [...inNamespace(from), 'sh', '-c', pingAll, 'sh', ...some] as const;
    const { stdout } = await spawn({ argv: [...argv] as [string, ...string[]], timeoutMs: 120_000 });
    answered.push(...stdout.split('\n').filter(Boolean));
  }
  return answered;
}
