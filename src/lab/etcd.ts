/** An etcd with a member on each of several simulated hosts. What each has written stays on its host's disk. */
import { Failure } from '../domain/domain.ts';
import type { Finished } from '../platform/platform.ts';
import { systemClock } from '../platform/platform.ts';
import { unlessAborted } from './aborted.ts';
import type { Argv, Started } from './host-processes.ts';
import type { SimulatedHost } from './simulated-host.ts';

const patienceMs = 30_000;
const pollMs = 100;
const clientPort = 2379;
const peerPort = 2380;
const dataDirectory = '/var/lib/etcd-of-lab';

interface Member {
  readonly name: string;
  readonly address: string;
}

/** As `--store` takes it. */
export const etcdUrl = (members: readonly Member[]): string =>
  `etcd://${members.map(({ address }) => address).join(',')}`;

/** What starts one of these members. */
export function memberArgv(member: Member, members: readonly Member[]): Argv {
  const url = ({ address }: Member, port: number) => `http://${address}:${port}`;
  const [client, peer] = [url(member, clientPort), url(member, peerPort)];
  return [
    ...(['etcd', '--name', member.name, '--data-dir', dataDirectory, '--log-level', 'error'] as const),
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', members.map((each) => `${each.name}=${url(each, peerPort)}`).join(',')],
    ...['--auto-compaction-mode', 'revision', '--auto-compaction-retention', '10000'],
  ];
}

/** What asks this member, on its host. */
export const etcdctlArgv = (member: Member, ...args: string[]): Argv => [
  ...(['env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', `http://${member.address}:${clientPort}`] as const),
  ...['--command-timeout=2s', ...args],
];

/** A read that takes a leader. */
export const leaderArgv = ['get', 'x'] as const;

export class LabEtcd {
  readonly #hosts: readonly SimulatedHost[];
  /** By host. What runs now, or ran last. */
  readonly members = new Map<string, Started>();

  private constructor(hosts: readonly SimulatedHost[]) {
    this.#hosts = hosts;
  }

  /** Resolves when it answers. @throws Failure with what it said last */
  static async start(hosts: readonly SimulatedHost[]): Promise<LabEtcd> {
    const etcd = new LabEtcd(hosts);
    await Promise.all(hosts.map(({ name }) => etcd.startMember(name)));
    await etcd.ready();
    return etcd;
  }

  /** As `--store` takes it. */
  get url(): string {
    return etcdUrl(this.#hosts);
  }

  /** With the data that it has; the host must be on. */
  async startMember(name: string): Promise<void> {
    const host = this.#host(name);
    this.members.set(name, await host.start(memberArgv(host, this.#hosts), { name: 'etcd' }));
  }

  /** Resolves when it has ended. */
  async killMember(name: string): Promise<void> {
    const member = this.members.get(name);
    member?.kill('SIGKILL');
    await member?.ended;
  }

  /** Resolves when one of the members that run answers a read, which takes a leader. */
  async ready(): Promise<void> {
    let said = '';
    for (const end = Date.now() + patienceMs; Date.now() < end; await systemClock.sleep(pollMs)) {
      for (const { name } of this.#hosts) {
        const answer = await this.etcdctl(name, ...leaderArgv).catch((error: Error) => {
          unlessAborted(error);
          return error.message;
        });
        if (typeof answer !== 'string' && answer.code === 0) return;
        said = typeof answer === 'string' ? answer : answer.stderr;
      }
    }
    throw new Failure('deadline', `etcd has no leader after ${patienceMs / 1000} s: ${said.trim()}`);
  }

  /** Asks the member on that host, from there. */
  etcdctl(name: string, ...args: string[]): Promise<Finished> {
    const host = this.#host(name);
    return host.run(etcdctlArgv(host, ...args));
  }

  #host(name: string): SimulatedHost {
    const found = this.#hosts.find((host) => host.name === name);
    if (found === undefined) throw new Failure('not-found', `There is no member of etcd on host ${name}.`);
    return found;
  }
}
