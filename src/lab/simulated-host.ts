import { basename, dirname } from 'node:path';
import { Failure } from '../domain/domain.ts';
import { CommandFailed, type Finished, type Spawn } from '../platform/platform.ts';
import { dockerdArguments, Engine, type EngineOptions } from './engine.ts';
import { type Argv, type RunOptions, runInHost, type Started, startInHost } from './host-processes.ts';
import { findPower, formatDisk, type HostPlace, type PoweredOn, powerOff, powerOn } from './machine.ts';
import { removeCgroups } from './reaper.ts';

export interface HostSetup {
  readonly name: string;
  /** By which others reach it. */
  readonly address: string;
  readonly place: HostPlace;
  readonly docker: boolean;
  readonly dockerArguments: readonly string[];
  readonly engine: EngineOptions;
  /** Files that `docker load` reads. */
  readonly images: () => Promise<readonly string[]>;
  readonly program: Argv;
  /** Directories, as in PATH, that come before the machine's. */
  readonly path: readonly string[];
  readonly run: Spawn;
}

export interface PingResult {
  readonly reached: boolean;
  /** Round-trip time; present exactly when reached. */
  readonly ms?: number;
}

/**
 * A host of a lab: a process tree with mount, uts and pid namespaces of its own, in a network namespace that somebody else joins
 * to others. Everything that takes an argv runs in all of them, as root, with working directory `/`.
 */
export class SimulatedHost {
  readonly name: string;
  readonly address: string;
  /** Where its disk and logs are, seen from outside. */
  readonly disk: string;
  readonly #setup: HostSetup;
  readonly #engine: Engine | undefined;
  #power: PoweredOn | undefined;
  #formatted = false;
  #imagesLoaded = false;
  readonly #logs = new Map<string, number>();
  /** What goes on. */
  readonly #started = new Set<Started>();

