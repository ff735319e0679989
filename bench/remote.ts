/**
 * `trama exec` and `trama logs` from one host into a container of another, by way of a server on a third, beside `docker exec` and
 * `docker logs` on the container's own host. Whole processes, from their start to their end.
 */
import { readFile } from 'node:fs/promises';
import { createLab, eventually, type LabCluster, type LabHost, labImage, startCluster } from '../src/lab/lab.ts';
import { systemClock } from '../src/platform/platform.ts';
import type { Report, Target } from './report.ts';
import { interleaved, median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const execRounds = 30;
const logRounds = 7;
/** Bytes, in lines of a hundred. */
const logSize = 100_000_000;
/** Of the log beside which the reader's memory is judged. */
const shortSize = 100_000;
/** What any of the processes may grow by while logs pass: half of one of them. Megabytes. */
const mostGrowth = logSize / 2e6;
const line = 'x'.repeat(99);
const pollMs = 50;
const megabyte = 1e6;

const kinds = ['trama', 'docker'] as const;
type Kind = (typeof kinds)[number];

export const remote: Subject = async (bench) => {
  const lab = bench.resources.use(await createLab());
  const cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'], onStep: bench.say });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  const run = ['run', '-d', '--node', 'h2', '--network', 'app', '--name'];
  await cluster.trama(...run, 'idle', labImage, 'sleep', 'infinity');
  await cluster.trama(...run, 'big', labImage, 'sh', '-c', `yes ${line} | head -c ${logSize}; sleep infinity`);
  const [there, here] = [cluster.host('h2'), cluster.host('h3')];
  await cluster.trama(...run, 'short', labImage, 'sh', '-c', `yes ${line} | head -c ${shortSize}; sleep infinity`);
  await Promise.all([whole(there, 'big', logSize), whole(there, 'short', shortSize)]);
  const exec = await execs(bench, there, here);
  const logs = await rates(bench, cluster, there, here);
  const reader = await readers(here);
  return {
    subject: 'remote',
    title: 'exec and logs from another node, by way of a server on a third',
    figures: [...exec.figures, ...logs.figures, ...reader.figures],
    targets: [...exec.targets, ...logs.targets, ...reader.targets],
    notes: [
      "docker: on the container's own host. All of a process, from its start to its end, its output into /dev/null.",
      `Growth: the highest resident memory during all ${logRounds} logs of ${logSize / megabyte} MB, over that before the first; of a reader, over`,
      `the highest of one whose log has ${shortSize / megabyte} MB.`,
    ],
  };
};

/** The engine keeps the log by itself: it is whole some time after it was written. */
async function whole(host: LabHost, container: string, size: number): Promise<void> {
  await eventually('the log is whole', async () => {
    const { stdout } = await host.run(['sh', '-c', `docker logs ${container} | wc -c`], { timeoutMs: 60_000 });
    return Number(stdout) === size;
  });
}

async function timed(host: LabHost, command: string): Promise<number> {
  const began = performance.now();
  await host.output(['sh', '-c', `exec ${command} >/dev/null`], { timeoutMs: 120_000 });
  return performance.now() - began;
}

type Part = Pick<Report, 'figures'> & { readonly targets: readonly Target[] };

async function execs(bench: Bench, there: LabHost, here: LabHost): Promise<Part> {
  const measure = (kind: Kind) =>
    kind === 'trama' ? timed(here, `${bin} exec idle true`) : timed(there, 'docker exec idle true');
  for (const kind of kinds) await measure(kind);
  bench.say(`${execRounds} rounds of exec`);
  const times = await interleaved(kinds, execRounds, measure);
  return {
    figures: kinds.map((kind) => ({ label: `${kind} exec idle true`, unit: 'ms', values: times[kind] })),
    targets: [
      {
        what: 'exec, trama / docker',
        relation: 'at most',
        limit: 1.5,
        measured: median(times.trama) / median(times.docker),
        unit: '×',
      },
    ],
  };
}

async function rates(bench: Bench, cluster: LabCluster, there: LabHost, here: LabHost): Promise<Part> {
  const daemons = [
    { label: 'agent of the container', pid: cluster.agents.get('h2')?.pid },
    { label: 'server', pid: cluster.server.pid },
    { label: 'agent of the reader', pid: cluster.agents.get('h3')?.pid },
  ];
  const measure = async (kind: Kind) => {
    const ms = kind === 'trama' ? await timed(here, `${bin} logs big`) : await timed(there, 'docker logs big');
    return logSize / megabyte / (ms / 1000);
  };
  const before = await Promise.all(daemons.map(({ pid }) => residentOf(pid)));
  const highest = [...before];
  let watching = true;
  const watched = (async () => {
    while (watching) {
      const now = await Promise.all(daemons.map(({ pid }) => residentOf(pid)));
      for (const [at, value] of now.entries()) highest[at] = Math.max(highest[at] ?? 0, value);
      await systemClock.sleep(pollMs);
    }
  })();
  bench.say(`${logRounds} rounds of logs of ${logSize / megabyte} MB`);
  const values = await interleaved(kinds, logRounds, measure).finally(() => {
    watching = false;
  });
  await watched;
  return {
    figures: [
      ...kinds.map((kind) => ({ label: `${kind} logs, ${logSize / megabyte} MB`, unit: 'MB/s', values: values[kind] })),
      ...daemons.map(({ label }, at) => ({
        label: `growth, ${label}`,
        unit: 'MB',
        values: [(highest[at] ?? 0) - (before[at] ?? 0)],
      })),
    ],
    targets: [
      {
        what: 'rate of logs, trama / docker',
        relation: 'at least',
        limit: 0.8,
        measured: median(values.trama) / median(values.docker),
        unit: '×',
      },
      {
        what: 'growth, the largest of the daemons',
        relation: 'under',
        limit: mostGrowth,
        measured: Math.max(...daemons.map((_, at) => (highest[at] ?? 0) - (before[at] ?? 0))),
        unit: 'MB',
      },
    ],
  };
}

/** The reader itself, after all that was timed. */
async function readers(here: LabHost): Promise<Part> {
  const [short, big] = [await highestOf(here, 'short'), await highestOf(here, 'big')];
  return {
    figures: [
      { label: `resident, most, a reader of ${shortSize / megabyte} MB`, unit: 'MB', values: [short] },
      { label: `resident, most, a reader of ${logSize / megabyte} MB`, unit: 'MB', values: [big] },
    ],
    targets: [{ what: 'growth, the reader', relation: 'under', limit: mostGrowth, measured: big - short, unit: 'MB' }],
  };
}

/** Megabytes, as the kernel has counted at its end: getrusage(2). */
async function highestOf(host: LabHost, container: string): Promise<number> {
  const counted =
    'import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)';
  const told = 'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)';
  const argv = ['/usr/bin/python3', '-c', `${counted}; ${told}`, bin, 'logs', container] as const;
  return (Number(await host.output(argv, { timeoutMs: 120_000 })) * 1024) / megabyte;
}

const bin = `${import.meta.dirname}/../bin/trama`;

async function residentOf(pid: number | undefined): Promise<number> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / megabyte;
}
