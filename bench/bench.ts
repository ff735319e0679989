/**
 * Speed, memory and growth, side by side with the peer in one run. `npm run bench -- [SUBJECT…] [-o table|json]`.
 * A report: it ends with 0 whether or not targets are reached, with 1 only when something could not be measured.
 */
import { parseArgs } from 'node:util';
import { toFailure } from '../src/domain/domain.ts';
import { untilSignal } from '../src/platform/platform.ts';
import { asJson, asText, type Report } from './report.ts';
import type { Bench, Subject } from './subject.ts';

/** Loaded when asked for. */
const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  start: async () => (await import('./start.ts')).start,
  compose: async () => (await import('./compose.ts')).compose,
  names: async () => (await import('./names.ts')).names,
  ports: async () => (await import('./ports.ts')).ports,
  path: async () => (await import('./path.ts')).path,
  routed: async () => (await import('./routed.ts')).routed,
  scale: async () => (await import('./scale.ts')).scale,
  reach: async () => (await import('./reach.ts')).reach,
  health: async () => (await import('./health.ts')).health,
  busy: async () => (await import('./busy.ts')).busy,
  control: async () => (await import('./control.ts')).control,
  failover: async () => (await import('./failover.ts')).failover,
  memory: async () => (await import('./memory.ts')).memory,
  lab: async () => (await import('./lab.ts')).lab,
  console: async () => (await import('./console.ts')).console,
  remote: async () => (await import('./remote.ts')).remote,
  cli: async () => (await import('./cli.ts')).cli,
};

/** Exit code after Ctrl-C, as a shell gives it. */
const interrupted = 130;

const usage = `usage: sudo npm run bench [-- [SUBJECT…] [-o table|json]], with SUBJECT of: ${Object.keys(subjects).join(', ')}`;

interface Wish {
  readonly names: readonly string[];
  readonly json: boolean;
}

/** @returns undefined when it makes no sense. */
function wishOf(args: string[]): Wish | undefined {
  try {
    const options = { output: { type: 'string', short: 'o', default: 'table' } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (!['table', 'json'].includes(values.output) || positionals.some((name) => !Object.hasOwn(subjects, name))) {
      return undefined;
    }
    return { names: positionals.length > 0 ? positionals : Object.keys(subjects), json: values.output === 'json' };
  } catch {
    return undefined;
  }
}

async function bench({ names, json }: Wish): Promise<number> {
  const began = Date.now();
  const said = (line: string) => void process.stderr.write(`${line}\n`);
  const time = () => `${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s`;
  const reports: Report[] = [];
  let code: number = interrupted;
  await untilSignal(async (all, signal, stop) => {
    let failed = false;
    for (const name of names) {
      if (signal.aborted) return;
      const resources = new AsyncDisposableStack();
      // Ctrl-C does not wait for the subject: what it has made goes at once.
      all.use(resources);
      const say = (step: string) => said(`${time()}  ${name}: ${step}`);
      try {
        const report = await measure(name, { resources, signal, say });
        reports.push(report);
        if (!json) process.stdout.write(`${asText(report).join('\n')}\n\n`);
      } catch (error) {
        if (signal.aborted) return;
        failed = true;
        said(`bench: ${name} could not be measured: ${toFailure(error).message}`);
      }
    }
    code = failed ? 1 : 0;
    stop();
  });
  if (json && code !== interrupted) process.stdout.write(`${JSON.stringify(reports.map(asJson), null, 2)}\n`);
  return code;
}

async function measure(name: string, bench: Bench): Promise<Report> {
  await using _resources = bench.resources;
  const subject = await subjects[name]?.();
  if (subject === undefined) throw new Error(`there is no subject ${name}`);
  return await subject(bench);
}

const wish = wishOf(process.argv.slice(2));
if (wish === undefined) {
  process.stderr.write(`${usage}\n`);
  process.exitCode = 2;
} else process.exitCode = await bench(wish);
