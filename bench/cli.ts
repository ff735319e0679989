/**
 * `trama --help` and `trama ps` on a running cluster, as whole processes, beside a Node.js that does nothing. Started and timed by
 * `cli-rounds.ts` on the host itself, so that nothing but the process is in a figure.
 */
import { createLab, labImage, startCluster } from '../src/lab/lab.ts';
import { median } from './statistics.ts';
import type { Subject } from './subject.ts';

const rounds = 60;
const containers = 5;
const perRoundMs = 2000;

const labels = { node: 'node -e 0', help: 'trama --help', ps: 'trama ps' } as const;
type Kind = keyof typeof labels;

export const cli: Subject = async (bench) => {
  const lab = bench.resources.use(await createLab());
  const cluster = await startCluster(lab, { hosts: ['h1', 'h2'], onStep: bench.say });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  for (let number = 1; number <= containers; number += 1) {
    const node = number % 2 === 0 ? 'h1' : 'h2';
    const run = ['run', '-d', '--node', node, '--network', 'app', '--name', `idle-${number}`];
    await cluster.trama(...run, labImage, 'sleep', 'infinity');
  }
  // The agent there asks the server of the other host.
  const host = cluster.host('h2');
  const trama = `${import.meta.dirname}/../bin/trama`;
  const commands: Readonly<Record<Kind, readonly string[]>> = {
    node: [process.execPath, '-e', '0'],
    help: [trama, '--help'],
    ps: [trama, 'ps'],
  };
  bench.say(`${rounds} rounds`);
  const timer = [process.execPath, '--disable-warning=ExperimentalWarning', `${import.meta.dirname}/cli-rounds.ts`];
  const said = await host.output(['env', ...timer, `${rounds}`, JSON.stringify(commands)], {
    timeoutMs: rounds * perRoundMs,
  });
  const times: Readonly<Record<Kind, number[]>> = JSON.parse(said);
  const ratio = (kind: Kind) => median(times[kind]) / median(times.node);
  return {
    subject: 'cli',
    title: 'the command line as whole processes, beside a Node.js that does nothing',
    figures: (['node', 'help', 'ps'] as const).map((kind) => ({
      label: labels[kind],
      unit: 'ms',
      values: times[kind],
    })),
    targets: [
      { what: `${labels.help} / ${labels.node}`, relation: 'at most', limit: 3, measured: ratio('help'), unit: '×' },
      { what: `${labels.ps} / ${labels.node}`, relation: 'at most', limit: 5, measured: ratio('ps'), unit: '×' },
    ],
    notes: [
      `By the launcher, with compiled code kept from an earlier start; their output into /dev/null. ps of ${containers} containers on two`,
      'hosts, asked of an agent whose server is on the other host.',
    ],
  };
};
