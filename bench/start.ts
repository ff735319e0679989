/** What joining a network adds to `docker run --rm IMAGE true`, network by network on the same engine. */
import { labImage } from '../src/lab/lab.ts';
import { systemClock } from '../src/platform/platform.ts';
import { idle, networks, startPair } from './pair.ts';
import { differences, interleaved, median } from './statistics.ts';
import type { Subject } from './subject.ts';

const rounds = 60;
/** What a run leaves to the kernel and the engine is done by then. */
const pauseMs = 100;

const kinds = ['none', 'trama', 'bridge', 'swarm'] as const;

export const start: Subject = async (bench) => {
  const { first: host } = await startPair(bench);
  // A network in use is the usual case, and the better one for Swarm: it unmakes an overlay with its last container.
  for (const kind of ['trama', 'bridge', 'swarm'] as const) await idle(host, `idle-${kind}`, networks[kind]);
  const run = async (kind: (typeof kinds)[number]) => {
    const network = kind === 'none' ? 'none' : networks[kind];
    await systemClock.sleep(pauseMs);
    const began = performance.now();
    await host.docker('run', '--rm', '--network', network, labImage, 'true');
    return performance.now() - began;
  };
  for (const kind of kinds) await run(kind);
  bench.say(`${rounds} rounds`);
  const times = await interleaved(kinds, rounds, run);
  const added = {
    trama: differences(times.trama, times.none),
    bridge: differences(times.bridge, times.none),
    swarm: differences(times.swarm, times.none),
  };
  return {
    subject: 'start',
    title: 'docker run --rm IMAGE true, and what the network adds to it',
    figures: [
      ...kinds.map((kind) => ({ label: `--network ${labels[kind]}`, unit: 'ms', values: times[kind] })),
      ...(['trama', 'bridge', 'swarm'] as const).map((kind) => {
        return { label: `  added by ${labels[kind]}`, unit: 'ms', values: added[kind] };
      }),
    ],
    targets: (
      [
        ['bridge', 1],
        ['swarm', 0.4],
      ] as const
    ).map(([kind, limit]) => ({
      what: `added by Trama / added by ${labels[kind]}`,
      relation: 'at most',
      limit,
      measured: median(added.trama) / median(added[kind]),
      unit: '×',
    })),
    notes: ['Added: over --network none in the same round. Each network has another container on the host meanwhile.'],
  };
};

const labels = {
  none: 'none',
  trama: "Trama's overlay",
  bridge: "Docker's user-defined bridge",
  swarm: "Swarm's attachable overlay",
} as const;
