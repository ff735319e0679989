/** A cluster within the process for tests of the server: a store, servers over it, and agents that only speak. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus, BusClient, FeedMessage, KeyPair, RequestHandler } from '../../src/bus/bus.ts';
import { createInProcessBus } from '../../src/bus/inprocess/inprocess.ts';
import { type EndpointRecord, encodeBase64Url, macOf, parseAddress, parseToken } from '../../src/domain/domain.ts';
import { type Log, type SteadyClock, silentLog, systemClock } from '../../src/platform/platform.ts';
import {
  type Api,
  ask,
  type MethodName,
  type Params,
  type ParsedParams,
  type Result,
} from '../../src/protocol/protocol.ts';
import { createServer } from '../../src/server/create-server.ts';
import type { HealthTimes, Server, ServerOptions } from '../../src/server/server.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

/** Real time, and as much more as a test adds. Sleeping is real. */
class SteppedClock implements SteadyClock {
  #ahead = 0;

  now(): number {
    return systemClock.now() + this.#ahead;
  }

  elapsed(): number {
    return systemClock.elapsed() + this.#ahead;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  step(ms: number): void {
    this.#ahead += ms;
  }
}

export const facts = (name: string, address: string) => ({
  name,
  address,
  interface: 'eth0',
  underlayMtu: 1500,
  routes: [] as string[],
  interfaces: [] as ParsedParams<'node.register'>['interfaces'],
  engine: 'Docker 20.10.24',
  version: '0.1.0',
});

/** Nodes of these tests send no heartbeats. A node is down a moment after 15 s have been added to the time. */
const health = { suspectMs: 14_900, downMs: 15_000, evictMs: 60_000, graceMs: 50 };

/** The port on 127.0.0.1 of an etcd that all clusters shall be kept in, whatever the test asks for. */
const etcdForTests = process.env.TRAMA_TEST_ETCD_PORT;

async function openTestEtcd(port: string): Promise<Store> {
  const { openEtcdStore } = await import('../../src/store/etcd/etcd-store.ts');
  const prefix = `${randomBytes(8).toString('hex')}/`;
  return openEtcdStore({ hosts: [{ host: '127.0.0.1', port: Number(port) }], prefix, clock: systemClock });
}

export const storeKinds = ['memory', 'sqlite'] as const;

export class Cluster implements AsyncDisposable {
  readonly bus: Bus = createInProcessBus();
  readonly keys: KeyPair = this.bus.generateKeys();
  readonly clock = new SteppedClock();
  readonly store: Store;
  readonly #resources: AsyncDisposableStack;
  /** Hosts that answer although their agents may be silent. */
  readonly answering = new Set<string>();
  /** Asked whether a host answers. */
  hostAnswers = async (address: string): Promise<boolean> => this.answering.has(address);
  /** Hosts that try to connect and do not hear the answers. */
  readonly knocking = new Set<string>();
  readonly #health: HealthTimes;
  #hosts = 0;

  private constructor(store: Store, resources: AsyncDisposableStack, times: Partial<HealthTimes>) {
    this.store = store;
    this.#resources = resources;
    this.#health = { ...health, ...times };
  }

  static async create(
    kind: (typeof storeKinds)[number] = 'memory',
    wrap = (store: Store) => store,
    times: Partial<HealthTimes> = {},
  ): Promise<Cluster> {
    const resources = new AsyncDisposableStack();
    if (etcdForTests !== undefined)
      return new Cluster(wrap(resources.use(await openTestEtcd(etcdForTests))), resources, times);
    if (kind === 'memory')
      return new Cluster(wrap(resources.use(createMemoryStore({ clock: systemClock }))), resources, times);
    const directory = await mkdtemp(join(tmpdir(), 'trama-server-'));
    resources.defer(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, 'store.db');
    return new Cluster(wrap(resources.use(await openSqliteStore({ path, clock: systemClock }))), resources, times);
  }

  /** One more server over the same store; ended with the cluster at the latest. */
  async server(
    store: Store = this.store,
    log: Log = silentLog,
    more: Pick<ServerOptions, 'metrics' | 'audit'> = {},
  ): Promise<Server> {
    this.#hosts += 1;
    const server = await createServer({
      store,
      bus: this.bus,
      keys: this.keys,
      clock: this.clock,
      random: { bytes: (count) => randomBytes(count) },
      log,
      listen: { address: `10.255.0.${this.#hosts}`, ports: { requests: 0, feed: 0 } },
      advertise: `10.255.0.${this.#hosts}`,
      version: '0.1.0',
      health: this.#health,
      hostAnswers: (address) => this.hostAnswers(address),
      isKnocking: async (address) => this.knocking.has(address),
      ...more,
    });
    this.#places.set(server, `10.255.0.${this.#hosts}`);
    this.#resources.use(server);
    // What it writes about itself is written before a test looks what is written.
    const id = `10.255.0.${this.#hosts}:${server.ports.requests}`;
    await until('the server is listed', async () => {
      const read = [store.get(`/trama/servers/${id}`), store.get('/trama/keeper')];
      return (await Promise.all(read)).every((entry) => entry !== undefined);
    });
    return server;
  }

