import { basename, dirname } from 'node:path';
import { Failure } from '../domain/domain.ts';
import { CommandFailed, type Finished, type Spawn } from '../platform/platform.ts';
import { Engine, type EngineOptions } from './engine.ts';
import { type Argv, type RunOptions, runInHost, type Started, startInHost } from './host-processes.ts';
import { formatDisk, type PoweredOn, powerOff, powerOn } from './machine.ts';
import { removeCgroups } from './reaper.ts';
import { cgroupOf, directoryOf } from './session.ts';
import { type Cable, plugIn, setCable, setLoss, unplug } from './underlay.ts';

export interface HostSetup {
  readonly cable: Cable;
  readonly docker: boolean;
  readonly dockerArguments: readonly string[];
  readonly engine: EngineOptions;
  /** File that `docker load` reads. */
  readonly image: () => Promise<string>;
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
 * A host of the lab: a process tree with network, mount, uts and pid namespaces of its own, cabled to the underlay.
 * Everything that takes an argv runs in all of them, as root, with working directory `/`.
 */
export class LabHost {
  readonly name: string;
  readonly address: string;
  /** Where its disk and logs are, seen from outside. */
  readonly disk: string;
  readonly #setup: HostSetup;
  readonly #engine: Engine | undefined;
  #power: PoweredOn | undefined;
  #formatted = false;
  #imageLoaded = false;
  #connected = true;
  readonly #logs = new Map<string, number>();

  constructor(setup: HostSetup) {
    const { name, address, session } = setup.cable;
    this.name = name;
    this.address = address;
    this.disk = `${directoryOf(session)}/${name}`;
    this.#setup = setup;
    if (!setup.docker) return;
    this.#engine = new Engine(
      name,
      (argv) => this.start(argv),
      () => `/proc/${this.init}/root/run/docker.sock`,
      [
        // A parent of the lab's own, so that no control group outlives it.
        ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `${cgroupOf(session)}/${name}`],
        ...setup.dockerArguments,
      ],
    );
  }

  /** The host's pid 1 as the machine counts. @throws Failure `unavailable` while its plug is pulled. */
  get init(): number {
    if (!this.#power) throw new Failure('unavailable', `Host ${this.name} is off; boot() it first.`);
    return this.#power.init;
  }

  get running(): boolean {
    return this.#power !== undefined;
  }

  /**
   * Powers on with the disk as it was left, starts Docker if the host has it, and loads the image at the first time.
   * @param options `docker: false`: Docker is started later by whoever boots, as after the agent.
   */
  async boot(options: { readonly docker?: boolean } = {}): Promise<void> {
    if (this.#power) throw new Failure('conflict', `Host ${this.name} is running already.`);
    const { cable, run } = this.#setup;
    await plugIn(cable, run);
    if (!this.#connected) await this.cutLink();
    if (!this.#formatted) await formatDisk(this.disk, this.name, this.address, run);
    this.#formatted = true;
    this.#power = await powerOn(cable.session, this.name, this.disk);
    if (!this.#engine || options.docker === false) return;
    await this.#engine.start(this.#setup.engine);
    if (!this.#imageLoaded) await this.docker('load', '--quiet', '--input', await this.#setup.image());
    this.#imageLoaded = true;
  }

  /** All power is gone at once: every process, the kernel's network state, /run. The disk stays. */
  async pullPlug(): Promise<void> {
    const power = this.#power;
    this.#power = undefined;
    if (!power) return;
    const { cable, run } = this.#setup;
    await powerOff(power);
    await unplug(cable, run);
    await removeCgroups(`${cgroupOf(cable.session)}/${this.name}`);
  }

  /** Runs to the end. @throws CommandFailed when it takes too long; not for its exit code. */
  run(argv: Argv, options: RunOptions = {}): Promise<Finished> {
    const env = this.#environment(options.env);
    return runInHost(this.#setup.run, this.#setup.cable.session, this.init, argv, { ...options, env });
  }

  /** Like `run`, but any exit code other than 0 throws CommandFailed. @returns its standard output. */
  async output(argv: Argv, options: RunOptions = {}): Promise<string> {
    const result = await this.run(argv, options);
    if (result.code !== 0) throw new CommandFailed(argv, result, `on ${this.name} ended with code ${result.code}`);
    return result.stdout;
  }

  /** Starts a process that goes on; out of reach of Ctrl-C. Its log file is `<disk>/log/<name>-<n>.log`. */
  start(argv: Argv, options: { readonly env?: Readonly<Record<string, string>>; readonly name?: string } = {}) {
    const name = options.name ?? basename(argv[0]);
    const number = (this.#logs.get(name) ?? 0) + 1;
    this.#logs.set(name, number);
    const log = `${this.disk}/log/${name}-${number}.log`;
    return startInHost(this.#setup.cable.session, this.init, argv, { log, env: this.#environment(options.env) });
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

  /** Pulls the cable: eth0 loses its carrier. Stays so over a power cut, until `healLink`. */
  async cutLink(): Promise<void> {
    this.#connected = false;
    await setCable(this.#setup.cable, 'down', this.#setup.run);
  }

  async healLink(): Promise<void> {
    this.#connected = true;
    await setCable(this.#setup.cable, 'up', this.#setup.run);
  }

  /** Loses `percent` of the frames in each direction, unseen by the host; 100 is a silent cut, 0 heals. */
  loss(percent: number): Promise<void> {
    return setLoss(this.#setup.cable, percent, this.#setup.run);
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
    const { path } = this.#setup;
    return path.length === 0 ? env : { PATH: [...path, process.env.PATH].join(':'), ...env };
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
