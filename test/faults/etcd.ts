/** The members of etcd on the first hosts, and a reader of what they hold that is none of Trama's. */
import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type LabHost } from '../../src/lab/lab.ts';
import { output, spawn } from '../../src/platform/platform.ts';
import type { HostName } from './actions.ts';
import type { Scene } from './scene.ts';

const dataDirectory = '/var/lib/etcd-of-lab';
const clientPort = 2379;
const peerPort = 2380;

export class Etcd {
  readonly hosts: readonly HostName[];
  readonly #scene: Scene;
  /** Members whose data are lost: the others have to forget them before they can come back. */
  readonly #lost = new Set<HostName>();

  constructor(scene: Scene, hosts: readonly HostName[]) {
    this.#scene = scene;
    this.hosts = hosts;
  }

  /** As `--store` takes it. */
  get url(): string {
    return `etcd://${this.hosts.map((name) => this.#host(name).address).join(',')}`;
  }

  async start(): Promise<void> {
    await Promise.all(this.hosts.map((name) => this.#run(name, 'new')));
    await this.untilServing();
  }

  untilServing(): Promise<void> {
    return eventually('etcd has a leader', async () => (await this.ctl(['get', 'x'])) !== undefined);
  }

  async startMember(name: HostName): Promise<void> {
    if (!this.#lost.has(name)) return this.#run(name, 'existing');
    const peer = `http://${this.#host(name).address}:${peerPort}`;
    const members = await this.ctl(['member', 'list', '-w', 'simple']);
    const line = members.split('\n').find((each) => each.includes(peer));
    if (line !== undefined) await this.ctl(['member', 'remove', (line.split(',')[0] ?? '').trim()]);
    await this.ctl(['member', 'add', name, `--peer-urls=${peer}`]);
    this.#lost.delete(name);
    await this.#run(name, 'existing');
  }

  /** Its process must have ended. */
  async loseData(name: HostName): Promise<void> {
    this.#lost.add(name);
    await this.#host(name).output(['rm', '-rf', dataDirectory]);
  }

  get someLost(): boolean {
    return this.#lost.size > 0;
  }

  /** Of any member that answers. @throws CommandFailed */
  ctl(args: readonly string[]): Promise<string> {
    return output(spawn, { argv: this.#argv(args), env, timeoutMs: 15_000 });
  }

  /** Goes on until it is killed, and ends with this process. */
  watch(args: readonly string[]): ChildProcess {
    const [file, ...rest] = ['setpriv', '--pdeathsig', 'KILL', ...this.#argv(args)] as [string, ...string[]];
    return nodeSpawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  }

  /** Seen from a host of the lab that nothing is done to. */
  #argv(args: readonly string[]): [string, ...string[]] {
    const endpoints = this.hosts.map((name) => `http://${this.#host(name).address}:${clientPort}`).join(',');
    const inside = ['nsenter', `--net=/run/netns/tl${this.#scene.lab.session}-observer`] as const;
    return [...inside, 'etcdctl', '--endpoints', endpoints, '--command-timeout=5s', ...args];
  }

  async #run(name: HostName, state: 'new' | 'existing'): Promise<void> {
    const host = this.#host(name);
    const url = (port: number, { address }: LabHost = host) => `http://${address}:${port}`;
    const member = await host.start(
      [
        ...(['etcd', '--name', name, '--data-dir', dataDirectory, '--log-level', 'error'] as const),
        ...['--listen-client-urls', url(clientPort), '--advertise-client-urls', url(clientPort)],
        ...['--listen-peer-urls', url(peerPort), '--initial-advertise-peer-urls', url(peerPort)],
        '--initial-cluster',
        this.hosts.map((each) => `${each}=${url(peerPort, this.#host(each))}`).join(','),
        ...['--initial-cluster-state', state],
        ...['--auto-compaction-mode', 'revision', '--auto-compaction-retention', '10000'],
      ],
      { name: 'etcd' },
    );
    this.#scene.track('etcd', name, member);
    await delay(0);
  }

  #host(name: HostName): LabHost {
    return this.#scene.host(name);
  }
}

const env = { ETCDCTL_API: '3' };
