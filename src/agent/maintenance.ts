/** What is made up for now and then: whatever could not be done when it was due, or was missed. */
import { clusterTopic, nodeTopic } from '../protocol/protocol.ts';
import type { Addresses } from './addresses.ts';
import type { Background } from './background.ts';
import type { Clone } from './clone.ts';
import type { DockerSide } from './docker-side.ts';
import type { EngineSide } from './engine-side.ts';
import type { IdleNetworks } from './idle-networks.ts';
import type { KernelSide } from './kernel-side.ts';
import type { Ports } from './ports.ts';
import type { TopicMemory } from './topic-memory.ts';
import type { UnderlaySide } from './underlay-side.ts';
import type { Wiring } from './wiring.ts';
import type { Workloads } from './workloads.ts';

export interface MaintenanceParts {
  readonly node: string;
  readonly clone: Clone;
  readonly kernel: KernelSide;
  readonly underlay: UnderlaySide;
  readonly docker: DockerSide;
  readonly workloads: Workloads;
  readonly ports: Ports;
  readonly topics: TopicMemory;
  readonly addresses: Addresses;
  readonly wiring: Wiring;
  readonly idle: IdleNetworks;
  readonly engine: EngineSide;
  readonly background: Background;
}

/** None of these keeps the others from happening. */
export async function maintain(parts: MaintenanceParts): Promise<void> {
  const { clone, kernel, underlay, docker, workloads, ports, topics, addresses, wiring, idle, engine, background } =
    parts;
  background('the underlay could not be looked at', underlay.follow());
  background(
    'not in step with the container engine yet',
    docker.syncNetworks().then(() => docker.collectEndpoints()),
  );
  // Whatever could not be removed when it went, or was made while it went.
  if (clone.isFresh(nodeTopic(parts.node))) background('not swept yet', workloads.sweep());
  background('ports not held yet', ports.retry());
  background('containers not started in Docker’s place yet', engine.maintain());
  background('topics not saved yet', topics.save());
  addresses.maintain();
  if (clone.isFresh(clusterTopic)) {
    for (const network of wiring.unknownNetworks()) await wiring.detach(network);
  }
  if (await idle.leave()) kernel.settleSoon();
  await addresses.returnBlocks(new Set(wiring.attached().map((network) => network.id)));
}
