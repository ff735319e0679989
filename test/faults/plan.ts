/**
 * A walk from a seed: what is possible is judged as if all had gone well so far, so that the whole history follows from the seed and
 * nothing that happens changes what comes next. What did not go well makes some later actions void; who executes them knows.
 */
import {
  type Daemon,
  damages,
  type FaultAction,
  type HostName,
  hostNames,
  type Round,
  stepsOf,
  type UserAction,
} from './actions.ts';
import { type Chance, chanceOf } from './random.ts';

export interface Shape {
  readonly seed: number;
  readonly steps: number;
  /** Servers and members of etcd: on the first so many hosts. */
  readonly servers: number;
  readonly members: number;
}

interface Wished {
  readonly network: string;
  readonly running: boolean;
}

const networkNames = ['n0', 'n1', 'n2', 'n3'];
const containerNames = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'];
const mostNetworks = 3;
/** One in so many bursts lasts until silent hosts are given up. */
const evictionEvery = 14;

export function planOf(shape: Shape): Round[] {
  const chance = chanceOf(shape.seed);
  const people = new People(chance);
  const rounds: Round[] = [];
  for (let steps = 0; steps < shape.steps; ) {
    const users = Array.from({ length: rounds.length === 0 ? 6 : 2 + chance.integer(3) }, () => people.ask());
    const eviction = chance.integer(evictionEvery) === 0;
    const faults = eviction ? [silencing(chance)] : burst(chance, shape);
    const during = chance.fraction() < 0.6 ? [people.ask()] : [];
    const round = { users, faults, during, lasting: eviction ? ('eviction' as const) : lasting(chance) };
    rounds.push(round);
    steps += stepsOf(round);
  }
  return rounds;
}

/** Mostly shorter than a node may be silent, now and then until it counts as down. */
const lasting = (chance: Chance): number => (chance.fraction() < 0.7 ? chance.integer(2500) : 6000);

const silencing = (chance: Chance): FaultAction => {
  const host = chance.of(hostNames);
  return chance.of<FaultAction>([
    { kind: 'power-off', host },
    { kind: 'cut', host, direction: 'cable' },
    { kind: 'pause', daemon: 'agent', host },
  ]);
};

/** 1 to 4, of which no two want the same of the same thing. */
function burst(chance: Chance, shape: Shape): FaultAction[] {
  const faults: FaultAction[] = [];
  const length = 1 + chance.integer(4);
  while (faults.length < length) {
    const fault = chooseFault(chance, shape);
    if (!faults.some((other) => clash(other, fault))) faults.push(fault);
  }
  return faults;
}

function chooseFault(chance: Chance, shape: Shape): FaultAction {
  const host = chance.of(hostNames);
  const among = (count: number): HostName => hostNames[chance.integer(Math.max(1, count))] as HostName;
  const daemon = chance.weighted<Daemon>([
    [4, 'agent'],
    [3, 'server'],
    [2, 'etcd'],
    [1, 'dockerd'],
  ]);
  const at = daemon === 'server' ? among(shape.servers) : daemon === 'etcd' ? among(shape.members) : host;
  const choose = chance.weighted<() => FaultAction>([
    [5, () => ({ kind: 'kill', daemon, host: at })],
    [2, () => ({ kind: 'pause', daemon, host: at })],
    [2, () => ({ kind: 'restart', daemon, host: at })],
    [2, () => ({ kind: 'cut', host, direction: chance.of(['cable', 'in', 'out'] as const) })],
    [1.5, () => ({ kind: 'loss', host })],
    [1, () => ({ kind: 'power-off', host })],
    [1.5, () => ({ kind: 'clock', host, hours: chance.of([1, -1] as const) })],
    [1, () => ({ kind: 'disk-full', host })],
    [0.5, () => ({ kind: 'member-loss', host: among(shape.members) })],
    [0.7, () => ({ kind: 'compaction' })],
    [6, () => ({ kind: 'damage', host, what: chance.of(damages), pick: chance.integer(1000) })],
  ]);
  return choose();
}

