/**
 * Published ports: what one more costs an agent that has a thousand, and what a connection through one costs beside
 * dockerd's own `-p`.
 *
 * The cost is the time of ProgramExternalConnectivity, the call by which Docker has a container's ports published: the port is held,
 * on disk, and in the kernel when it is answered. Two hosts have equally many containers; one has a thousand ports of
 * theirs published, the other a single one. In `docker run` it would be lost among 250 ms that have nothing to do with it.
 */
import { fileURLToPath } from 'node:url';
import { eventually, type LabHost } from '../src/lab/lab.ts';
import { output, spawn, start, systemClock } from '../src/platform/platform.ts';
import { idle, inside, namespaceOf, networks, type Pair, startPair } from './pair.ts';
import { PluginClient } from './plugin.ts';
import type { Figure, Target } from './report.ts';
import { interleaved, median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const many = 1000;
/** That have them, equally many on both hosts. */
const containers = 10;
/** Of the host ports. */
const lowest = 10_000;
const additions = 40;
/** Before they count: an agent that has run for a while is what users have. */
const warmUp = 20;
/** What unpublishing leaves to the agent is done by then. */
const pauseMs = 50;

const rounds = 30;
const seconds = 1;
/** Of wrk, at once. */
const connections = 32;
/** Both ends, and so all that lies between: what counts is what a connection costs, not which core the kernel wakes for it. */
const onOneCore = ['taskset', '--cpu-list', '0'] as const;

type Part = { readonly figures: readonly Figure[]; readonly targets: readonly Target[] };

export const ports: Subject = async (bench) => {
  const pair = await startPair(bench);
  const parts = [await growth(bench, pair), await speed(bench, pair)];
  return {
    subject: 'ports',
    title: "a port more, and a web server through a published port beside dockerd's own -p",
    figures: parts.flatMap(({ figures }) => figures),
    targets: parts.flatMap(({ targets }) => targets),
    notes: [
      'A port more: from the call that asks the agent to publish it until it is held, on disk and in the kernel.',
      `wrk: ${connections} connections from a host beyond the gateway, the same server in both containers, all on one core.`,
    ],
  };
};

const hosts = ['first', 'second'] as const;

async function growth(bench: Bench, pair: Pair): Promise<Part> {
  const publishers = {
    first: await publisher(pair.first, 1),
    second: await publisher(pair.second, many),
  };
  bench.say(`1 port published on one host, ${many} on the other; ${additions} rounds of one more`);
  await interleaved(hosts, warmUp, (host) => publishers[host]());
  const times = await interleaved(hosts, additions, (host) => publishers[host]());
  return {
    figures: [
      { label: 'a port more, beside 1', unit: 'ms', values: times.first },
      { label: `a port more, beside ${many}`, unit: 'ms', values: times.second },
    ],
    targets: [
      {
        what: `a port more, beside ${many} / beside 1`,
        relation: 'at most',
        limit: 1.2,
        measured: median(times.second) / median(times.first),
        unit: '×',
      },
    ],
  };
}

/** @returns publishes one port more, takes it back, and tells the milliseconds of the first. */
async function publisher(host: LabHost, count: number): Promise<() => Promise<number>> {
  const share = many / containers;
  for (let first = 0; first < many; first += share) {
    const last = Math.min(first + share, count) - 1;
    const range = `${lowest + first}-${lowest + last}`;
    const options = first > last ? [] : ['--publish', `${range}:${range}`];
    await idle(host, `with-${first}`, networks.trama, ...options);
  }
  const map = await host.output(['nft', 'list', 'map', 'inet', 'trama', 'published']);
  const inKernel = map.match(/tcp \. /g)?.length;
  if (inKernel !== count) throw new Error(`${inKernel} instead of ${count} ports are published on ${host.name}`);
  await idle(host, 'another', networks.trama);
  const plugin = await PluginClient.open(host, networks.trama);
  const endpoint = await host.docker('inspect', '--format', endpointIds, 'another');
  return async () => {
    await systemClock.sleep(pauseMs);
    const began = performance.now();
    await plugin.publish(endpoint, lowest - 1, 80);
    const took = performance.now() - began;
    await plugin.unpublish(endpoint);
    return took;
  };
}

const endpointIds = '{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}';

const kinds = ['trama', 'bridge'] as const;
type Kind = (typeof kinds)[number];
const labels = { trama: 'Trama', bridge: "dockerd's -p" } as const;
const hostPort = { trama: 8080, bridge: 8081 } as const;
const modes = { connects: 'connects/s, one request each', requests: 'requests/s, connections kept' } as const;
type Mode = keyof typeof modes;

async function speed(bench: Bench, { cluster, first: host }: Pair): Promise<Part> {
  const from = `/proc/${cluster.lab.outside.init}/ns/net`;
  // Of thousands of connects a second none may wait for a port of the client's to be free again.
  const freely = ['net.ipv4.ip_local_port_range=1024 65535', 'net.ipv4.tcp_tw_reuse=1'];
  await output(spawn, { argv: inside(from, ['sysctl', '-qw', ...freely]) });
  for (const kind of kinds) await serve(bench, host, kind);
  const measure = (mode: Mode) => (kind: Kind) => perSecond(from, `http://${host.address}:${hostPort[kind]}/`, mode);
  for (const kind of kinds) {
    await eventually(`a web server on port ${hostPort[kind]}`, async () => (await measure('requests')(kind)) > 0);
    await measure('connects')(kind);
  }
  bench.say(`${rounds} rounds of ${seconds} s each of connects and requests`);
  const rates = {
    connects: await interleaved(kinds, rounds, measure('connects')),
    requests: await interleaved(kinds, rounds, measure('requests')),
  };
  const all = Object.keys(rates) as Mode[];
  return {
    figures: all.flatMap((mode) =>
      kinds.map((kind) => ({ label: `${modes[mode]}, ${labels[kind]}`, unit: '/s', values: rates[mode][kind] })),
    ),
    targets: all.map((mode) => ({
      what: `${mode}/s, ${labels.trama} / ${labels.bridge}`,
      relation: 'at least',
      limit: 1,
      measured: median(rates[mode].trama) / median(rates[mode].bridge),
      unit: '×',
    })),
  };
}

async function serve(bench: Bench, host: LabHost, kind: Kind): Promise<void> {
  await idle(host, `web-${kind}`, networks[kind], '--publish', `${hostPort[kind]}:80`);
  const program = [...onOneCore, process.execPath, fileURLToPath(new URL('hello.ts', import.meta.url))];
  const server = bench.resources.use(start(inside(await namespaceOf(host, `web-${kind}`), program)));
  void (async () => {
    for await (const _ of server.lines);
  })().catch(() => {});
}

/** Only answers that are right count. */
async function perSecond(namespace: string, url: string, mode: Mode): Promise<number> {
  const closing = mode === 'connects' ? ['--header', 'Connection: close'] : [];
  const options = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`, ...closing];
  const text = await output(spawn, {
    argv: inside(namespace, [...onOneCore, 'wrk', ...options, url]),
    timeoutMs: 60_000,
  });
  const rate = Number(/^Requests\/sec:\s+([\d.]+)$/m.exec(text)?.[1]);
  const wrong = /Socket errors: .*|Non-2xx .*/.exec(text)?.[0];
  if (!Number.isFinite(rate) || wrong !== undefined) throw new Error(`wrk: ${wrong ?? text.slice(-300)}`);
  return rate;
}
