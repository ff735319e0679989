/**
 * Lives of the cluster, as this host meets them (docs/adr/0011-store-epochs.md). A snapshot of a new life means that the store was
 * restored from a backup. Before anything of it is believed, the servers are told what this host has; then it is asked again, and
 * holds that as well.
 */
import type { EndpointRecord, NetworkRecord, WorkloadRecord } from '../domain/domain.ts';
import { Failure } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import { type Api, ask, nodeTopic, type Result, type TopicSnapshot, type TopicValue } from '../protocol/protocol.ts';
import type { Addresses } from './addresses.ts';
import type { Clone } from './clone.ts';
import type { ClusterView } from './cluster-view.ts';
import type { LocalState } from './local-state.ts';
import type { Wiring } from './wiring.ts';

export interface EpochsOptions {
  readonly node: string;
  readonly api: Api;
  /** The newest revision that this host has heard of. */
  heard(): number;
  readonly view: Pick<ClusterView, 'networks'>;
  /** Of this host, as they are now. */
  endpoints(): Iterable<EndpointRecord>;
  /** Of this node's own topic. */
  own(): Iterable<TopicValue>;
  readonly addresses: Pick<Addresses, 'held' | 'lose'>;
  /** The servers know what this host has: now its statuses, and what they refused before, mean something to them. */
  entered(): void;
  /** Other nodes have its address: it must not speak any more. */
  silence(endpoint: EndpointRecord): Promise<void>;
  report(message: string): void;
  readonly log: Log;
}

/** The agent's parts, joined to what is needed of them. */
export function epochsOf(parts: {
  readonly node: string;
  readonly api: Api;
  readonly clone: Clone;
  readonly view: ClusterView;
  readonly state: LocalState;
  readonly addresses: Addresses;
  readonly wiring: Wiring;
  entered(): void;
  report(message: string): void;
  readonly log: Log;
}): Epochs {
  const { clone, state, addresses, wiring } = parts;
  return new Epochs({
    ...parts,
    heard: () => clone.heard(),
    endpoints: () => [...state.endpoints.values()].map(({ record }) => record),
    own: () => clone.items(nodeTopic(parts.node)).values(),
    silence: async ({ kind, id, network, address }) => {
      // Without its gateway a host has no part in the network.
      if (kind === 'gateway') return wiring.detach(network);
      await wiring.removeEndpoint(id);
      addresses.releaseUnused(network, address);
    },
  });
}

/** A host with thousands of endpoints is one question. */
const claimDeadlineMs = 60_000;

export class Epochs {
  readonly #options: EpochsOptions;
  #entered = 0;
  #entering: { readonly epoch: number; readonly done: Promise<void> } | undefined;

  constructor(options: EpochsOptions) {
    this.#options = options;
  }

  /** As the servers give it, once they know what this host has. @throws Failure */
  async snapshot(topic: string): Promise<TopicSnapshot> {
    for (;;) {
      const snapshot = (await ask(this.#options.api, 'feed.snapshot', { topic })) as TopicSnapshot;
      const { epoch = 0 } = snapshot;
      // Of a life that has begun here, every revision heard is above its number.
      if (epoch <= Math.max(this.#entered, this.#options.heard())) return snapshot;
      await this.#enter(epoch);
    }
  }

  async #enter(epoch: number): Promise<void> {
    if (this.#entering?.epoch !== epoch) {
      const done = this.#claim(epoch).finally(() => {
        this.#entering = undefined;
      });
      this.#entering = { epoch, done };
    }
    await this.#entering.done;
  }

  async #claim(epoch: number): Promise<void> {
    const { node, api, addresses, log } = this.#options;
    const endpoints = [...this.#options.endpoints()];
    const workloads = this.#workloads();
    const params = { epoch, networks: this.#networks(endpoints, workloads), workloads, ...addresses.held(), endpoints };
    log.warn('the store was restored: telling the servers what this host has', { node, endpoints: endpoints.length });
    const refused = await ask(api, 'node.claim', params as never, { deadlineMs: claimDeadlineMs });
    this.#entered = epoch;
    addresses.lose(refused.blocks);
    for (const endpoint of endpoints.filter((each) => isRefused(refused, each))) await this.#silence(endpoint);
    this.#options.entered();
  }

  #workloads(): WorkloadRecord[] {
    const own = [...this.#options.own()].flatMap((value) => (value.kind === 'workload' ? [value.workload] : []));
    return own.filter(({ desired }) => desired !== 'removed');
  }

  /** Those in use here; what nobody uses is as the backup says. */
  #networks(endpoints: readonly EndpointRecord[], workloads: readonly WorkloadRecord[]): NetworkRecord[] {
    const { view } = this.#options;
    const ids = new Set(endpoints.map(({ network }) => network));
    const names = new Set(workloads.flatMap(({ spec }) => spec.networks.map(({ network }) => network)));
    return [...view.networks()].filter(({ id, name }) => ids.has(id) || names.has(name));
  }

  async #silence(endpoint: EndpointRecord): Promise<void> {
    const { silence, report, log } = this.#options;
    const whose = endpoint.kind === 'gateway' ? 'this node' : `container ${endpoint.container?.name ?? endpoint.id}`;
    report(
      `${whose} had ${endpoint.address}, which the cluster gave to another since: it is off the network, restart it`,
    );
    await silence(endpoint).catch((error: unknown) => log.error('an endpoint could not be silenced', { error }));
  }
}

/** A node's gateways have one id in all networks. An older server tells ids only. */
function isRefused({ endpoints, places }: Result<'node.claim'>, { id, network, address }: EndpointRecord): boolean {
  if (places === undefined) return endpoints.includes(id);
  return places.some((each) => each.network === network && each.address === address);
}

/** @throws Failure `conflict` for what an abandoned store says: this host has heard of later things. */
export function refuseOlder(snapshot: TopicSnapshot, known: number | undefined): void {
  if (known === undefined || snapshot.revision >= known) return;
  throw new Failure(
    'conflict',
    `a server stands over a store that is older (${snapshot.revision}) than what this host has heard of (${known}): stop that server, or restore the store with \`trama store restore\``,
  );
}