  constructor(setup: HostSetup) {
    this.name = setup.name;
    this.address = setup.address;
    this.disk = setup.place.disk;
    this.#setup = setup;
    if (!setup.docker) return;
    this.#engine = new Engine(
      this.name,
      (argv) => this.start(argv),
      () => `/proc/${this.init}/root/run/docker.sock`,
      [...dockerdArguments(setup.place.cgroup), ...setup.dockerArguments],
    );
  }

  /** The host's pid 1 as the machine counts. @throws Failure `unavailable` while its plug is pulled. */
  get init(): number {
    if (!this.#power) throw new Failure('unavailable', `Host ${this.name} is off; boot() it first.`);
    return this.#power.init;
  }

  /** It is running already, powered on by another process. @throws Failure `unavailable` when it is not */
  async adopt(): Promise<void> {
    this.#formatted = true;
    this.#imagesLoaded = true;
    this.#power = await findPower(this.#setup.place, this.name);
  }

  get running(): boolean {
    return this.#power !== undefined;
  }

  /**
   * Powers on with the disk as it was left, starts Docker if the host has it, and loads images at the first time.
   * @param options `docker: false`: Docker is started later by whoever boots, as after the agent.
   */
  async boot(options: { readonly docker?: boolean } = {}): Promise<void> {
    if (this.#power) throw new Failure('conflict', `Host ${this.name} is running already.`);
    const { name, address, place, run } = this.#setup;
    if (!this.#formatted) await formatDisk(this.disk, name, address, run);
    this.#formatted = true;
    this.#power = await powerOn(place, name);
    if (!this.#engine || options.docker === false) return;
    await this.#engine.start(this.#setup.engine);
    if (this.#imagesLoaded) return;
    for (const file of await this.#setup.images()) await this.docker('load', '--quiet', '--input', file);
    this.#imagesLoaded = true;
  }

  /** All power is gone at once: every process, the kernel's network state, /run. The disk stays. */
  async pullPlug(): Promise<void> {
    const power = this.#power;
    this.#power = undefined;
    if (!power) return;
    const off = powerOff(power);
    // Who waits outside for one that was stopped is stopped with it, and the namespace ends only when all are waited for.
    for (const each of this.#started) each.kill('SIGCONT');
    await off;
    await removeCgroups(this.#setup.place.cgroup);
  }

  /** Runs to the end. @throws CommandFailed when it takes too long; not for its exit code. */
  run(argv: Argv, options: RunOptions = {}): Promise<Finished> {
    const env = this.#environment(options.env);
    return runInHost(this.#setup.run, this.init, argv, { ...options, env });
  }

  /** Like `run`, but any exit code other than 0 throws CommandFailed. @returns its standard output. */
  async output(argv: Argv, options: RunOptions = {}): Promise<string> {
    const result = await this.run(argv, options);
    if (result.code !== 0) throw new CommandFailed(argv, result, `on ${this.name} ended with code ${result.code}`);
    return result.stdout;
  }

  /** Starts a process that goes on; out of reach of Ctrl-C. Its log file is `<disk>/log/<name>-<n>.log`. */
  async start(
    argv: Argv,
    options: { readonly env?: Readonly<Record<string, string>>; readonly name?: string } = {},
  ): Promise<Started> {
    const name = options.name ?? basename(argv[0]);
    const number = (this.#logs.get(name) ?? 0) + 1;
    this.#logs.set(name, number);
    const log = `${this.disk}/log/${name}-${number}.log`;
    const started = await startInHost(this.init, argv, { log, env: this.#environment(options.env) });
    this.#started.add(started);
    void started.ended.finally(() => this.#started.delete(started));
    return started;
  }

  /** @param target what `start` returned, or a process number as this host counts. Default SIGKILL. */
  async kill(target: Started | number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (typeof target === 'number') await this.output(['kill', '-s', signal.replace(/^SIG/, ''), `${target}`]);
    else target.kill(signal);
  }

  /** The docker client. @returns its standard output without the last newline. @throws CommandFailed */
  async docker(...args: string[]): Promise<string> {
    const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };
    return (await this.output(['docker', ...args], { env, timeoutMs: 60_000 })).trimEnd();
  }

  /** Trama's command line on this host. */
  trama(...args: string[]): Promise<Finished> {
    return this.run([...this.#setup.program, ...args], { timeoutMs: 60_000 });
  }

  startServer(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Started> {
    return this.start([...this.#setup.program, 'server', ...args], { name: 'server', env });
  }

  startAgent(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Started> {
    return this.start([...this.#setup.program, 'agent', ...args], { name: 'agent', env });
  }

  readFile(path: string): Promise<string> {
    return this.output(['cat', '--', path]);
  }

  /** Makes missing directories. */
  async writeFile(path: string, text: string): Promise<void> {
    await this.output(['mkdir', '-p', '--', dirname(path)]);
    await this.output(['tee', '--', path], { input: text });
  }

  /** @throws Failure with the end of dockerd's log when it does not come up. */
  async startDocker(options?: EngineOptions): Promise<void> {
    await this.#requireEngine().start(options);
  }

  /** In order, as a service's stop: containers are stopped too, unless it runs with live-restore. */
  stopDocker(): Promise<void> {
    return this.#requireEngine().stop();
  }

  /** SIGKILL to dockerd alone (its containerd goes with it); containers' processes live on. */
  killDocker(): Promise<void> {
    return this.#requireEngine().kill();
  }

  async restartDocker(options?: EngineOptions): Promise<void> {
    await this.stopDocker();
    await this.startDocker(options);
  }

  /** One echo request, one second of patience. */
  async pingFromHost(address: string): Promise<PingResult> {
    return pingResult(await this.run(['ping', '-n', '-c1', '-W1', address]));
  }

  async pingFromContainer(container: string, address: string): Promise<PingResult> {
    const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };
    return pingResult(await this.run(['docker', 'exec', container, 'ping', '-c1', '-W1', address], { env }));
  }

  #environment(env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
    const { path, place } = this.#setup;
    const own = path.length === 0 ? {} : { PATH: [...path, process.env.PATH].join(':') };
    return { ...own, ...env, ...place.env };
  }

  #requireEngine(): Engine {
    if (!this.#engine) throw new Failure('invalid', `Host ${this.name} was made without Docker.`);
    return this.#engine;
  }
}

/** Both iputils' ping and busybox's write `time=0.123 ms`. */
function pingResult({ code, stdout }: Finished): PingResult {
  const ms = /time=([\d.]+) ms/.exec(stdout)?.[1];
  return code === 0 && ms !== undefined ? { reached: true, ms: Number(ms) } : { reached: false };
}
