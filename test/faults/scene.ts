/**
 * The cluster that is walked on: hosts with real engines, members of etcd and servers on the first of them, an agent on each. It knows
 * which daemons should run and starts them again, as an init system would.
 */
import { fileURLToPath } from 'node:url';
import { createLab, eventually, type Lab, type LabHost, type Started, untilThere } from '../../src/lab/lab.ts';
import { type Daemon, type HostName, hostNames, keepsContainers } from './actions.ts';
import { belong } from './belongings.ts';
import { Etcd } from './etcd.ts';

export interface SceneOptions {
  readonly servers: number;
  readonly members: number;
  /** A time as the command line takes it. */
  readonly evictAfter: string;
  onStep?(step: string): void;
}

const shiftedClock = { NODE_OPTIONS: `--require ${fileURLToPath(new URL('clock.cjs', import.meta.url))}` };
export const program = fileURLToPath(new URL('../../bin/trama', import.meta.url));
const stateDirectory = '/var/lib/trama';
/** A disk of its own, small enough to be filled. */
const stateMegabytes = 64;

export class Scene implements AsyncDisposable {
  readonly lab: Lab;
  readonly etcd: Etcd;
  readonly serverHosts: readonly HostName[];
  readonly options: SceneOptions;
  /** Daemons that ended by themselves, with the end of their logs. */
  readonly deaths: string[] = [];
  readonly #hosts = new Map<HostName, LabHost>();
  readonly #running = new Map<string, Started>();
  readonly #expectedEnds = new WeakSet<Started>();

  private constructor(lab: Lab, options: SceneOptions) {
    this.lab = lab;
    this.options = options;
    this.serverHosts = hostNames.slice(0, options.servers);
    this.etcd = new Etcd(this, hostNames.slice(0, options.members));
  }

  static async start(options: SceneOptions): Promise<Scene> {
    const step = options.onStep ?? (() => {});
    const scene = new Scene(await createLab(), options);
    try {
      await scene.lab.host('observer', { address: '10.99.0.250', docker: false });
      await Promise.all(
        hostNames.map(async (name) => {
          const host = await scene.lab.host(name, { liveRestore: keepsContainers(name) });
          scene.#hosts.set(name, host);
          await mountState(host);
          await belong(host);
        }),
      );
      step('hosts with engines');
      await scene.etcd.start();
      step(`${options.members} members of etcd`);
      await scene.#startServers();
      step(`${options.servers} servers`);
      await scene.#join();
      step('agents');
      return scene;
    } catch (error) {
      await scene[Symbol.asyncDispose]();
      throw error;
    }
  }

  host(name: HostName): LabHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  get hosts(): readonly LabHost[] {
    return [...this.#hosts.values()];
  }

  daemon(daemon: Daemon, host: HostName): Started | undefined {
    return this.#running.get(`${daemon}@${host}`);
  }

  /** Daemons other than Docker's, where they belong. */
  get stations(): (readonly [Exclude<Daemon, 'dockerd'>, HostName])[] {
    return [
      ...this.etcd.hosts.map((host) => ['etcd', host] as const),
      ...this.serverHosts.map((host) => ['server', host] as const),
      ...hostNames.map((host) => ['agent', host] as const),
    ];
  }

  /** What a start gave; its end without `expectEnd` is a death. */
  track(daemon: Daemon, host: HostName, started: Started): void {
    const key = `${daemon}@${host}`;
    this.#running.set(key, started);
    void started.ended.then(async () => {
      if (this.#running.get(key) === started) this.#running.delete(key);
      if (this.#expectedEnds.has(started)) return;
      const log = (await started.output().catch(() => '')).trimEnd().split('\n').slice(-6).join('\n');
      this.deaths.push(`${daemon} of ${host} ended by itself:\n${log}`);
    });
  }

  expectEnd(daemon: Daemon, host: HostName): Started | undefined {
    const started = this.daemon(daemon, host);
    if (started !== undefined) this.#expectedEnds.add(started);
    return started;
  }

  async startDaemon(daemon: Exclude<Daemon, 'dockerd'>, name: HostName, args: readonly string[] = []): Promise<void> {
    if (daemon === 'etcd') return this.etcd.startMember(name);
    const host = this.host(name);
    const started =
      daemon === 'agent'
        ? await host.startAgent(args, shiftedClock)
        : await host.startServer(['--store', this.etcd.url, '--evict-after', this.options.evictAfter], shiftedClock);
    this.track(daemon, name, started);
  }

  /** With everything off that was on it. */
  async pullPlug(name: HostName): Promise<void> {
    for (const daemon of ['server', 'agent', 'etcd'] as const) this.expectEnd(daemon, name)?.kill('SIGKILL');
    await this.host(name).pullPlug();
  }

  /** Power, disk, Docker; not the daemons. */
  async boot(name: HostName): Promise<void> {
    const host = this.host(name);
    await host.boot({ docker: false });
    await mountState(host);
  }

  /** At once: in whatever order they come. */
  async #startServers(): Promise<void> {
    await Promise.all(this.serverHosts.map((name) => this.startDaemon('server', name)));
    await Promise.all(this.serverHosts.map((name) => this.#untilServes(name)));
  }

  #untilServes(name: HostName): Promise<void> {
    return untilThere(this.host(name), '/run/trama/server.sock', this.daemon('server', name) as Started);
  }

  async #join(): Promise<void> {
    const token = await this.host('h1').output([program, 'token', 'create', '--uses', `${hostNames.length}`]);
    const servers = this.serverHosts.map((name) => this.host(name).address).join(',');
    await Promise.all(
      hostNames.map(async (name) => {
        await this.startDaemon('agent', name, ['--join', `${token.trim()}@${servers}`]);
        await untilThere(this.host(name), '/run/docker/plugins/trama.sock', this.daemon('agent', name) as Started);
      }),
    );
    await eventually('all nodes ready', async () => {
      const nodes = JSON.parse(await this.host('h1').output([program, 'node', 'ls', '-o', 'json']));
      return nodes.length === hostNames.length && nodes.every((node: { status: string }) => node.status === 'ready');
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A paused one would keep its host from ending.
    for (const [daemon, host] of this.stations) this.expectEnd(daemon, host)?.kill('SIGKILL');
    await this.lab[Symbol.asyncDispose]();
  }
}

/** A file system in a file of the host's disk: it stays over a power cut, and the loop device goes with the host's mounts. */
async function mountState(host: LabHost): Promise<void> {
  const image = '/var/lib/trama.img';
  const script = `set -e
    if ! [ -e ${image} ]; then
      truncate -s ${stateMegabytes}M ${image}.new
      mkfs.ext4 -q -F ${image}.new
      mv ${image}.new ${image}
    fi
    mkdir -p -m 700 ${stateDirectory}
    mount -o loop ${image} ${stateDirectory}
    rm -rf ${stateDirectory}/lost+found`;
  await host.output(['sh', '-c', script]);
}
