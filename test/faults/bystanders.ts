/**
 * Four containers in two networks of their own, on the two hosts whose Docker lets containers live on. They keep connections that must
 * survive, and spray what must not arrive, also while something is failing.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { eventually, labImage, type Started } from '../../src/lab/lab.ts';
import type { HostName } from './actions.ts';
import type { Book } from './book.ts';
import type { Look } from './invariants.ts';
import { program, type Scene } from './scene.ts';

const script = fileURLToPath(new URL('bystander.py', import.meta.url));
const calmNetworks = ['calm0', 'calm1'] as const;
const all = calmNetworks.flatMap((network) =>
  (['h4', 'h5'] as const).map((host) => ({ name: `${network}-${host}`, network, host })),
);

/** A busy machine holds a byte up for less. */
const noticedSeconds = 2;

interface Status {
  readonly connection: number;
  readonly echoed: number;
  /** When a byte was not echoed at once: CLOCK_MONOTONIC, s. */
  readonly stood: readonly (readonly [since: number, seconds: number])[];
  readonly own: number;
  readonly aliens: number;
  readonly alien: readonly (readonly [network: string, origin: string])[];
  readonly errors: readonly string[];
}

interface Inhabitant {
  readonly pid: number;
  readonly address: string;
  readonly process: Started;
}

export interface Connections {
  /** CLOCK_MONOTONIC, s. */
  readonly at: number;
  readonly each: ReadonlyMap<string, Status>;
}

export class Bystanders {
  readonly #scene: Scene;
  readonly #book: Book;
  readonly #inhabitants = new Map<string, Inhabitant>();
  readonly #aliens = new Map<string, number>();
  /** Seconds that a connection stood still at most, over all bursts that only took daemons. */
  longestStandstill = 0;

  constructor(scene: Scene, book: Book) {
    this.#scene = scene;
    this.#book = book;
  }

