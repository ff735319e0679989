/**
 * The control plane at its size: a thousand agents, twenty networks and fifty thousand endpoints on three servers and three members of an
 * etcd, each a process of its own. Endpoints come and go all the time; each agent that is in the network has to hear of each change.
 *
 * TRAMA_BENCH_AGENTS: other than 1,000; networks and endpoints follow.
 */
import { systemClock } from '../src/platform/platform.ts';
import { type Latencies, latenciesOf, spread } from './control/latencies.ts';
import { audiences, type Layout, layoutOf } from './control/layout.ts';
import type { Asked, Heard } from './control/orders.ts';
import {
  build,
  fill,
  mostOf,
  names,
  type Plane,
  processes,
  restart,
  type Start,
  untilWhole,
  watched,
} from './control/plane.ts';
import { type Readings, readUntil } from './control/readings.ts';
import type { Figure, Target } from './report.ts';
import type { Bench, Subject } from './subject.ts';

const changesPerSecond = 50;
const warmSeconds = 15;
const seconds = 60;
/** What was lost on the way is found by a comparison some seconds later. */
const drainMs = 10_000;
/** Of the changes that go on while a server is killed and started. */
const restartSeconds = 20;

/** What was asked and heard while changes went on. */
interface Changed {
  readonly asked: readonly Asked[];
  readonly heard: readonly Heard[];
  readonly latencies: Latencies;
}

export const control: Subject = async (bench) => {
  const layout = layoutOf(Number(process.env.TRAMA_BENCH_AGENTS ?? 1000));
  const began = performance.now();
  const plane = await build(bench);
  const endpoints = await fill(bench, plane, layout);
  const filledSeconds = (performance.now() - began) / 1000;
  bench.say(`${changesPerSecond} changes a second, ${warmSeconds} s unmeasured`);
  await changing(plane, layout, warmSeconds);
  bench.say(`${changesPerSecond} changes a second for ${seconds} s`);
  const { readings, changed } = await measure(plane, layout);
  const [median, p99] = spread(changed.latencies.last);
  bench.say(`heard by the last of its agents after ${median.toFixed(0)} ms, ${p99.toFixed(0)} ms at p99`);
  bench.signal.throwIfAborted();
  const { starts, during } = await restarts(bench, plane, layout);
  const most = await mostOf(plane);
  return {
    subject: 'control',
    title: `${layout.agents.toLocaleString('en')} agents, ${layout.networks} networks, ${endpoints.toLocaleString('en')} endpoints on 3 servers and 3 etcds`,
    columns: ['median', 'p99', 'worst'],
    figures: [...figures(changed, starts, during), ...resources(readings)],
    targets: targets(changed, starts, readings),
    notes: [
      ...notes(changed, audiences(layout)),
      `Cluster made and filled through its servers in ${filledSeconds.toFixed(0)} s. Most that any ever had: server ${most.get('server')?.toFixed(0)} MB, etcd ${most.get('etcd')?.toFixed(0)} MB.`,
      `While servers died and started: ${during.reduce((sum, { latencies }) => sum + latencies.unheard, 0)} times a change was not heard, ${failuresOf(during).length} failed.`,
      ...changed.heard.flatMap(({ troubles }) => troubles.slice(0, 2)),
    ],
  };
};

/** Endpoints come and go, until all has been heard that ever will be. */
async function changing(plane: Plane, layout: Layout, seconds: number, over?: (changes: Promise<unknown>) => void) {
  const { crowd } = plane;
  const changes = crowd.all('change', { perSecond: changesPerSecond / processes, seconds });
  over?.(changes);
  const asked = await changes;
  await systemClock.sleep(drainMs);
  const heard = await crowd.all('heard', null);
  return { asked, heard, latencies: latenciesOf(asked, heard, audiences(layout)) };
}

async function measure(plane: Plane, layout: Layout) {
  let reading: Promise<Readings> | undefined;
  const changed = await changing(plane, layout, seconds, (changes) => {
    reading = readUntil(changes, watched(plane));
  });
  if (reading === undefined) throw new Error('nothing was read');
  return { changed, readings: await reading };
}

/** Milliseconds: `whole`, until every agent is connected to it again. */
type Restart = Start & { readonly whole: number };