/** The power of a host is off for whatever else could happen there; of two etcd members' data one at most is lost. */
function clash(one: FaultAction, other: FaultAction): boolean {
  if (JSON.stringify(one) === JSON.stringify(other)) return true;
  const kinds = [one.kind, other.kind];
  if (kinds.filter((kind) => kind === 'power-off').length === 2) return true;
  // A member's data can be lost only while the others have it.
  if (kinds.includes('member-loss') && one.kind === other.kind) return true;
  if (!('host' in one) || !('host' in other) || one.host !== other.host) return false;
  if (kinds.includes('power-off')) return true;
  if (kinds.includes('member-loss')) return [one, other].some((each) => 'daemon' in each && each.daemon === 'etcd');
  if ('daemon' in one && 'daemon' in other) return one.daemon === other.daemon;
  return one.kind === other.kind && one.kind !== 'damage';
}

/** What they have asked for so far, as far as they know. */
class People {
  readonly #chance: Chance;
  readonly #networks = new Set<string>();
  readonly #containers = new Map<string, Wished>();

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  ask(): UserAction {
    const chance = this.#chance;
    const via = chance.of(hostNames);
    const names = [...this.#containers.keys()];
    const free = containerNames.filter((name) => !this.#containers.has(name));
    const running = names.filter((name) => this.#containers.get(name)?.running);
    const stopped = names.filter((name) => !running.includes(name));
    const empty = [...this.#networks].filter((each) => ![...this.#containers.values()].some((c) => c.network === each));
    const some = (list: readonly unknown[], weight: number) => (list.length > 0 ? weight : 0);
    const choose = chance.weighted<() => UserAction>([
      [this.#networks.size === 0 ? 100 : 0, () => this.#createNetwork(via)],
      [this.#networks.size < mostNetworks ? 1 : 0, () => this.#createNetwork(via)],
      [some(empty, 0.7), () => this.#removeNetwork(chance.of(empty), via)],
      [this.#networks.size > 0 ? some(free, free.length) : 0, () => this.#run(chance.of(free), via)],
      [some(running, 1.5), () => this.#set(chance.of(running), 'stop', via)],
      [some(stopped, 2), () => this.#set(chance.of(stopped), 'start', via)],
      [some(names, 0.4 * names.length), () => this.#set(chance.of(names), 'rm', via)],
    ]);
    return choose();
  }

  #createNetwork(via: HostName): UserAction {
    const chance = this.#chance;
    const network = chance.of(networkNames.filter((name) => !this.#networks.has(name)));
    this.#networks.add(network);
    // In a small one addresses come to be used again.
    return { kind: 'network-create', network, prefix: chance.of([24, 26, 27]), via };
  }

  #removeNetwork(network: string, via: HostName): UserAction {
    this.#networks.delete(network);
    return { kind: 'network-rm', network, via };
  }

  #run(container: string, via: HostName): UserAction {
    const chance = this.#chance;
    const network = chance.of([...this.#networks]);
    const host = chance.of(hostNames);
    const by = chance.fraction() < 0.7 ? 'trama' : 'docker';
    const port = chance.fraction() < 0.4 ? { port: 8000 + Number(container.slice(1)) } : {};
    const lost = by === 'trama' && chance.fraction() < 0.3 ? { onNodeLoss: 'reschedule' as const } : {};
    this.#containers.set(container, { network, running: true });
    return { kind: 'run', container, network, host, via, by, ...port, ...lost };
  }

  #set(container: string, kind: 'stop' | 'start' | 'rm', via: HostName): UserAction {
    const wished = this.#containers.get(container) as Wished;
    if (kind === 'rm') this.#containers.delete(container);
    else this.#containers.set(container, { ...wished, running: kind === 'start' });
    return { kind, container, via };
  }
}
