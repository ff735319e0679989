/** `docker-compose up -d` of ten services, in a Trama network and in Docker's own bridge, on the same engine. */
import { labImage } from '../src/lab/lab.ts';
import { networks, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Subject } from './subject.ts';

const rounds = 5;
const services = 10;
const kinds = ['trama', 'bridge'] as const;
const labels = { trama: "Trama's overlay", bridge: "Docker's user-defined bridge" } as const;

export const compose: Subject = async (bench) => {
  const { first: host } = await startPair(bench);
  for (const kind of kinds) await host.writeFile(`/tmp/${kind}/docker-compose.yml`, fileFor(networks[kind]));
  const composed = (kind: (typeof kinds)[number], ...args: string[]) =>
    host.output(['docker-compose', '-f', `/tmp/${kind}/docker-compose.yml`, '-p', kind, ...args], {
      env: { DOCKER_HOST: 'unix:///var/run/docker.sock' },
      timeoutMs: 120_000,
    });
  const up = async (kind: (typeof kinds)[number]) => {
    const began = performance.now();
    await composed(kind, 'up', '-d');
    const took = performance.now() - began;
    await composed(kind, 'down', '-t', '0');
    return took;
  };
  for (const kind of kinds) await up(kind);
  bench.say(`${rounds} rounds`);
  const times = await interleaved(kinds, rounds, up);
  return {
    subject: 'compose',
    title: `docker-compose up -d of ${services} services`,
    figures: kinds.map((kind) => ({ label: labels[kind], unit: 'ms', values: times[kind] })),
    targets: [
      {
        what: `${labels.trama} / ${labels.bridge}`,
        relation: 'at most',
        limit: 1.1,
        measured: median(times.trama) / median(times.bridge),
        unit: '×',
      },
    ],
    notes: ['The network is there before and after: an external one of the file.'],
  };
};

function fileFor(network: string): string {
  const names = Array.from({ length: services }, (_, index) => `s${index}`);
  const list = names.map((name) => `  ${name}: { image: "${labImage}", command: sleep 100000 }`);
  return [
    'version: "3.5"',
    'services:',
    ...list,
    `networks: { default: { name: ${network}, external: true } }`,
    '',
  ].join('\n');
}