async function restarts(bench: Bench, plane: Plane, layout: Layout) {
  const starts: Restart[] = [];
  const during: Changed[] = [];
  for (const name of names) {
    bench.signal.throwIfAborted();
    bench.say(`the server on ${name} is killed and started, while changes go on`);
    const began = performance.now();
    const restarted = restart(plane, name);
    const whole = restarted.then(() => untilWhole(plane, layout)).then(() => performance.now() - began);
    const [changed, start] = await Promise.all([changing(plane, layout, restartSeconds), restarted, whole]);
    starts.push({ ...start, whole: await whole });
    during.push(changed);
  }
  return { starts, during };
}

function figures({ asked, latencies }: Changed, starts: readonly Restart[], during: readonly Changed[]): Figure[] {
  const answered = asked.flatMap((each) => each.answered);
  const last = during.flatMap((each) => each.latencies.last);
  const seconds = (of: keyof Restart) => starts.map((start) => start[of] / 1000);
  return [
    { label: 'a change, until each agent has heard', unit: 'ms', values: spread(latencies.each) },
    { label: 'until the last of its agents has', unit: 'ms', values: spread(latencies.last) },
    { label: 'the same, while a server dies and starts', unit: 'ms', values: spread(last) },
    { label: 'until it is answered', unit: 'ms', values: spread(answered) },
    { label: 'start of a server, until /readyz', unit: 's', values: spread(seconds('ready')) },
    { label: 'until it has answered a request', unit: 's', values: spread(seconds('served')) },
    { label: 'from its end until every agent is connected', unit: 's', values: spread(seconds('whole')) },
  ];
}

function resources({ cpu, resident, machine }: Readings): Figure[] {
  const plural: Readonly<Record<string, string>> = { server: 'the servers', etcd: 'the etcds', agents: 'the agents' };
  const of = (values: readonly number[] | undefined) => spread(values ?? []);
  return [
    ...[...resident.keys()].map((label) => ({
      label: label === 'agents' ? 'resident, the largest process of agents' : `resident, the largest ${label}`,
      unit: 'MB',
      values: of(resident.get(label)),
    })),
    ...[...cpu.keys()].map((label) => ({
      label: `CPU, all ${plural[label]?.replace('the ', '')}`,
      unit: '% of a core',
      values: of(cpu.get(label)),
    })),
    { label: 'CPU, all that runs on the machine', unit: '% of a core', values: of(machine) },
  ];
}

function targets({ latencies }: Changed, starts: readonly Start[], { resident }: Readings): Target[] {
  const under = (what: string, limit: number, measured: number, unit: string) =>
    ({ what, relation: 'under', limit, measured, unit }) as const;
  const largest = (label: string) => Math.max(...(resident.get(label) ?? []));
  const longest = Math.max(...starts.flatMap(({ ready, served }) => [ready, served])) / 1000;
  return [
    under('until the last of its agents has heard, p99', 250, spread(latencies.last)[1], 'ms'),
    { what: 'never heard', relation: 'exactly', limit: 0, measured: latencies.unheard, unit: 'times' },
    under('resident, the largest server', 400, largest('server'), 'MB'),
    under('resident, the largest etcd', 500, largest('etcd'), 'MB'),
    under('start of a server, the longest', 10, longest, 's'),
  ];
}

function notes({ asked, heard }: Changed, all: readonly number[]): string[] {
  const changes = asked.reduce((sum, each) => sum + each.changes.length, 0);
  const failures = failuresOf([{ asked }]);
  const totals = new Map<string, number>();
  for (const { counts } of heard)
    for (const [what, count] of Object.entries(counts)) totals.set(what, (totals.get(what) ?? 0) + count);
  return [
    `Each change concerns ${Math.min(...all)} to ${Math.max(...all)} agents, each of which is told by one of the three servers.`,
    `${changes} changes, ${failures.length} failed${failures.length === 0 ? '' : `, the first: ${failures[0]}`}.`,
    `Deltas and snapshots at all agents since they joined: ${[...totals].map(([what, count]) => `${count} ${what}`).join(', ')}.`,
  ];
}

const failuresOf = (all: readonly Pick<Changed, 'asked'>[]): string[] =>
  all.flatMap(({ asked }) => asked.flatMap(({ failures }) => failures));
