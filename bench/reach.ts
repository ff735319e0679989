/**
 * From a new container's `run` answered to the first ping that it answers to a container on another host: with Trama,
 * and with Swarm's overlay as the peer. Answered means that the command has ended (docker writes the id before the container
 * runs); only then its address is asked for, and a ping started that sends every two milliseconds. All of that counts.
 */
import { type LabHost, labImage } from '../src/lab/lab.ts';
import { request } from '../src/platform/http.ts';
import { start } from '../src/platform/platform.ts';
import { idle, inside, namespaceOf, networks, type Pair, startPair } from './pair.ts';
import { interleaved, median } from './statistics.ts';
import type { Subject } from './subject.ts';

const rounds = 15;
const kinds = ['trama', 'swarm'] as const;
type Kind = (typeof kinds)[number];

const commands: Readonly<Record<Kind, readonly string[]>> = {
  trama: [`${process.cwd()}/bin/trama`, 'run', '--node', 'h1'],
  swarm: ['docker', 'run'],
};

export const reach: Subject = async (bench) => {
  const pair = await startPair(bench);
  const from: Record<Kind, string> = {
    trama: await namespaceOf(pair.second, await idle(pair.second, 'asks-trama', networks.trama)),
    swarm: await namespaceOf(pair.second, await idle(pair.second, 'asks-swarm', networks.swarm)),
  };
  bench.say(`${rounds} rounds`);
  const times = await interleaved(kinds, rounds, async (kind, round) => {
    bench.signal.throwIfAborted();
    const name = `new-${kind}-${round}`;
    const answered = await runAnswered(pair, kind, name);
    const reached = await firstAnswer(from[kind], await addressOn(pair.first, name, networks[kind]));
    await remove(pair, kind, name);
    return reached - answered;
  });
  return {
    subject: 'reach',
    title: 'from run answered to the first answered ping from a container on another host',
    figures: [
      { label: "trama run -d, Trama's overlay", unit: 'ms', values: times.trama },
      { label: "docker run -d, Swarm's overlay", unit: 'ms', values: times.swarm },
    ],
    targets: [{ what: 'Trama, median', relation: 'under', limit: 50, measured: median(times.trama), unit: 'ms' }],
    notes: [
      `Trama / Swarm, medians: ${(median(times.trama) / median(times.swarm)).toFixed(2)}×.`,
      `Trama, all rounds in order: ${times.trama.map((ms) => ms.toFixed(0)).join(' ')} ms.`,
      `Swarm, all rounds in order: ${times.swarm.map((ms) => ms.toFixed(0)).join(' ')} ms.`,
      'With the time it takes to ask for the address and to start ping.',
    ],
  };
};

/** @returns when it answered, milliseconds since the epoch */
async function runAnswered({ first }: Pair, kind: Kind, name: string): Promise<number> {
  const entering = ['nsenter', '--target', `${first.init}`, '--mount', '--net', '--uts', '--pid', '--'] as const;
  const wish = ['-d', '--name', name, '--network', networks[kind], labImage, 'sleep', 'infinity'];
  const complaints: string[] = [];
  const running = start([...entering, ...commands[kind], ...wish], (line) => complaints.push(line));
  const code = await running.ended;
  const answered = performance.timeOrigin + performance.now();
  if (code !== 0) throw new Error(`${commands[kind].join(' ')} of ${name} failed: ${complaints.join(' ')}`);
  return answered;
}

/** @returns when the first answer came, milliseconds since the epoch, as ping writes it */
async function firstAnswer(namespace: string, address: string): Promise<number> {
  const ping = ['ping', '-n', '-D', '-i', '0.002', '-w', '20', address];
  await using running = start(inside(namespace, ping));
  for await (const line of running.lines) {
    const seconds = /^\[([\d.]+)\] \d+ bytes from/.exec(line)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  throw new Error(`${address} answered no ping within 20 s`);
}

/** The engine's own answer: a command would take longer than what is measured. */
async function addressOn(host: LabHost, container: string, network: string): Promise<string> {
  const socketPath = `/proc/${host.init}/root/run/docker.sock`;
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: `/containers/${container}/json` }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    asked.on('error', reject);
    asked.end();
  });
  const address = JSON.parse(text).NetworkSettings?.Networks?.[network]?.IPAddress;
  if (typeof address !== 'string' || address === '') throw new Error(`${container} has no address in ${network}`);
  return address;
}

async function remove({ cluster, first }: Pair, kind: Kind, name: string): Promise<void> {
  if (kind === 'trama') await cluster.trama('rm', '-f', name);
  else await first.docker('rm', '-f', name);
}
