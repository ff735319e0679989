/** Walks a history on a cluster of its own: asks, breaks, heals, and after every burst judges from outside. */
import { cp } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type HostName,
  hostNames,
  type Round,
  removesIsolation,
  sparesConnections,
  stepsOf,
  tellFault,
} from './actions.ts';
import { Book } from './book.ts';
import { Bystanders } from './bystanders.ts';
import { Faults } from './faults.ts';
import { readHost } from './host-reading.ts';
import {
  type Baseline,
  baselineOf,
  belongingsUntouched,
  kernelAsDesired,
  type Look,
  promisesKept,
  uniqueAddresses,
} from './invariants.ts';
import { askPackets } from './packets.ts';
import { writesWithin } from './quiet.ts';
import { type Chance, chanceOf } from './random.ts';
import { Rests } from './rest.ts';
import { Scene } from './scene.ts';
import { History, readStore } from './store-reading.ts';
import { tearDown } from './teardown.ts';
import { ask, askAgain, isHost, removeLoose, startsAgain } from './users.ts';

export interface WalkOptions {
  readonly servers: number;
  readonly members: number;
  readonly seed: number;
  /** After the last heal, until everything must be as it should, ms. */
  readonly patienceMs: number;
  /** Where logs of all hosts are copied to when something is broken. */
  readonly keep?: string;
  tell(line: string): void;
  /** Hears of the scene as soon as there is one, to remove it when the process is told to end. */
  onScene?(scene: AsyncDisposable): void;
}

export interface Walked {
  readonly steps: number;
  readonly rounds: number;
  /** Empty: all held. */
  readonly broken: readonly string[];
  /** The round in which something broke; undefined: none, or after the last. */
  readonly at?: number;
  /** From the last heal until all held, ms, per round. */
  readonly heals: readonly number[];
  readonly evictions: number;
  readonly reusedAddresses: number;
  readonly longestStandstill: number;
  readonly deaths: readonly string[];
}

/** A node is given up soon enough that a walk sees it often. */
const evictAfter = '15s';
/** The kernel announces a bridge's port once more when its forward delay has passed, though it forwards from the beginning. */
const portTimersMs = 17_000;
/** Longer than the agents' periodic pass takes to come round. */
const restWatchedMs = 33_000;

export async function walk(history: readonly Round[], options: WalkOptions): Promise<Walked> {
  const begun = performance.now();
  const tell = (line: string) =>
    options.tell(`${((performance.now() - begun) / 1000).toFixed(1).padStart(7)}  ${line}`);
  const { servers, members } = options;
  const scene = await Scene.start({ servers, members, evictAfter, onStep: tell });
  options.onScene?.(scene);
  try {
    const walker = await Walker.begin(scene, options, tell);
    try {
      return await walker.walk(history);
    } finally {
      walker.stop();
    }
  } finally {
    await scene[Symbol.asyncDispose]();
    tell('the lab is gone');
  }
}

class Walker {
  readonly #scene: Scene;
  readonly #options: WalkOptions;
  readonly #tell: (line: string) => void;
  readonly #chance: Chance;
  readonly #book = new Book();
  readonly #faults: Faults;
  readonly #bystanders: Bystanders;
  readonly #rests = new Rests();
  readonly #history: History;
  /** Hosts that are given up now, and those of which the book does not know it yet. */
  readonly #givenUp = new Set<HostName>();
  readonly #evicted = new Set<HostName>();
  /** Those that were silent for so long in this round that their peers must have stopped talking to them. */
  readonly #fenced = new Set<HostName>();
  readonly #heals: number[] = [];
  #evictions = 0;
  #baseline: Baseline = { rules: [], belongings: new Map() };

