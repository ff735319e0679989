/** A cluster of one process for tests of the command line: an Api that keeps what it was told, and can be told to fail. */
import { Failure } from '../../../domain/errors.ts';
import type { Api, ByteStream, OpenOptions } from '../../../protocol/api.ts';
import { methods } from '../../../protocol/methods.ts';
import { streams } from '../../../protocol/stream-methods.ts';
import { streamPair } from '../../../protocol/streams.ts';
import type { ContainerView, NetworkView, NodeView } from '../../../protocol/views.ts';

export const now = 1_700_000_000_000;

const h1: NodeView = {
  name: 'h1',
  address: '10.0.0.1',
  interface: 'eth0',
  underlayMtu: 1500,
  key: 'k'.repeat(40),
  status: 'ready',
  reason: '',
  cpu: 0.123,
  memory: { used: 512 * 1024 * 1024, total: 8 * 1024 ** 3 },
  engine: 'docker 20.10.24',
  version: '0.1.0',
  skew: '',
  containers: 2,
  joinedAt: now - 3 * 86_400_000,
  lastSeen: now - 2000,
  events: [{ time: now - 60_000, kind: 'repair', message: 'put back a forwarding entry of app' }],
};

const h2: NodeView = {
  ...h1,
  name: 'h2',
  address: '10.0.0.2',
  status: 'down',
  cpu: null,
  memory: null,
  lastSeen: null,
  events: [],
};

export const app: NetworkView = {
  id: 'a1b2c3d4e5f6',
  name: 'app',
  driver: 'overlay',
  subnet: '10.42.0.0/16',
  vni: 10_001,
  mtu: 1450,
  discovery: 'registry',
  port: 4789,
  internal: false,
  options: {},
  createdAt: now,
  nodes: [{ node: 'h1', gateway: '10.42.0.2', blocks: ['10.42.0.0/24'] }],
  containers: [{ name: 'web', node: 'h1', address: '10.42.0.3', mac: '02:42:0a:2a:00:03' }],
};

export const web: ContainerView = {
  name: 'web',
  id: '0123456789ab',
  node: 'h1',
  image: 'nginx:1.27',
  command: [],
  managed: true,
  status: 'running',
  message: '',
  exitCode: null,
  containerId: 'f'.repeat(64),
  createdAt: now - 400_000,
  startedAt: now - 300_000,
  restart: 'no',
  ports: ['8080:80/tcp'],
  networks: [{ network: 'app', address: '10.42.0.3', mac: '02:42:0a:2a:00:03' }],
};

export type Answer = (params: never) => unknown;

/** Checks every request against the protocol's schemas, as a daemon does. */
export class FakeCluster implements Api {
  readonly asked: { readonly method: string; readonly params: unknown }[] = [];
  /** Far ends of the streams that were opened. */
  readonly opened: {
    readonly method: string;
    readonly params: unknown;
    readonly options: OpenOptions | undefined;
    readonly stream: ByteStream;
  }[] = [];
  readonly #answers = new Map<string, Answer>();
  #onOpen: (stream: ByteStream, params: unknown) => void = () => {};

  on(method: string, answer: Answer): this {
    this.#answers.set(method, answer);
    return this;
  }

  /** What it answers now, for a test that answers a little otherwise. */
  answer(method: string): Answer {
    return this.#answers.get(method) ?? (() => ({}));
  }

  onOpen(serve: (stream: ByteStream, params: unknown) => void): this {
    this.#onOpen = serve;
    return this;
  }

  async call(method: string, params: unknown): Promise<unknown> {
    const contract = methods[method as keyof typeof methods];
    const parsed = contract.params.parse(params);
    this.asked.push({ method, params: parsed });
    const answer = this.#answers.get(method);
    if (answer === undefined) throw new Failure('internal', `nobody expected ${method}`);
    return contract.result.parse(await answer(parsed as never));
  }

  async open(method: string, params: unknown, options?: OpenOptions): Promise<ByteStream> {
    const parsed = streams[method as keyof typeof streams].parse(params);
    const [near, far] = streamPair();
    this.opened.push({ method, params: parsed, options, stream: far });
    this.#onOpen(far, parsed);
    return near;
  }

  methodsAsked(): string[] {
    return this.asked.map(({ method }) => method);
  }
}

/** The usual cluster: two nodes, a network, a container. */
export function fakeCluster(containers: readonly ContainerView[] = [web]): FakeCluster {
  const find = <T extends { name: string }>(all: readonly T[], name: string, what: string): T => {
    const found = all.find((one) => one.name === name);
    if (found === undefined) throw new Failure('not-found', `there is no ${what} ${name}: see \`trama ps -a\``);
    return found;
  };
  return new FakeCluster()
    .on('node.list', () => [h1, h2])
    .on('node.inspect', ({ name }: { name: string }) => find([h1, h2], name, 'node'))
    .on('node.drain', () => ({}))
    .on('node.remove', () => ({}))
    .on('network.list', () => [app])
    .on('network.inspect', ({ name }: { name: string }) => find([app], name, 'network'))
    .on('network.remove', ({ name }: { name: string }) => find([app], name, 'network') && {})
    .on('workload.list', () => containers)
    .on('workload.inspect', ({ name }: { name: string }) => find(containers, name, 'container'));
}
