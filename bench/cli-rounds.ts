/**
 * Runs commands in turns, on the host that it runs on: `cli-rounds.ts ROUNDS '{"NAME": [ARGV…], …}'`. Prints, as JSON, how long each
 * took from its start to its end, in milliseconds. Once each before anything counts.
 */
import { spawnSync } from 'node:child_process';
import { interleaved } from './statistics.ts';

const [rounds = '1', commands = '{}'] = process.argv.slice(2);
const argvs: Readonly<Record<string, readonly string[]>> = JSON.parse(commands);
const names = Object.keys(argvs);

async function timed(name: string): Promise<number> {
  const [program = '', ...words] = argvs[name] ?? [];
  const began = performance.now();
  const { status, error, stderr } = spawnSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ms = performance.now() - began;
  if (status !== 0) throw error ?? new Error(`${name} ended with ${status}: ${stderr}`);
  return ms;
}

for (const name of names) await timed(name);
process.stdout.write(`${JSON.stringify(await interleaved(names, Number(rounds), timed))}\n`);