  private constructor(scene: Scene, options: WalkOptions, tell: (line: string) => void, revision: number) {
    this.#scene = scene;
    this.#options = options;
    this.#tell = tell;
    this.#chance = chanceOf(options.seed ^ 0x5eed);
    this.#faults = new Faults(scene);
    this.#bystanders = new Bystanders(scene, this.#book);
    this.#history = new History(scene.etcd, revision, (event) => {
      this.#rests.hear(event);
      if (!event.key.startsWith('nodes/') || event.value === undefined) return;
      const { name, health } = JSON.parse(event.value) as { name: string; health?: { state: string } };
      if (!isHost(name)) return;
      const gone = health?.state.startsWith('evict') === true;
      if (gone || health?.state === 'down') this.#fenced.add(name);
      if (gone && !this.#givenUp.has(name)) this.#evicted.add(name);
      if (gone) this.#givenUp.add(name);
      else this.#givenUp.delete(name);
    });
  }

  static async begin(scene: Scene, options: WalkOptions, tell: (line: string) => void): Promise<Walker> {
    const { revision } = await readStore(scene.etcd);
    const walker = new Walker(scene, options, tell, revision + 1);
    await walker.#bystanders.settle();
    walker.#baseline = baselineOf(await walker.#look(), 'h4');
    const broken = await walker.#untilAllHolds();
    if (broken.length > 0) throw new Error(`before any fault:\n${broken.join('\n')}`);
    await walker.#bystanders.untilSpeaking();
    tell('bystanders talk to their own; all holds');
    return walker;
  }

  stop(): void {
    this.#history.stop();
  }

  async walk(history: readonly Round[]): Promise<Walked> {
    let steps = 0;
    for (const [at, round] of history.entries()) {
      steps += stepsOf(round);
      this.#tell(`round ${at + 1}, step ${steps}: ${round.faults.map(tellFault).join(', ')}`);
      const broken = await this.#round(round);
      if (broken.length > 0) return await this.#failed(steps, at, broken);
    }
    await delay(this.#settledAt + portTimersMs - performance.now());
    const written = await writesWithin(this.#scene.hosts, history.length === 0 ? 3000 : restWatchedMs);
    this.#tell(`at rest for ${restWatchedMs / 1000} s: ${written.length} writes`);
    const left = await tearDown(this.#scene, this.#book, this.#baseline);
    this.#tell(`torn down: ${left.length === 0 ? 'nothing is left' : 'not all well'}`);
    left.unshift(...written);
    return left.length > 0 ? await this.#failed(steps, history.length, left) : this.#result(steps, history.length, []);
  }

  async #round(round: Round): Promise<string[]> {
    for (const action of round.users) await this.#ask(action, 20_000);
    const before = await this.#bystanders.connections();
    this.#fenced.clear();
    for (const fault of round.faults) await this.#faults.inflict(fault);
    const lasting = round.lasting === 'eviction' ? this.#untilGivenUp() : delay(round.lasting);
    await Promise.all([lasting, ...round.during.map((action) => this.#ask(action, 8000))]);
    await this.#faults.heal();
    this.#book.open.push(...startsAgain(this.#book, round.faults));
    const broken = await this.#untilAllHolds();
    const aliens = await this.#bystanders.aliens();
    if (!round.faults.some(removesIsolation)) broken.push(...aliens);
    if (round.faults.every(sparesConnections) && !this.#lostBystander)
      broken.push(...(await this.#bystanders.lost(before, this.#fenced)));
    broken.push(...this.#rests.take());
    return broken;
  }

  #lostBystander = false;
  #settledAt = 0;

  async #ask(action: Round['users'][number], patienceMs: number): Promise<void> {
    if (action.kind === 'stop' || action.kind === 'rm') this.#rests.ending(action.container);
    this.#tell(`    ${await ask(this.#scene, this.#book, action, patienceMs)}`);
  }

  async #untilGivenUp(): Promise<void> {
    const end = performance.now() + 45_000;
    while (performance.now() < end && !this.#faults.silent.every((host) => this.#givenUp.has(host))) await delay(200);
  }

  /** @returns what does not hold when patience ends; empty as soon as all does */
  async #untilAllHolds(): Promise<string[]> {
    const healed = performance.now();
    const end = healed + this.#options.patienceMs;
    this.#lostBystander = false;
    const earlier: string[] = [];
    for (;;) {
      const broken = await this.#judge(end);
      earlier.push(
        `    ${((performance.now() - healed) / 1000).toFixed(1)} s after the heal: ${broken.length} broken, first ${broken[0]}`,
      );
      if (broken.length === 0) {
        this.#settledAt = performance.now();
        this.#heals.push(performance.now() - healed);
        this.#tell(`    all holds ${((performance.now() - healed) / 1000).toFixed(1)} s after the heal`);
        return [];
      }
      if (performance.now() > end) {
        for (const line of [...earlier.slice(0, 5), ...earlier.slice(-2)]) this.#tell(line);
        return broken;
      }
      await delay(300);
    }
  }

  async #judge(end: number): Promise<string[]> {
    try {
      await this.#faults.startWhatShouldRun();
      const { revision } = await readStore(this.#scene.etcd);
      while (this.#history.next <= revision && performance.now() < end) await delay(50);
      await this.#takeEvictions();
      await askAgain(this.#scene, this.#book, end);
      const begun = performance.now();
      const look = await this.#look();
      const broken = [
        ...uniqueAddresses(look),
        ...kernelAsDesired(look, this.#baseline),
        ...belongingsUntouched(look, this.#baseline),
        ...promisesKept(look, this.#book),
      ];
      if (broken.length > 0) return broken;
      this.#rests.look(look, begun);
      const unheard = await askPackets(this.#scene, look, this.#book, this.#chance);
      if (unheard.length === 0) await this.#bystanders.inhabit(look);
      return unheard;
    } catch (error) {
      return [`cannot be judged: ${error instanceof Error ? error.message : error}`];
    }
  }

  async #takeEvictions(): Promise<void> {
    for (const host of this.#evicted) {
      this.#evicted.delete(host);
      this.#evictions += 1;
      this.#rests.evicted(host);
      const loose = this.#book.evicted(host);
      this.#tell(`    ${host} was given up; Docker ran there: ${loose.join(', ') || 'nothing'}`);
      if (loose.some((name) => this.#bystanders.isOne(name))) this.#lostBystander = true;
      await removeLoose(this.#scene, host, loose);
      await this.#bystanders.again(loose);
    }
  }

  async #look(): Promise<Look> {
    const readings = hostNames.map(async (name) => [name, await readHost(this.#scene.host(name))] as const);
    const [store, ...hosts] = await Promise.all([readStore(this.#scene.etcd), ...readings]);
    return { store, hosts: new Map(hosts) };
  }

  async #failed(steps: number, at: number, broken: readonly string[]): Promise<Walked> {
    const { keep } = this.#options;
    if (keep !== undefined) {
      for (const host of this.#scene.hosts) {
        await cp(`${host.disk}/log`, `${keep}/${host.name}`, { recursive: true }).catch(() => {});
        // What its agent believes: the lab's temporary directory is the machine's.
        if (host.running) await host.run(['cp', '-a', '/var/lib/trama/agent', `${keep}/${host.name}/agent-state`]);
      }
    }
    return this.#result(steps, at, broken);
  }

  #result(steps: number, rounds: number, broken: readonly string[]): Walked {
    return {
      steps,
      rounds,
      broken,
      ...(broken.length > 0 ? { at: rounds } : {}),
      heals: this.#heals,
      evictions: this.#evictions,
      reusedAddresses: this.#rests.reused,
      longestStandstill: this.#bystanders.longestStandstill,
      deaths: this.#scene.deaths,
    };
  }
}
