/** `trama lab …`: labs of bare namespaces, joined to this machine. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure, isFailure } from '../domain/domain.ts';
import type { LabChange, LabStep, LabTools, LabView } from '../interfaces/cli/lab-tools.ts';
import { commandsOf, shellLine } from '../kernel/kernel.ts';
import { namespacesOf } from '../lab/bare/down.ts';
import { junit } from '../lab/bare/junit.ts';
import { changed, findCable, findNode, findPort, labs, runningLab } from '../lab/bare/labs.ts';
import { changeSteps, inNamespace, type Planned, programsOf, upStages } from '../lab/bare/plan.ts';
import { type Changes, readRecord, save } from '../lab/bare/records.ts';
import { scripts } from '../lab/bare/script.ts';
import { findSource, type LoadedLab, load, scenarios } from '../lab/bare/sources.ts';
import { doSteps, labelled, up } from '../lab/bare/up.ts';
import { verify } from '../lab/bare/verify.ts';
import { graph } from '../lab/graph/graph.ts';
import { requireTools } from '../lab/machine.ts';
import { enter } from '../lab/machines/enter.ts';
import { observed } from '../lab/machines/observed.ts';
import { firstTold, secondTold } from '../lab/machines/told.ts';
import { bitsOf } from '../lab/topology/cables.ts';
import { endName, type LabModel } from '../lab/topology/model.ts';
import { createForkServer, runAttached, type Spawn, spawn, systemClock } from '../platform/platform.ts';

type Warn = (text: string) => void;

export const labTools: Omit<LabTools, 'down' | 'downSteps'> = {
  async up(word, signal, warn) {
    const lab = await loaded(word, warn);
    const record = await withShells((spawn) => up(lab, { spawn, clock: systemClock }, signal));
    return viewOf(lab.model, record.source.file, 'up');
  },

  async upSteps(word, warn) {
    return stepsOf((await loaded(word, warn)).model);
  },

  async list() {
    return (await labs()).map(({ name, status, record, model, namespaces }) => ({
      ...{ name, status, nodes: model?.nodes.length ?? namespaces.length, links: model?.cables.length ?? 0 },
      ...{ file: record?.source.file ?? '', since: record?.since ?? null },
    }));
  },

  scenarios,

  async inspect(name) {
    const { model, record } = await runningLab(name);
    return viewOf(await observed(model, spawn), record.source.file, 'up');
  },

  async exec(word, argv) {
    const { node, model } = await findNode(word);
    return runAttached([...(await enter(model, node, process.stdin.isTTY, spawn)), ...argv]);
  },

  async test(which, warn) {
    const model = await modelOf(which, warn);
    await requireTools(['nsenter', 'ping', 'bridge']);
    const there = new Set(await namespacesOf(model.name));
    const missing = model.nodes.find(({ namespace }) => !there.has(namespace));
    if (missing !== undefined) {
      throw new Failure('unavailable', `lab ${model.name} is not up: there is no namespace ${missing.namespace}`);
    }
    const seen = await observed(model, spawn);
    return withShells((shells) => verify(seen, shells, () => systemClock.elapsed()));
  },

  async junit(report) {
    return junit(report);
  },

  async script(which, directory, warn) {
    const model = await modelOf(which, warn);
    const files = Object.entries(scripts(model, which)).map(([name, text]) => ({ path: join(directory, name), text }));
    try {
      await makeDirectory(resolve(directory));
      for (const { path, text } of files) await writeFile(path, text, { mode: 0o755 });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Failure('invalid', `${directory} cannot be written to (${code}): name another directory`, {
        cause: error,
      });
    }
    return files.map(({ path }) => path);
  },

  async explain(which, warn) {
    return stepsOf(await modelOf(which, warn));
  },

  async graph(which, picture, warn) {
    const model = await modelOf(which, warn);
    return graph(await observed(model, spawn).catch(() => model), picture);
  },

  async set(link, change, dryRun) {
    const { model, record, cable } = await findCable(link);
    const changes: Changes = { ...record.changes, [cable]: { ...record.changes[cable], ...entryOf(change) } };
    const steps = changeSteps(model, changed(load(record.source).model, changes));
    if (!dryRun) {
      await withShells((spawn) =>
        doSteps(
          steps.map(({ step }) => step),
          labelled(spawn, model.name),
        ),
      );
      await save({ ...record, changes });
    }
    return steps.map(asStep);
  },

  async capture(place, file) {
    const { node, port, model } = place.includes(':')
      ? await findPort(place)
      : { ...(await findNode(place)), port: 'any' };
    await observed(model, spawn);
    await requireTools(['nsenter', 'tcpdump']);
    const where = file === undefined ? ['-e', '-l'] : ['-U', '-w', file];
    return runAttached([...inNamespace(node), 'tcpdump', '-n', '-i', port, ...where]);
  },
};

/** With those above it. By `recursive`, Node.js never comes to an end where none can be made, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
}

async function withShells<T>(work: (spawn: Spawn) => Promise<T>): Promise<T> {
  await using shells = createForkServer();
  return await work(shells.spawn);
}

async function loaded(word: string, warn: Warn): Promise<LoadedLab> {
  const lab = load(await findSource(word));
  for (const warning of lab.warnings) warn(warning);
  return lab;
}

/** Of a lab that is up, by its name; where there is none of that name, or nothing tells how it was built, of a source. */
async function modelOf(which: string | undefined, warn: Warn): Promise<LabModel> {
  try {
    return (await runningLab(which)).model;
  } catch (error) {
    if (which === undefined || !isFailure(error)) throw error;
    const exists = !isFailure(error, 'not-found');
    if (exists && (await readRecord(which)) !== undefined) throw error;
    try {
      return (await loaded(which, warn)).model;
    } catch (other) {
      throw exists && isFailure(other, 'not-found') ? error : other;
    }
  }
}

