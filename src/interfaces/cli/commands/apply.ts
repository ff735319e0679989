/** `apply` and `diff`. */
import { type Command, Option } from 'commander';
import { isFailure } from '../../../domain/errors.ts';
import { appliedLabel } from '../../../domain/names.ts';
import type { ContainerView } from '../../../protocol/views.ts';
import type { Change, Seen } from '../apply/plan.ts';
import type { Wanted } from '../apply/wanted.ts';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';
import { printable } from '../text.ts';
import { UsageError } from '../usage.ts';

interface PlanFlags extends Format {
  readonly file: string;
  readonly prune?: boolean;
}

interface ApplyFlags extends PlanFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function applyCommands(program: Command, session: Session): void {
  planned(program, 'apply', 'Bring networks and containers to what a file says; shows the plan first', [
    'apply -f shop.yaml',
    'apply -f shop.yaml --yes --prune',
    'apply -f - --dry-run',
  ])
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only show the plan')
    .action(run(session, (flags: ApplyFlags) => apply(session, flags)));
  planned(program, 'diff', 'Show what apply would do; exit code 1 when it would do something', [
    'diff -f shop.yaml',
    'diff -f shop.yaml -o json',
  ]).action(
    run(session, async (flags: PlanFlags) => {
      const { plan } = await planFor(session, flags);
      await showPlan(session, flags, plan);
      return plan.some(({ act }) => act !== 'keep' && act !== 'leave') ? 1 : 0;
    }),
  );
}

function planned(program: Command, name: string, says: string, examples: readonly string[]): Command {
  return define(program, name, says, examples)
    .addOption(
      new Option('-f, --file <FILE>', 'networks and services, in YAML; - is standard input').makeOptionMandatory(),
    )
    .option('--prune', 'remove containers that were made from the file and are not in it any more')
    .addOption(formatOption());
}

async function apply(session: Session, flags: ApplyFlags): Promise<number> {
  const { wanted, plan, carryOut, isWork } = await planFor(session, flags);
  const work = plan.filter(isWork);
  await showPlan(session, flags, plan);
  if (plan.some(({ act }) => act === 'refuse')) {
    await session.note('trama: nothing was changed, since a part of it cannot be done');
    return 1;
  }
  if (flags.dryRun) {
    await session.note('dry run: nothing was changed');
    return 0;
  }
  if (work.length === 0) return 0;
  if (!flags.yes && !(await confirm(session, flags))) {
    await session.note('trama: nothing was changed');
    return 1;
  }
  return (await carryOut(session, wanted, plan)) ? 0 : 1;
}

/** Schemas and YAML are loaded for these two commands only. */
async function planFor(session: Session, { file, prune = false }: PlanFlags) {
  const [{ readWanted }, { planOf, isWork }, { carryOut }] = await Promise.all([
    import('../apply/wanted.ts'),
    import('../apply/plan.ts'),
    import('../apply/carry-out.ts'),
  ]);
  const text = await textOf(session, file);
  const wanted = await readOrTell(session, () => readWanted(file, text, session.io.env));
  return { wanted, plan: planOf(wanted, await look(session, wanted), prune), carryOut, isWork };
}

async function textOf({ io }: Session, file: string): Promise<string> {
  if (file !== '-') {
    const text = await io.readFile(file);
    if (text !== undefined) return text;
    throw new UsageError(`there is no file ${file}`);
  }
  const parts: Uint8Array[] = [];
  for await (const part of io.stdin.read(new AbortController().signal)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A line for each thing that is wrong. */
async function readOrTell(session: Session, read: () => Wanted): Promise<Wanted> {
  try {
    return read();
  } catch (error) {
    const { problems } = error as { problems?: readonly string[] };
    if (!isFailure(error, 'invalid') || problems === undefined) throw error;
    for (const problem of problems.slice(0, -1)) await session.note(problem);
    throw new UsageError(problems.at(-1) ?? error.message, { cause: error });
  }
}

/** Containers with all that they were run with: of those that the file names, and that were made from it. */
async function look(session: Session, wanted: Wanted): Promise<Seen> {
  const [networks, listed] = await Promise.all([session.ask('network.list', {}), session.ask('workload.list', {})]);
  const named = new Set(wanted.containers.map(({ name }) => name));
  const isConcerned = ({ name, managed, labels }: ContainerView) =>
    managed && (named.has(name) || labels?.[appliedLabel] === wanted.name);
  const whole = await Promise.all(listed.filter(isConcerned).map(({ name }) => inspected(session, name)));
  return {
    networks: new Map(networks.map((each) => [each.name, each])),
    containers: new Map(whole.flatMap((each) => (each === undefined ? [] : [[each.name, each] as const]))),
  };
}

/** @returns undefined when it went meanwhile */
async function inspected(session: Session, name: string): Promise<ContainerView | undefined> {
  try {
    return await session.ask('workload.inspect', { name });
  } catch (error) {
    if (isFailure(error, 'not-found')) return undefined;
    throw error;
  }
}

const signs: Readonly<Record<Change['act'], string>> = {
  ...{ create: '+', replace: '~', start: '>', remove: '-', keep: '=', leave: '?', refuse: '!' },
};

async function showPlan(session: Session, format: Format, plan: readonly Change[]): Promise<void> {
  await show(session, format, plan, (all) =>
    all.length === 0
      ? 'nothing is asked for\n'
      : all
          .map(({ kind, name, act, why }) => {
            const reasons = act === 'leave' ? [...why, '--prune removes it'] : why;
            const said = reasons.map((each) => printable(each)).join('; ');
            return `${signs[act]} ${act} ${kind} ${name}${said === '' ? '' : `: ${said}`}\n`;
          })
          .join(''),
  );
}

/** @throws UsageError without a terminal to ask at */
async function confirm({ io }: Session, { file }: ApplyFlags): Promise<boolean> {
  if (!io.stdin.isTTY || file === '-') throw new UsageError('nobody can be asked here: add --yes to do it');
  await io.stderr.write('Do it? [y/N] ');
  const enough = new AbortController();
  let answer = '';
  for await (const part of io.stdin.read(enough.signal)) {
    answer += Buffer.from(part).toString();
    if (answer.includes('\n')) break;
  }
  enough.abort();
  return /^y(es)?$/i.test(answer.trim());
}
