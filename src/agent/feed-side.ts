/** What the servers say, and whom it concerns. */
import { type NetworkRecord, whyTooNew } from '../domain/domain.ts';
import { clusterTopic, networkTopic, nodeTopic, type TopicValue } from '../protocol/protocol.ts';
import type { Addresses } from './addresses.ts';
import type { Background } from './background.ts';
import type { Clone } from './clone.ts';
import type { ClusterView } from './cluster-view.ts';
import type { KeptAddresses } from './kept-addresses.ts';
import type { KernelSide } from './kernel-side.ts';
import type { Change } from './mirror.ts';
import type { NameSide } from './name-side.ts';
import type { TopicMemory } from './topic-memory.ts';
import type { Wiring } from './wiring.ts';
import type { Workloads } from './workloads.ts';

export interface FeedSideOptions {
  readonly node: string;
  readonly clone: Pick<Clone, 'unfollow' | 'items'>;
  readonly topics: TopicMemory;
  readonly view: ClusterView;
  readonly kernel: KernelSide;
  readonly names: NameSide;
  readonly addresses: Addresses;
  readonly kept: KeptAddresses;
  readonly wiring: () => Wiring;
  readonly workloads: () => Workloads;
  /** Docker's networks are to be the cluster's again. */
  syncDockerNetworks(): void;
  leaving(): boolean;
  /** Tells a person. */
  report(trouble: string): void;
  readonly background: Background;
}

export class FeedSide {
  readonly #options: FeedSideOptions;
  readonly #ownTopic: string;

  constructor(options: FeedSideOptions) {
    this.#options = options;
    this.#ownTopic = nodeTopic(options.node);
  }

  /** @param fresh a server has said it; otherwise it is what this host's disk remembers. */
  onChanges(topic: string, changes: readonly Change[], fresh: boolean): void {
    const { topics, kernel } = this.#options;
    if (topic === clusterTopic) this.#onCluster(changes, fresh);
    else if (topic === this.#ownTopic) this.#onOwnNode(changes, fresh);
    else this.#onNetwork(topic, changes, fresh);
    if (fresh && (topic === clusterTopic || topic === this.#ownTopic)) topics.changed(topic);
    if (fresh) kernel.told();
    else kernel.settleSoon();
  }

  /** Nothing more of a network is to be heard. */
  unfollow(topic: string): void {
    const { clone, names, topics, background } = this.#options;
    clone.unfollow(topic);
    names.zone.left(networkOf(topic));
    background('a topic was not forgotten', topics.forget(topic));
  }

  #onNetwork(topic: string, changes: readonly Change[], fresh: boolean): void {
    const { wiring, names, topics } = this.#options;
    wiring().applyRemote(networkOf(topic), changes);
    names.zone.remote(networkOf(topic), changes);
    if (fresh) topics.changedLarge(topic);
  }

  #onCluster(changes: readonly Change[], fresh: boolean): void {
    const { view, names, background, syncDockerNetworks } = this.#options;
    view.apply(changes);
    names.zone.outdated();
    for (const { key, value, previous } of changes) {
      if (value?.kind === 'network') this.#onNetworkRecord(value.network);
      else if (previous?.kind === 'network')
        background('a removed network is not forgotten yet', this.#networkGone(previous.network));
      else if (key.startsWith('node/') && placeOf(value) !== placeOf(previous)) this.#onNode(key.slice('node/'.length));
    }
    if (fresh) syncDockerNetworks();
  }

  #onNetworkRecord(network: NetworkRecord): void {
    const why = whyTooNew(network);
    if (why !== undefined) this.#options.report(why);
    this.#options.wiring().applyNetwork(network);
  }

  /** It is somewhere else, or nowhere: its endpoints are, too. */
  #onNode(node: string): void {
    const { wiring, names, clone } = this.#options;
    wiring().applyNode(node);
    for (const { id } of wiring().attached()) {
      const its = [...clone.items(networkTopic(id)).values()].filter(isOf(node));
      names.zone.remote(
        id,
        its.map((value) => ({ key: '', value, previous: value })),
      );
    }
  }

  async #networkGone(network: NetworkRecord): Promise<void> {
    const { wiring, kept, addresses, kernel } = this.#options;
    await wiring().detach(network.id);
    await kept.forget(network.id);
    await addresses.forget(network);
    kernel.settleSoon();
  }

  #onOwnNode(changes: readonly Change[], fresh: boolean): void {
    const { addresses, leaving, workloads, background } = this.#options;
    addresses.apply(changes, fresh);
    if (leaving()) return;
    for (const { value, previous } of changes) {
      if (value?.kind === 'workload') workloads().set(value.workload);
      else if (previous?.kind === 'workload') workloads().unset(previous.workload.name);
    }
    const gone = changes.some((change) => change.value === undefined && change.previous?.kind === 'workload');
    if (fresh && (gone || changes.length === 0)) background('not swept yet', workloads().sweep());
  }
}

const networkOf = (topic: string): string => topic.slice('network/'.length);

const isOf = (node: string) => (value: TopicValue) => value.kind === 'endpoint' && value.endpoint.node === node;

const placeOf = (value: TopicValue | undefined): string | undefined =>
  value?.kind === 'node' && !value.node.fenced ? value.node.address : undefined;
