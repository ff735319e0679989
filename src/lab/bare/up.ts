/** Builds a lab, or nothing: what fails half-way is removed again. */
import { Failure } from '../../domain/domain.ts';
import { build, type Step } from '../../kernel/kernel.ts';
import { type Clock, type Spawn, spawn, startDetached } from '../../platform/platform.ts';
import { requireTools } from '../machine.ts';
import { hasDisks } from '../machines/disks.ts';
import { disksOf } from '../machines/names.ts';
import type { Machinery } from '../machines/start.ts';
import type { LabModel } from '../topology/model.ts';
import { namespacesOf, tearDown } from './down.ts';
import { type Planned, programsOf, upStages } from './plan.ts';
import { claim, directoryOf, type LabRecord, labelOf, save } from './records.ts';
import type { LoadedLab } from './sources.ts';

export interface Bench {
  readonly spawn: Spawn;
  readonly clock: Clock;
}

/** @param signal ends it early; then nothing is left. @throws Failure */
export async function up(lab: LoadedLab, bench: Bench, signal?: AbortSignal): Promise<LabRecord> {
  const { model, source } = lab;
  const { namespaces, rest } = upStages(model);
  await requireTools(toolsFor([...namespaces, ...rest]));
  const machines = await machineryOf(lab, signal);
  await refuseForeign(model);
  const record = await claim(model.name, source, bench.clock.now());
  const make = (planned: readonly Planned[]) =>
    doSteps(
      planned.map(({ step }) => step),
      labelled(bench.spawn, model.name, signal),
    );
  try {
    if (machines === undefined) await make([...namespaces, ...rest]);
    else {
      await make(namespaces);
      await machines.first();
      await make(rest);
      await machines.second();
    }
    await startPrograms(model);
    signal?.throwIfAborted();
    const built: LabRecord = { ...record, state: 'up' };
    await save(built);
    return built;
  } catch (error) {
    await tearDown(model.name, bench.spawn);
    if (signal?.aborted)
      throw new Failure('unavailable', `lab ${model.name} was interrupted, and nothing of it is left`);
    throw error;
  }
}

/** Loaded only where there are any: the rest is there in a moment. @throws Failure: something that they need is missing */
async function machineryOf({ model, problems }: LoadedLab, signal?: AbortSignal): Promise<Machinery | undefined> {
  if (model.nodes.every(({ runs }) => runs.length === 0)) return undefined;
  const [{ machinery, requireMachines }, { requireImages }] = await Promise.all([
    import('../machines/start.ts'),
    import('../machines/images.ts'),
  ]);
  await requireMachines(model);
  await requireImages(model, problems, spawn);
  // Not from the small shells: what runs on a machine may take long.
  return machinery(model, labelled(spawn, model.name, signal));
}

function toolsFor(planned: readonly Planned[]): string[] {
  const kinds = new Set(planned.map(({ step }) => (step.op === 'delete' ? step.before : step.after).kind));
  return [
    ...['ip', 'nsenter', 'sysctl'],
    ...(kinds.has('fdb') ? ['bridge'] : []),
    ...(kinds.has('qdisc') ? ['tc'] : []),
    ...(kinds.has('nft-table') ? ['nft'] : []),
  ];
}

/** Taking down removes whatever has the lab's name, of this file's nodes or not: nothing may have it before. @throws Failure `conflict` */
async function refuseForeign({ name }: LabModel): Promise<void> {
  const [namespace] = await namespacesOf(name);
  const disks = (await hasDisks(name)) ? `what hosts had on their disks, ${disksOf(name)},` : undefined;
  const taken = namespace === undefined ? disks : `a network namespace ${namespace}`;
  if (taken === undefined) return;
  throw new Failure(
    'conflict',
    `there is ${taken} already: remove it with \`trama lab down ${name}\` if it is a lab's, or give the file another name`,
  );
}

/** Whoever takes down a lab whose builder was killed finds by the label what is still at work. */
export function labelled(spawn: Spawn, lab: string, signal?: AbortSignal): Spawn {
  return (command) => {
    signal?.throwIfAborted();
    return spawn({ ...command, env: { ...command.env, ...labelOf(lab) } });
  };
}

/** @throws Failure that tells the first of what went wrong */
export async function doSteps(steps: readonly Step[], spawn: Spawn): Promise<void> {
  const results = await build(steps, spawn);
  const failed = results.filter((result) => result.outcome !== 'done');
  const [first] = failed;
  if (first === undefined) return;
  throw new Failure('internal', `${first.message}; of ${steps.length} steps ${failed.length} were not done`);
}

async function startPrograms(model: LabModel): Promise<void> {
  for (const { node, argv } of programsOf(model)) {
    await startDetached(argv, {
      log: `${directoryOf(model.name)}/${node.name}.log`,
      env: labelOf(model.name),
      cwd: '/',
    });
  }
}
