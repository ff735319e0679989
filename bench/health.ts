/**
 * How long a lost host's names go on meaning something and its peers go on talking to it, and how long after its return traffic flows
 * again: Trama beside Swarm's overlay, of the same two hosts, the same cut and the same heal. Twice or more its cable, then its plug.
 */
import { eventually, type LabHost } from '../src/lab/lab.ts';
import { spawn, start, systemClock } from '../src/platform/platform.ts';
import { addressOf, idle, inside, namespaceOf, networks, startPair } from './pair.ts';
import type { Subject } from './subject.ts';

const rounds = 4;
const kinds = ['trama', 'swarm'] as const;
type Kind = (typeof kinds)[number];
/** Longer than either takes to notice. */
const patienceMs = 60_000;
const pollMs = 50;
/** What either still does after a heal is done by then. */
const settleMs = 15_000;

interface Side {
  /** The network namespace of the container that asks. */
  readonly from: string;
  readonly name: string;
  readonly address: string;
}

export const health: Subject = async (bench) => {
  const { first, second } = await startPair(bench);
  const sides = {} as Record<Kind, Side>;
  for (const kind of kinds) {
    const name = await idle(second, `lost-${kind}`, networks[kind]);
    const from = await namespaceOf(first, await idle(first, `asks-${kind}`, networks[kind]));
    sides[kind] = { from, name, address: await addressOf(second, name) };
    await eventually(`${name} is known`, () => isNamed(sides[kind]));
  }
  const gone: Record<Kind, number[]> = { trama: [], swarm: [] };
  const back: Record<Kind, number[]> = { trama: [], swarm: [] };
  /** Those that came back so far: what never did is not measured again. */
  let alive: readonly Kind[] = kinds;
  for (let round = 0; round < rounds; round += 1) {
    bench.signal.throwIfAborted();
    const last = round === rounds - 1;
    bench.say(last ? 'the plug is pulled' : `the cable is cut, round ${round + 1}`);
    await systemClock.sleep(settleMs);
    const cut = performance.now();
    await (last ? second.pullPlug() : second.cutLink());
    await Promise.all(
      alive.map(async (kind) => gone[kind].push((await untilGone(kind, first, second, sides[kind])) - cut)),
    );
    if (last) break;
    const healed = performance.now();
    await second.healLink();
    await Promise.all(alive.map(async (kind) => back[kind].push((await untilAnswered(sides[kind])) - healed)));
    alive = alive.filter((kind) => (back[kind].at(-1) ?? 0) < patienceMs);
    for (const kind of alive) await eventually(`${kind} is as before`, () => isNamed(sides[kind]), patienceMs);
  }
  const lost = kinds.filter((kind) => !alive.includes(kind));
  const seconds = (values: readonly number[]) => values.map((ms) => ms / 1000);
  return {
    subject: 'health',
    title: 'a host that is lost, and one that is back',
    figures: [
      { label: 'lost: names gone and peers fenced, Trama', unit: 's', values: seconds(gone.trama) },
      { label: 'lost: names gone, Swarm', unit: 's', values: seconds(gone.swarm) },
      { label: 'back: first ping answered, Trama', unit: 's', values: seconds(back.trama) },
      { label: 'back: first ping answered, Swarm', unit: 's', values: seconds(back.swarm) },
    ],
    targets: [
      { what: 'lost, the longest', relation: 'at most', limit: 6, measured: Math.max(...gone.trama) / 1000, unit: 's' },
      { what: 'back, the longest', relation: 'at most', limit: 2, measured: Math.max(...back.trama) / 1000, unit: 's' },
    ],
    notes: [
      `${rounds - 1} times the cable is cut and mended; at last the plug is pulled, and nothing comes back.`,
      ...lost.map((kind) => `${kind} did not come back within ${patienceMs / 1000} s, and was not measured any more.`),
    ],
  };
};

async function untilGone(kind: Kind, asking: LabHost, lost: LabHost, side: Side): Promise<number> {
  const isGone = async () => !(await isNamed(side)) && (kind === 'swarm' || !(await isPeer(asking, lost)));
  return await whenFirst(`${side.name} is gone`, isGone);
}

/**
 * @returns the beginning of the first look that found it so, by `performance.now`: an engine that does not know a name asks the host's
 * name servers, which takes seconds where there are none.
 */
async function whenFirst(what: string, look: () => Promise<boolean>): Promise<number> {
  const end = performance.now() + patienceMs;
  for (let began = performance.now(); began < end; began = performance.now()) {
    if (await look()) return began;
    await systemClock.sleep(pollMs);
  }
  throw new Error(`waited ${patienceMs / 1000} s in vain for: ${what}`);
}

/** By the name server that the engine gives each container. */
async function isNamed({ from, name }: Side): Promise<boolean> {
  const asked = ['busybox', 'nslookup', '-type=a', name, '127.0.0.11'];
  const { code } = await spawn({ argv: inside(from, asked), timeoutMs: 20_000 });
  return code === 0;
}

/** The kernel of one host sends to the other, and takes what it sends. */
async function isPeer(host: LabHost, other: LabHost): Promise<boolean> {
  const inData = ['nsenter', '--net=/run/netns/trama'] as const;
  const entries = await host.output([...inData, 'bridge', 'fdb', 'show']);
  const allowed = await host.output(['nft', 'list', 'set', 'inet', 'trama', 'vteps']);
  return entries.includes(`dst ${other.address} `) || allowed.includes(` ${other.address}`);
}

/** @returns the end of all patience when it never did */
async function untilAnswered({ from, address }: Side): Promise<number> {
  const ping = ['ping', '-n', '-i', '0.02', '-w', `${patienceMs / 1000}`, address];
  await using running = start(inside(from, ping));
  const began = performance.now();
  for await (const line of running.lines) if (line.includes('bytes from')) return performance.now();
  return began + patienceMs;
}
