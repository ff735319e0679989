/** A real etcd on 127.0.0.1: members as processes with data of their own in the temporary directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output, spawn as run } from '../../src/platform/platform.ts';
import type { MemberAddress } from '../../src/store/etcd/grpc.ts';

export interface EtcdOptions {
  readonly members?: number;
  /** Further arguments of each member. */
  readonly args?: readonly string[];
  /** PEM files: then clients have to speak TLS, with a certificate of this authority. */
  readonly tls?: { readonly ca: string; readonly certificate: string; readonly key: string };
}

interface Member {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  process?: ChildProcess;
}

const marker = 'trama-etcd-';

export class EtcdCluster implements AsyncDisposable {
  readonly directory: string;
  readonly #members: readonly Member[];
  readonly #options: EtcdOptions;

  private constructor(directory: string, members: readonly Member[], options: EtcdOptions) {
    this.directory = directory;
    this.#members = members;
    this.#options = options;
  }

  /** Resolves when it has a leader. */
  static async start(options: EtcdOptions = {}): Promise<EtcdCluster> {
    await removeLeftBehind();
    const directory = await mkdtemp(join(tmpdir(), `${marker}${process.pid}-`));
    const ports = await freePorts(2 * (options.members ?? 1));
    const members = Array.from({ length: options.members ?? 1 }, (_, index) => ({
      name: `m${index}`,
      client: ports[2 * index] ?? 0,
      peer: ports[2 * index + 1] ?? 0,
    }));
    const cluster = new EtcdCluster(directory, members, options);
    try {
      for (const { name } of members) cluster.run(name);
      await cluster.ready();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get names(): readonly string[] {
    return this.#members.map(({ name }) => name);
  }

  get hosts(): readonly MemberAddress[] {
    return this.#members.map(({ client }) => ({ host: '127.0.0.1', port: client }));
  }

  /** As `--store` takes it. */
  get url(): string {
    return `etcd://${this.hosts.map(({ host, port }) => `${host}:${port}`).join(',')}`;
  }

  address(name: string): MemberAddress {
    return { host: '127.0.0.1', port: this.#member(name).client };
  }

  /** Starts a member, with the data that it has. */
  run(name: string): void {
    const member = this.#member(name);
    const { tls, args = [] } = this.#options;
    const client = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${member.client}`;
    const peer = (port: number) => `http://127.0.0.1:${port}`;
    const words = [
      ...['--name', name, '--data-dir', join(this.directory, name), '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer(member.peer), '--initial-advertise-peer-urls', peer(member.peer)],
      ...['--initial-cluster', this.#members.map((each) => `${each.name}=${peer(each.peer)}`).join(',')],
      ...(tls === undefined
        ? []
        : ['--client-cert-auth', '--trusted-ca-file', tls.ca, '--cert-file', tls.certificate, '--key-file', tls.key]),
      ...args,
    ];
    // It ends with us, however we end.
    const [program, ...rest] = ['setpriv', '--pdeathsig', 'KILL', 'etcd', ...words] as const;
    member.process = spawn(program, rest, {
      stdio: ['ignore', 'ignore', process.env.ETCD_LOG === undefined ? 'ignore' : 'inherit'],
      env: { PATH: process.env.PATH, HOME: this.directory },
    });
    member.process.on('error', () => {});
  }

  /** Resolves when it has ended. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { process: child } = this.#member(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** Resolves when all of its threads stand still: until then it may answer. */
  async pause(name: string): Promise<void> {
    const { process } = this.#member(name);
    process?.kill('SIGSTOP');
    for (;;) {
      const tasks = await readdir(`/proc/${process?.pid}/task`);
      const states = tasks.map((task) => readFile(`/proc/${process?.pid}/task/${task}/stat`, 'utf8'));
      if ((await Promise.all(states)).every((stat) => stat.slice(stat.lastIndexOf(')')).startsWith(') T'))) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  resume(name: string): void {
    this.#member(name).process?.kill('SIGCONT');
  }

  /** Of the members that answer. */
  async leader(): Promise<string> {
    for (const { name } of this.#members) {
      const line = await this.etcdctl(['endpoint', 'status', '-w', 'json'], name).catch(() => '');
      if (line === '') continue;
      const [{ Status: status }] = JSON.parse(line) as [{ Status: { leader: number; header: { member_id: number } } }];
      if (status.leader === status.header.member_id) return name;
    }
    throw new Error('no member says that it leads');
  }

  /** Resolves when every member answers a read. */
  async ready(): Promise<void> {
    for (const { name } of this.#members) {
      const end = Date.now() + 20_000;
      for (;;) {
        try {
          await this.etcdctl(['get', 'x'], name);
          break;
        } catch (error) {
          if (Date.now() > end || this.#member(name).process?.exitCode != null) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    }
  }

  /** @throws CommandFailed */
  async etcdctl(args: readonly string[], name = this.names[0] ?? ''): Promise<string> {
    const { tls } = this.#options;
    const { port } = this.address(name);
    const endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    const how = tls === undefined ? [] : ['--cacert', tls.ca, '--cert', tls.certificate, '--key', tls.key];
    return output(run, {
      argv: ['etcdctl', '--endpoints', endpoint, '--command-timeout=5s', ...how, ...args],
      env: { ETCDCTL_API: '3' },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
    await rm(this.directory, { recursive: true, force: true });
  }

  #member(name: string): Member {
    const member = this.#members.find((each) => each.name === name);
    if (member === undefined) throw new Error(`there is no member ${name}`);
    return member;
  }
}

/** Ports that nobody has now; bound together, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/** Data of runs that were killed: their members ended with them. */
async function removeLeftBehind(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(marker) ? Number(name.slice(marker.length).split('-')[0]) : 0;
    if (pid > 0 && !isRunning(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
