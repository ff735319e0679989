/**
 * A member of the cluster without a host: the real agent's membership, connections and clone, over the real bus, with a key of its own. It
 * has no kernel and no containers, and keeps of what it hears only what the bench asks for: of a thousand hosts, one machine could not
 * keep all.
 */
import { Clone } from '../../src/agent/clone.ts';
import { ClusterView } from '../../src/agent/cluster-view.ts';
import { joinCluster } from '../../src/agent/joining.ts';
import { Membership } from '../../src/agent/membership.ts';
import type { Bus } from '../../src/bus/bus.ts';
import {
  assignableAddresses,
  type EndpointRecord,
  Failure,
  isFailure,
  macOf,
  parseAddress,
  parseJoin,
  parseSubnet,
} from '../../src/domain/domain.ts';
import { type Log, systemClock } from '../../src/platform/platform.ts';
import { ask, clusterTopic, networkTopic, nodeTopic, type TopicSnapshot } from '../../src/protocol/protocol.ts';
import { endpointsIn, hostOf, nameOf, networksOf } from './layout.ts';
import type { Crew } from './orders.ts';

type Network = Crew['networks'][number];
export type Endpoint = EndpointRecord;

/** In one network. */
interface Attachment {
  readonly network: Network;
  readonly endpoints: readonly Endpoint[];
  /** Of its block, held by nobody. */
  readonly spare: string[];
}

export interface MemberOptions {
  readonly number: number;
  readonly crew: Crew;
  readonly bus: Bus;
  readonly log: Log;
  readFile(path: string): Promise<string>;
  /** `+ADDRESS` or `-ADDRESS`: it has heard so. */
  onHeard(change: string): void;
  count(what: string): void;
  trouble(what: string): void;
}

const engine = 'Docker 20.10.24';
const device = 'eth0';
const mtu = 1500;
/** Whose coming and going is measured; all others are there from the beginning. */
const measured = 'measured-';
const snapshotMs = 120_000;

export class Member {
  readonly name: string;
  readonly #options: MemberOptions;
  readonly #membership: Membership;
  readonly #clone: Clone;
  readonly #attachments: Attachment[] = [];
  #comings = 0;

