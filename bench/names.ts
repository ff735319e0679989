/**
 * A container's name, asked from another container's network namespace: at Trama's gateway, and at 127.0.0.11 on a bridge
 * of Docker's own, where dockerd's embedded server answers. Beside them Trama's through the container's own 127.0.0.11.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { eventually } from '../src/lab/lab.ts';
import { output, spawn } from '../src/platform/platform.ts';
import { idle, inside, namespaceOf, networks, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const rounds = 5;
const seconds = 3;
/** Questions a second at which delays are looked at. */
const steady = 5000;

const kinds = ['gateway', 'loopback', 'docker'] as const;
type Kind = (typeof kinds)[number];
const labels: Record<Kind, string> = {
  gateway: "Trama, at the network's gateway",
  loopback: "Trama, through the container's 127.0.0.11",
  docker: "dockerd's embedded server, 127.0.0.11 on a bridge of its own",
};

interface Place {
  /** Network namespace to ask from. */
  readonly from: string;
  readonly server: string;
}

export const names: Subject = async (bench) => {
  const { first: host } = await startPair(bench);
  for (const kind of ['trama', 'bridge'] as const) {
    await idle(host, `target-${kind}`, networks[kind]);
    await idle(host, `asker-${kind}`, networks[kind]);
  }
  const [ours, theirs] = await Promise.all([namespaceOf(host, 'asker-trama'), namespaceOf(host, 'asker-bridge')]);
  const route = await output(spawn, { argv: inside(ours, ['ip', '-j', 'route', 'show', 'default']) });
  const places: Record<Kind, Place> = {
    gateway: { from: ours, server: JSON.parse(route)[0].gateway },
    loopback: { from: ours, server: '127.0.0.11' },
    docker: { from: theirs, server: '127.0.0.11' },
  };
  const files = await questions(bench);
  const fileOf = (kind: Kind) => (kind === 'docker' ? files.bridge : files.trama);
  for (const kind of kinds) {
    await eventually(`${labels[kind]} answers`, async () => (await perSecond(places[kind], fileOf(kind))) > 0);
  }
  bench.say(`${rounds} rounds of ${seconds} s each`);
  const answered = await interleaved(kinds, rounds, (kind) => perSecond(places[kind], fileOf(kind)));
  const slowest = await interleaved(kinds, rounds, (kind) => percentile99(places[kind], fileOf(kind)));
  return {
    subject: 'names',
    title: "a container's name, asked by dnsperf from another container",
    figures: [
      ...kinds.map((kind) => ({ label: labels[kind], unit: 'answers/s', values: answered[kind] })),
      ...kinds.map((kind) => ({ label: `  99th percentile at ${steady}/s`, unit: 'ms', values: slowest[kind] })),
    ],
    targets: [
      {
        what: "answers/s, Trama at the gateway / dockerd's embedded server",
        relation: 'at least',
        limit: 1,
        measured: median(answered.gateway) / median(answered.docker),
        unit: '×',
      },
      {
        what: `Trama at the gateway, 99th percentile at ${steady}/s`,
        relation: 'under',
        limit: 2,
        measured: median(slowest.gateway),
        unit: 'ms',
      },
    ],
    notes: [
      'dnsperf and the server share the two cores of the machine. The percentiles are in the order of the rows above.',
    ],
  };
};

async function questions(bench: Bench): Promise<{ trama: string; bridge: string }> {
  const directory = await mkdtemp(`${tmpdir()}/trama-bench-`);
  bench.resources.defer(() => rm(directory, { recursive: true, force: true }));
  const files = { trama: `${directory}/trama`, bridge: `${directory}/bridge` };
  await writeFile(files.trama, 'target-trama A\n');
  await writeFile(files.bridge, 'target-bridge A\n');
  return files;
}

async function dnsperf({ from, server }: Place, file: string, ...options: string[]): Promise<string> {
  const argv = inside(from, ['dnsperf', '-s', server, '-d', file, '-l', `${seconds}`, '-t', '1', ...options]);
  return output(spawn, { argv, timeoutMs: 60_000 });
}

/** Only answers that are one count. */
async function perSecond(place: Place, file: string): Promise<number> {
  const text = await dnsperf(place, file, '-q', '200');
  const rate = Number(/Queries per second:\s+([\d.]+)/.exec(text)?.[1]);
  const good = Number(/NOERROR \d+ \(([\d.]+)%\)/.exec(text)?.[1] ?? 0);
  if (!Number.isFinite(rate)) throw new Error(`dnsperf told no rate: ${text.slice(-300)}`);
  return (rate * good) / 100;
}

/** Milliseconds. Lines of -v: `> NOERROR name type seconds`. A lost one took longer than any. */
async function percentile99(place: Place, file: string): Promise<number> {
  const text = await dnsperf(place, file, '-Q', `${steady}`, '-v');
  const delays = [...text.matchAll(/^> (\S+) \S+ A ([\d.]+)$/gm)].map(([, code, time]) => {
    return code === 'NOERROR' ? Number(time) * 1000 : Number.POSITIVE_INFINITY;
  });
  delays.sort((a, b) => a - b);
  const value = delays[Math.ceil(delays.length * 0.99) - 1];
  if (value === undefined) throw new Error(`dnsperf told of no answer: ${text.slice(-300)}`);
  return value;
}