/** Everything that `up` does, in its order. */
function stepsOf(model: LabModel): LabStep[] {
  const { namespaces, rest } = upStages(model);
  return [
    ...namespaces.map(asStep),
    ...firstTold(model),
    ...rest.map(asStep),
    ...secondTold(model),
    ...programSteps(model),
  ];
}

const asStep = ({ step, sentence }: Planned): LabStep => ({ sentence, commands: commandsOf(step).map(shellLine) });

const programSteps = (model: LabModel): LabStep[] =>
  programsOf(model).map(({ node, argv }) => ({
    sentence: `Run the program of ${node.name}.`,
    commands: [`${shellLine(argv)} &`],
  }));

function entryOf(change: LabChange): Changes[string] {
  if ('rate' in change) return { rate: change.rate === null ? null : bitsOf(change.rate) };
  return change;
}

function viewOf(model: LabModel, file: string, status: LabView['status']): LabView {
  const peerOf = (node: string, port: string, cable: number) => {
    const other = model.cables[cable]?.ends.find((end) => end.node !== node || end.port !== port);
    return other === undefined ? null : endName(other);
  };
  return {
    ...{ name: model.name, status, file },
    nodes: model.nodes.map(({ name, kind, host, namespace, bridge, ports, routes, runs, real }) => ({
      ...{ name, kind, host: host ?? null, namespace, runs, image: real?.image ?? null },
      interfaces: [...(bridge === undefined ? [] : [{ ...bridge, cable: -1 }]), ...ports].map((one) => ({
        ...{ name: one.name, cidr: one.cidr ?? null, mac: one.mac ?? null },
        bridge: ('master' in one ? one.master : undefined) ?? null,
        peer: peerOf(name, one.name, one.cable),
      })),
      routes: routes.map(({ to, via, device }) => `${to} via ${via} dev ${device}`),
    })),
    links: model.cables.map(({ ends, up, rate, loss }) => ({
      ends: [endName(ends[0]), endName(ends[1])] as const,
      ...{ up, rate: rate ?? null, loss },
    })),
  };
}
