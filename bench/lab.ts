/**
 * N hosts with M containers each: by `trama lab`, by the script that it writes, and by Mininet, in turns, each on a machine of its
 * own (namespaces for network, mounts and processes). Times are those of whole commands, with the start of their interpreters.
 */
import { fileURLToPath } from 'node:url';
import { startPiped } from '../src/platform/platform.ts';
import { type LabMachine, labMachine } from '../test/kernel/lab-machine.ts';
import type { Figure } from './report.ts';
import { median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const rounds = 3;
const side = 10;
/** Containers of each grid by which growth is judged. */
const grids = [5, 10, 20] as const;

type Times = Record<string, number[]>;

export const lab: Subject = async (bench) => {
  const times: Times = {};
  const note = (label: string, ms: number) => {
    times[label] = [...(times[label] ?? []), ms];
  };
  for (let round = 0; round < rounds; round += 1) {
    await using resources = new AsyncDisposableStack();
    const machine = resources.use(await labMachine());
    for (const grid of grids) await byTrama(machine, grid, note);
    await byScript(machine, note);
    await byMininet(machine, note);
    bench.say(`round ${round + 1} of ${rounds}`);
    bench.signal.throwIfAborted();
  }
  await matrix(bench, note);
  return report(times);
};

type Note = (label: string, ms: number) => void;

async function timed(label: string, note: Note, work: () => Promise<{ code: number; stderr: string }>): Promise<void> {
  const began = performance.now();
  const { code, stderr } = await work();
  if (code !== 0) throw new Error(`${label} ended with ${code}: ${stderr.trim()}`);
  note(label, performance.now() - began);
}

async function byTrama(machine: LabMachine, grid: number, note: Note): Promise<void> {
  const name = `${grid}x${grid}`;
  await timed(`trama up ${name}`, note, () => machine.trama('lab', 'up', name));
  await timed(`trama down ${name}`, note, () => machine.trama('lab', 'down'));
}

async function byScript(machine: LabMachine, note: Note): Promise<void> {
  await machine.trama('lab', 'script', `${side}x${side}`, '-o', 'scripts');
  await timed('script up', note, () => machine.run('sh', 'scripts/network_setup.sh'));
  await timed('script down', note, () => machine.run('sh', 'scripts/network_delete.sh'));
}

/** It is told apart by what it prints when it is up, and when it is down. */
async function byMininet(machine: LabMachine, note: Note): Promise<void> {
  const script = fileURLToPath(new URL('lab-mininet.py', import.meta.url));
  let began = performance.now();
  const mininet = startPiped([...machine.enter, '/usr/bin/python3', script, String(side), String(side)]);
  let said = '';
  for await (const chunk of mininet.stdout) {
    said += chunk;
    if (said.endsWith('up\n')) {
      note('mininet up', performance.now() - began);
      began = performance.now();
      mininet.stdin.write('\n');
    }
    if (said.endsWith('down\n')) note('mininet down', performance.now() - began);
  }
  if ((await mininet.ended) !== 0 || !said.includes('up\n'))
    throw new Error(`mininet said ${JSON.stringify(said.slice(-200))}`);
}

async function matrix(bench: Bench, note: Note): Promise<void> {
  await using machine = await labMachine();
  const up = await machine.trama('lab', 'up', `${side}x${side}`);
  if (up.code !== 0) throw new Error(up.stderr);
  for (let round = 0; round < rounds; round += 1) {
    await timed('trama test', note, () => machine.trama('lab', 'test'));
    bench.say(`matrix ${round + 1} of ${rounds}`);
  }
}

function report(times: Times) {
  const of = (label: string) => median(times[label] ?? []);
  const own = `${side}x${side}`;
  const figures: Figure[] = Object.entries(times).map(([label, values]) => ({ label, unit: 'ms', values }));
  const perContainer = (grid: number) => of(`trama up ${grid}x${grid}`) / grid ** 2;
  const seconds = (label: string) => of(label) / 1000;
  return {
    subject: 'lab',
    title: `a lab of ${side} hosts with ${side} containers each, built and removed`,
    figures,
    targets: [
      { what: `up ${own}`, relation: 'under', limit: 5, measured: seconds(`trama up ${own}`), unit: 's' },
      { what: `down ${own}`, relation: 'under', limit: 3, measured: seconds(`trama down ${own}`), unit: 's' },
      {
        ...({ what: 'time per container at 20x20 against 10x10', relation: 'at most', limit: 1.2 } as const),
        ...{ measured: perContainer(20) / perContainer(10), unit: '×' },
      },
      ...(['up', 'down'] as const).flatMap((verb) =>
        (['script', 'mininet'] as const).map((peer) => ({
          ...({ what: `${verb}, against ${peer}'s`, relation: 'under', limit: 1 } as const),
          ...{ measured: of(`trama ${verb} ${own}`) / of(`${peer} ${verb}`), unit: '×' },
        })),
      ),
      {
        what: 'test of all containers and hosts',
        relation: 'under',
        limit: 10,
        measured: seconds('trama test'),
        unit: 's',
      },
    ],
    notes: [
      `The matrix is ${side ** 2 * (side ** 2 - 1)} pings between containers, and ${side * (side - 1)} between hosts.`,
    ],
  } as const;
}