  private constructor(options: MemberOptions, identity: Awaited<ReturnType<typeof joinCluster>>) {
    const { number, crew, bus, log, readFile, count } = options;
    this.name = nameOf(number);
    this.#options = options;
    const view = new ClusterView();
    this.#clone = new Clone({
      snapshot: async (topic) => {
        const asked = ask(this.#membership, 'feed.snapshot', { topic }, { deadlineMs: snapshotMs });
        return leaner((await asked) as TopicSnapshot);
      },
      missed: async (topic, since) => (await ask(this.#membership, 'feed.missed', { topic, since })).deltas,
      subscribe: (topic) => this.#membership.link?.subscribe(topic),
      unsubscribe: (topic) => this.#membership.link?.unsubscribe(topic),
      onChanges: (topic, changes) => {
        if (topic === clusterTopic) view.apply(changes.filter(({ key }) => key.startsWith('server/')));
        else if (topic !== nodeTopic(this.name))
          // A snapshot may know more than it claims: what is told of that after it changes nothing.
          for (const { key, value, previous } of changes)
            if (key.startsWith('endpoint/') && (value === undefined) !== (previous === undefined))
              options.onHeard(`${value === undefined ? '-' : '+'}${key.slice('endpoint/'.length)}`);
      },
      count,
      log,
      clock: systemClock,
    });
    this.#membership = new Membership({
      agent: {
        ...{ bus, log, readFile, clock: systemClock, version: '0.1.0', directory: `${crew.directory}/${this.name}` },
        runtime: { status: async () => ({ available: true, message: engine }) },
      },
      identity,
      clone: this.#clone,
      view,
      handler: { call: refused, open: refused },
      underlay: () => ({ address: hostOf(number), interface: device, mtu, reason: '', routes: [], interfaces: [] }),
      onRegistered: () => {},
      onEvicted: async () => options.trouble(`${this.name} was evicted`),
    });
  }

  /** A member when it resolves, and connected soon. */
  static async join(options: MemberOptions): Promise<Member> {
    const { number, crew, bus, log } = options;
    const { servers, token } = parseJoin(crew.join, 4701);
    // Each begins with another server.
    const from = number % servers.length;
    const target = { token, servers: [...servers.slice(from), ...servers.slice(0, from)] };
    const facts = { name: nameOf(number), address: hostOf(number), interface: device, underlayMtu: mtu, routes: [] };
    const registration = { ...facts, engine, version: '0.1.0' };
    const keys = bus.generateKeys();
    const identity = await patiently(() => joinCluster(bus, keys, target, registration, { log, now: Date.now() }));
    const member = new Member(options, identity);
    const never = new AbortController().signal;
    member.#clone.follow(nodeTopic(member.name));
    await member.#membership.connect();
    void member.#membership.sendHeartbeats(never);
    void member.#membership.sendMetrics(never);
    return member;
  }

  /** Leases a block of each of its networks, and tells of its endpoints there. @returns how many */
  async populate(): Promise<number> {
    const { number, crew } = this.#options;
    const networks = networksOf(number, crew.layout).flatMap((each) => crew.networks[each] ?? []);
    for (const [at, network] of networks.entries()) {
      const { cidr } = await patiently(() => ask(this.#membership, 'block.lease', { network: network.id }));
      const addresses = assignableAddresses(parseSubnet(network.subnet), cidr);
      const wanted = endpointsIn(at, networks.length);
      const endpoints = addresses.slice(0, wanted).map((address, index) => this.#endpoint(network, address, index));
      const params = { network: network.id, endpoints };
      const { refused } = await patiently(() => ask(this.#membership, 'endpoint.sync', params));
      if (refused.length > 0) throw new Failure('conflict', `${refused.length} endpoints of ${this.name} were refused`);
      this.#attachments.push({ network, endpoints, spare: addresses.slice(wanted) });
    }
    return this.#attachments.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
  }

  /** Resolves when servers have told of all that it follows. */
  async follow(): Promise<void> {
    const topics = [clusterTopic, ...this.#attachments.map(({ network }) => networkTopic(network.id))];
    for (const topic of topics) {
      this.#clone.follow(topic);
      await this.#clone.untilFresh(topic, snapshotMs);
    }
  }

  get hasNext(): boolean {
    return this.#attachments.some(({ spare }) => spare.length > 0);
  }

  /** An endpoint that is not there yet; undefined when all addresses have been used. */
  next(): Endpoint | undefined {
    const [attachment] = this.#attachments
      .filter(({ spare }) => spare.length > 0)
      .sort((a, b) => b.spare.length - a.spare.length);
    const address = attachment?.spare.shift();
    if (attachment === undefined || address === undefined) return undefined;
    this.#comings += 1;
    return this.#container(attachment.network, address, `${measured}${this.#comings}-${this.name}`);
  }

  async come(endpoint: Endpoint): Promise<void> {
    await ask(this.#membership, 'endpoint.put', { endpoint }, { deadlineMs: 10_000 });
  }

  async go({ network, address, id }: Endpoint): Promise<void> {
    await ask(this.#membership, 'endpoint.delete', { network, address, id }, { deadlineMs: 10_000 });
  }

  #endpoint(network: Network, address: string, index: number): Endpoint {
    if (index > 0) return this.#container(network, address, `${index}-${network.id}-${this.name}`);
    const mac = macOf(network.vni, parseAddress(address));
    return { id: `gateway-${this.name}`, network: network.id, node: this.name, kind: 'gateway', address, mac };
  }

  /** As long as Docker's. */
  #container(network: Network, address: string, id: string): Endpoint {
    return {
      id: id.padEnd(64, 'e'),
      network: network.id,
      node: this.name,
      kind: 'container',
      address,
      mac: macOf(network.vni, parseAddress(address)),
      container: { id: id.padEnd(64, 'c'), name: `web-${address}`, image: 'registry.example/web:1.2' },
    };
  }
}

/** What a member keeps of a snapshot. */
function leaner(snapshot: TopicSnapshot): TopicSnapshot {
  const items = snapshot.items.filter(({ value }) => {
    if (value.kind === 'endpoint') return value.endpoint.id.startsWith(measured);
    return value.kind === 'server' || (value.kind === 'block' && snapshot.topic.startsWith(nodeTopic('')));
  });
  return { ...snapshot, items };
}

/** A cluster that is being made is busy: whoever comes tries again, as people and agents do. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === patience || !passing.some((code) => isFailure(error, code))) throw error;
      await systemClock.sleep(1000);
    }
  }
}

const patience = 20;
const passing = ['deadline', 'unavailable', 'overloaded'] as const;

const refused = (method: string): Promise<never> =>
  Promise.reject(new Failure('not-found', `a simulated agent does not answer ${method}`));