  async connect(
    server: Server,
    keys: KeyPair,
    handler?: RequestHandler,
    onFeed?: (message: FeedMessage) => void,
  ): Promise<BusClient> {
    const client = await this.bus.connect({
      server: { host: this.#places.get(server) ?? '', ports: server.ports, key: server.publicKey },
      keys,
      ...(handler ? { handler } : {}),
      ...(onFeed ? { onFeed } : {}),
    });
    return this.#resources.use(client);
  }

  async token(server: Server, uses = 1, ttlMs = 3_600_000): Promise<KeyPair> {
    const { token } = await ask(server, 'token.create', { uses, ttlMs });
    return this.bus.keysFromSecret(encodeBase64Url(parseToken(token).secret));
  }

  /** A person with a key, connected. */
  async user(
    server: Server,
    name: string,
    role: string,
    more: { readonly networks?: string[]; readonly ttlMs?: number } = {},
  ): Promise<BusClient> {
    const keys = this.bus.keysFromSecret(encodeBase64Url(randomBytes(32)), 'user');
    await ask(server, 'user.create', { name, role, key: keys.publicKey, ...more });
    return this.connect(server, keys);
  }

  /** A host that has joined and speaks with its own key. */
  async node(server: Server, name: string, address: string, options: NodeOptions = {}): Promise<Node> {
    const keys = this.bus.generateKeys();
    const entry = await this.connect(server, await this.token(server));
    await ask(entry, 'node.join', { ...facts(name, address), ...options.facts, key: keys.publicKey });
    await entry[Symbol.asyncDispose]();
    return this.rejoin(server, name, address, keys, options);
  }

  /** The same host once more: after its own restart or a server's. */
  async rejoin(server: Server, name: string, address: string, keys: KeyPair, options: NodeOptions = {}): Promise<Node> {
    const feed: FeedMessage[] = [];
    const client = await this.connect(server, keys, options.handler, (message) => feed.push(message));
    const node = new Node(name, address, keys, client, feed);
    await node.ask('node.register', { ...facts(name, address), ...options.facts });
    return node;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  readonly #places = new Map<Server, string>();
}

export interface NodeOptions {
  readonly handler?: RequestHandler;
  readonly facts?: Partial<ReturnType<typeof facts>>;
}

export class Node {
  readonly name: string;
  readonly address: string;
  readonly keys: KeyPair;
  readonly client: BusClient;
  /** What it heard, oldest first. */
  readonly feed: FeedMessage[];

  constructor(name: string, address: string, keys: KeyPair, client: BusClient, feed: FeedMessage[]) {
    this.name = name;
    this.address = address;
    this.keys = keys;
    this.client = client;
    this.feed = feed;
  }

  ask<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    return ask(this.client, method, params);
  }

  endpoint(network: { id: string; vni: number }, address: string, id = `endpoint-${address}`): EndpointRecord {
    const mac = macOf(network.vni, parseAddress(address));
    return {
      id,
      network: network.id,
      node: this.name,
      kind: 'container',
      address,
      mac,
      container: { id: `c-${id}`, name: `on-${address}` },
    };
  }
}

export const spec = (networks: string[] = [], more: Partial<Params<'workload.run'>['spec']> = {}) => ({
  image: 'busybox',
  command: [],
  env: [],
  networks: networks.map((network) => ({ network, aliases: [] as string[] })),
  ports: [],
  restart: 'no' as const,
  tty: false,
  stdin: false,
  labels: {},
  ...more,
});

/** The sentence that a call fails with, after its code: `conflict: there is …`. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`;
  }
  throw new Error('it was not refused');
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 5000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await systemClock.sleep(5);
  }
}

/** An agent's side of one topic, by the rules of `protocol/feed.ts`. */
export class Mirror {
  readonly topic: string;
  readonly items = new Map<string, unknown>();
  revision = -1;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** @returns false on a gap. */
  apply(message: FeedMessage): boolean {
    if (message.topic !== this.topic || message.revision <= this.revision) return true;
    if (message.previous > this.revision) return false;
    for (const { key, value } of JSON.parse(message.data) as { key: string; value: unknown }[]) {
      if (value === null) this.items.delete(key);
      else this.items.set(key, value);
    }
    this.revision = message.revision;
    return true;
  }

  async snapshot(api: Api): Promise<void> {
    const { revision, items } = await ask(api, 'feed.snapshot', { topic: this.topic });
    this.items.clear();
    for (const { key, value } of items) this.items.set(key, value);
    this.revision = revision;
  }
}

/** A store in which something else happens just before a transaction: what only a race would bring about, every time. */
export class Interrupted {
  readonly store: Store;
  #before: { readonly writes: RegExp; readonly work: () => Promise<unknown> } | undefined;

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, property) => {
        const value = Reflect.get(target, property);
        if (property === 'transact') return (...args: Parameters<Store['transact']>) => this.#transact(target, ...args);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** Before the next transaction that puts or deletes such a key, once. */
  before(writes: RegExp, work: () => Promise<unknown>): void {
    this.#before = { writes, work };
  }

  get happened(): boolean {
    return this.#before === undefined;
  }

  async #transact(target: Store, ...[conditions, writes]: Parameters<Store['transact']>) {
    const before = this.#before;
    if (before !== undefined && writes.some((write) => 'key' in write && before.writes.test(write.key))) {
      this.#before = undefined;
      await before.work();
    }
    return target.transact(conditions, writes);
  }
}
