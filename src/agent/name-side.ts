/** Names, as far as this node answers them: its zone, its name server, and the way to that from each container. */
import type { NameServer, NameServerOptions } from '../dns/dns.ts';
import { isNamespace } from '../platform/platform.ts';
import type { TopicSnapshot } from '../protocol/protocol.ts';
import type { AgentOptions } from './agent.ts';
import type { ClusterView } from './cluster-view.ts';
import { HostResolvers } from './host-resolvers.ts';
import type { LocalEndpoint } from './local-state.ts';
import { Names } from './names.ts';
import { Questions, type QuestionsOptions } from './questions.ts';
import type { Wiring } from './wiring.ts';

export interface NameSideOptions {
  readonly agent: Pick<AgentOptions, 'createNameServer' | 'readFile' | 'clock' | 'log'>;
  readonly node: string;
  readonly view: ClusterView;
  readonly kernel: QuestionsOptions['kernel'];
  readonly settleSoon: () => void;
  readonly wiring: () => Pick<Wiring, 'endpoint' | 'gatewayOf'>;
  /** Whether a server has told of the network's endpoints since the start. */
  readonly heard: (network: string) => boolean;
  readonly onTrouble: (message: string) => void;
  readonly onAnswered: NonNullable<NameServerOptions['onAnswered']>;
}

export class NameSide implements AsyncDisposable {
  readonly zone: Names;
  readonly #questions: Questions;
  readonly #resolvers: HostResolvers;
  readonly #server: NameServer;
  #listening = '';

  constructor({ agent, node, view, kernel, settleSoon, wiring, heard, onTrouble, onAnswered }: NameSideOptions) {
    const { clock, log } = agent;
    this.#resolvers = new HostResolvers({
      readFile: (path) => agent.readFile(path),
      onChange: () => this.zone.outdated(),
      clock,
    });
    this.zone = new Names({
      node,
      view,
      heard,
      hostServers: () => this.#resolvers.servers(),
      networkOf: (endpointId) => wiring().endpoint(endpointId)?.record.network,
      onAsksItself: (endpointIds) => this.#questions.look(endpointIds),
      clock,
    });
    this.#questions = new Questions({
      kernel,
      gatewayOf: (network) => wiring().gatewayOf(network)?.address,
      asksItself: (endpointId) => this.zone.asksItself(endpointId),
      settleSoon,
      isNamespace,
      clock,
      log,
    });
    this.#server = agent.createNameServer({ zone: this.zone, clock, log, onTrouble, onAnswered });
  }

  /** Before anything is restored: what this host's disk has of networks' topics, and whom the host asks. */
  async restore(topics: Iterable<TopicSnapshot>): Promise<void> {
    for (const { topic, items } of topics) {
      if (topic.startsWith('network/'))
        this.zone.remember(
          topic.slice('network/'.length),
          items.map(({ value }) => value),
        );
    }
    await this.#resolvers.read();
  }

  /** One of this node's endpoints came, changed or went. */
  local(before: LocalEndpoint | undefined, after: LocalEndpoint | undefined): void {
    this.zone.local(before, after);
    this.#questions.local(before, after);
  }

  /** The kernel has what was desired: only now addresses can be listened at. */
  settled(): void {
    const addresses = this.zone.servers();
    const text = [...addresses].sort().join();
    if (text === this.#listening) return;
    this.#listening = text;
    this.#server.listen(addresses);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
