/** `npm run test:faults`: see docs/faults.md. Exit code 0: all held; 1: something did not; 2: the words are wrong. */
import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { fromLines, type Round, toLines } from './actions.ts';
import { planOf } from './plan.ts';
import { minimise } from './shrink.ts';
import { type Walked, type WalkOptions, walk } from './walk.ts';

const usage = `usage: npm run test:faults -- [--seed S] [--steps N] [--servers N] [--members N] [--patience SECONDS]
                              [--minimise SECONDS] [--replay FILE] [--plan]`;

const number = (text: string, least: number): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`${JSON.stringify(text)} is no number from ${least} on`);
  return value;
};

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: `${randomInt(1, 1_000_000)}` },
      steps: { type: 'string', default: '200' },
      servers: { type: 'string', default: '3' },
      members: { type: 'string', default: '3' },
      patience: { type: 'string', default: '30' },
      minimise: { type: 'string', default: '0' },
      replay: { type: 'string' },
      plan: { type: 'boolean', default: false },
    },
  });
  const [seed, servers, members] = [number(values.seed, 0), number(values.servers, 1), number(values.members, 1)];
  const history =
    values.replay === undefined
      ? planOf({ seed, steps: number(values.steps, 1), servers, members })
      : fromLines(await readFile(values.replay, 'utf8'));
  if (values.plan) {
    process.stdout.write(toLines(history));
    return 0;
  }
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const keep = `${tmpdir()}/trama-faults-${seed}`;
  const options: WalkOptions = {
    ...{ seed, servers, members, keep },
    patienceMs: 1000 * number(values.patience, 1),
    tell: say,
    onScene: (scene) => {
      current = scene;
    },
  };
  say(`seed ${seed}: ${history.length} rounds, ${servers} servers, ${members} members of etcd`);
  const walked = await walk(history, options);
  process.stdout.write(summaryOf(seed, walked));
  if (walked.broken.length === 0) return 0;
  say(`logs of all hosts: ${keep}`);
  await tellHistory(history.slice(0, (walked.at ?? history.length) + 1), walked, options, number(values.minimise, 0));
  return 1;
}

let current: AsyncDisposable | undefined;

async function tellHistory(history: readonly Round[], walked: Walked, options: WalkOptions, seconds: number) {
  const smallest = await minimise(history, walked.broken, seconds * 1000, (shorter) =>
    walk(shorter, { ...options, keep: `${options.keep}-minimised`, tell: () => {} }),
  );
  const path = `${options.keep}.jsonl`;
  await writeFile(path, toLines(smallest));
  process.stdout.write(`\nhistory (run it again: npm run test:faults -- --seed ${options.seed} --replay ${path}):\n`);
  process.stdout.write(toLines(smallest));
}

function summaryOf(seed: number, walked: Walked): string {
  const heals = [...walked.heals].sort((a, b) => a - b).map((ms) => ms / 1000);
  const at = (share: number) => (heals[Math.min(heals.length - 1, Math.floor(share * heals.length))] ?? 0).toFixed(1);
  const lines = [
    `seed ${seed}: ${walked.steps} steps in ${walked.rounds} rounds; ${walked.broken.length === 0 ? 'all held' : 'BROKEN'}`,
    `from the heal until all held: median ${at(0.5)} s, p90 ${at(0.9)} s, most ${at(1)} s (looks included)`,
    `hosts given up ${walked.evictions}, addresses used again ${walked.reusedAddresses}, longest standstill of a connection while only daemons failed and nobody was fenced ${walked.longestStandstill.toFixed(1)} s`,
    ...walked.deaths.map((death) => `ended by itself: ${death}`),
    ...walked.broken,
  ];
  return `${lines.join('\n')}\n`;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void Promise.resolve(current?.[Symbol.asyncDispose]()).finally(() => process.exit(130));
  });
}

process.exitCode = await main().catch((error: Error) => {
  process.stderr.write(
    `${error.message}\n${(error as { code?: string }).code?.startsWith('ERR_PARSE') ? `${usage}\n` : ''}`,
  );
  return (error as { code?: string }).code?.startsWith('ERR_PARSE') ? 2 : 1;
});
process.exit();