  async settle(): Promise<void> {
    for (const network of calmNetworks) {
      await this.#scene.host('h1').output([program, 'network', 'create', network], { timeoutMs: 30_000 });
      this.#book.networks.set(network, { prefix: 16 });
    }
    await Promise.all(all.map((each) => this.#run(each.name)));
  }

  /** Those that lost their host came off their network: they are made anew. */
  async again(names: readonly string[]): Promise<void> {
    await Promise.all(names.filter((name) => all.some((each) => each.name === name)).map((name) => this.#run(name)));
  }

  isOne(name: string): boolean {
    return all.some((each) => each.name === name);
  }

  /** Starts what has to run in each container's namespace as it is now, and tells all whom to spray. */
  async inhabit(look: Look): Promise<void> {
    const targets: Record<string, string[]> = {};
    for (const { containers } of look.hosts.values()) {
      for (const { networks, running, name } of containers) {
        if (!running || name === 'neighbour') continue;
        for (const each of networks) targets[each.name] = [...(targets[each.name] ?? []), each.address];
      }
    }
    await writeFile(`${this.#targets}.new`, JSON.stringify(targets));
    await rename(`${this.#targets}.new`, this.#targets);
    // Who answers is there before who asks.
    for (const one of [...all].reverse()) {
      const container = this.#container(look, one.name, one.host);
      const known = this.#inhabitants.get(one.name);
      if (container === undefined || (known?.pid === container.pid && known.address === container.address)) continue;
      known?.process.kill('SIGKILL');
      await known?.process.ended;
      await rm(this.#status(one.name), { force: true });
      this.#aliens.delete(one.name);
      const other = all.find((each) => each.network === one.network && each.host === 'h5');
      const peer = one.host === 'h4' ? this.#container(look, other?.name ?? '', 'h5')?.address : undefined;
      const argv = ['/usr/bin/python3', script, one.network, peer ?? '-', this.#status(one.name), this.#targets];
      const process = await this.#scene
        .host(one.host)
        .start(['nsenter', `--net=/proc/${container.pid}/ns/net`, ...argv], { name: `bystander-${one.name}` });
      const inhabitant = { ...container, process };
      this.#inhabitants.set(one.name, inhabitant);
      // A host that boots counts from 1 again: its container may come back with the pid and address that it had.
      void process.ended.then(() => {
        if (this.#inhabitants.get(one.name) === inhabitant) this.#inhabitants.delete(one.name);
      });
      // The peer of one that moved asks anew.
      if (one.host === 'h5') this.#evict(`${one.network}-h4`);
    }
  }

  /** How many connections there have been so far; the same number later: none was lost. */
  async connections(): Promise<Connections> {
    const found = new Map<string, Status>();
    for (const { name, host } of all) {
      if (host !== 'h4') continue;
      // One that was started a moment ago has none yet; one that finds none is told of by lost().
      await eventually('connected', async () => (await this.#read(name)).connection > 0, 10_000).catch(() => {});
      found.set(name, await this.#read(name));
    }
    return { at: Number(process.hrtime.bigint()) / 1e9, each: found };
  }

  /** 3: @param before as they were; @param fenced hosts whose connections may have stood still; @returns what was lost since */
  async lost(before: Connections, fenced: ReadonlySet<HostName>): Promise<string[]> {
    const broken: string[] = [];
    for (const [name, was] of before.each) {
      // Since now: what flowed before it broke proves nothing.
      const healed = await this.#read(name);
      const flows = async () => (await this.#read(name)).echoed > healed.echoed + 5;
      await eventually('bytes flow', flows, 10_000).catch(() =>
        broken.push(`3: the connection of ${name} stands still`),
      );
      const now = await this.#read(name);
      if (now.connection !== was.connection) broken.push(`3: the connection of ${name} was lost: ${now.errors.at(-1)}`);
      if (all.some(({ host }) => fenced.has(host))) continue;
      // One that began before is an earlier fault's: TCP asks again ever later.
      const stood = now.stood.filter(([since]) => since >= before.at).map(([, seconds]) => seconds);
      const longest = Math.max(0, ...stood);
      if (longest > noticedSeconds) broken.push(`3: the connection of ${name} stood still for ${longest.toFixed(1)} s`);
      this.longestStandstill = Math.max(this.longestStandstill, longest);
    }
    return broken;
  }

  /** All that speak do, which shows that what is not heard is not there. */
  untilSpeaking(): Promise<void> {
    return eventually('bystanders hear their own', async () => {
      const statuses = await Promise.all(all.map(({ name }) => this.#read(name)));
      return statuses.every(
        ({ own }, index) => own > 0 && (all[index]?.host === 'h5' || (statuses[index]?.echoed ?? 0) > 0),
      );
    });
  }

  /** 2: what has arrived from another network since this was asked last. */
  async aliens(): Promise<string[]> {
    const found: string[] = [];
    for (const { name } of all) {
      const { aliens, alien } = await this.#read(name);
      const more = aliens - (this.#aliens.get(name) ?? 0);
      this.#aliens.set(name, aliens);
      if (more > 0)
        found.push(`2: ${name} heard ${more} times what is not its network's, last ${alien.at(-1)?.join(' from ')}`);
    }
    return found;
  }

  #evict(name: string): void {
    this.#inhabitants.get(name)?.process.kill('SIGKILL');
    this.#inhabitants.delete(name);
  }

  async #run(name: string): Promise<void> {
    const one = all.find((each) => each.name === name);
    if (one === undefined) return;
    const host = this.#scene.host(one.host);
    await host.run(['docker', 'rm', '-f', name], { env: { DOCKER_HOST: 'unix:///var/run/docker.sock' } });
    const stays = ['--restart', 'always', '--network', one.network];
    await host.docker('run', '-d', '--name', name, ...stays, labImage, 'sleep', '1000000');
    this.#book.containers.set(name, { network: one.network, host: one.host, by: 'docker', running: true });
  }

  #container(look: Look, name: string, host: HostName): { pid: number; address: string } | undefined {
    const found = look.hosts.get(host)?.containers.find((each) => each.name === name && each.running);
    const address = found?.networks[0]?.address;
    return found === undefined || address === undefined ? undefined : { pid: found.pid, address };
  }

  async #read(name: string): Promise<Status> {
    const nothing = { connection: 0, echoed: 0, stood: [], own: 0, aliens: 0, alien: [], errors: [] };
    return await readFile(this.#status(name), 'utf8').then(
      (text) => JSON.parse(text) as Status,
      () => nothing,
    );
  }

  #status = (name: string) => `${this.#scene.lab.directory}/bystander-${name}.json`;
  get #targets(): string {
    return `${this.#scene.lab.directory}/bystander-targets.json`;
  }
}
