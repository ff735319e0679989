/**
 * A host that was evicted while nobody heard it. Its containers run on, fenced by all peers, with addresses that may be others' by now.
 * What is still free becomes its own again; what is not is taken from its containers. Only then the peers are told that it is back.
 */
import { dockerNetworkName, type EndpointRecord, isFailure } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import { type Api, ask, clusterTopic, nodeTopic } from '../protocol/protocol.ts';
import type { ContainerRuntime } from '../runtimes/runtimes.ts';
import type { Clone } from './clone.ts';
import type { ClusterView } from './cluster-view.ts';
import type { KernelSide } from './kernel-side.ts';
import type { LocalState } from './local-state.ts';
import type { Tidings } from './tidings.ts';
import type { Wiring } from './wiring.ts';
import type { Workloads } from './workloads.ts';

export interface ReclaimOptions {
  readonly node: string;
  readonly api: Api;
  readonly clone: Pick<Clone, 'renewed'>;
  readonly view: Pick<ClusterView, 'network'>;
  readonly state: Pick<LocalState, 'endpoints'>;
  readonly runtime: Pick<ContainerRuntime, 'disconnect'>;
  readonly kernel: Pick<KernelSide, 'untilSettled'>;
  readonly wiring: Pick<Wiring, 'removeEndpoint' | 'detach'>;
  readonly workloads: Pick<Workloads, 'sweep'>;
  readonly tidings: Pick<Tidings, 'trouble'>;
  readonly log: Log;
}

/** How long is waited for what the servers say. */
const renewalMs = 5000;

/** @throws Failure when no server answers: to be done again. */
export async function reclaim(options: ReclaimOptions): Promise<void> {
  const { api, clone, workloads, log } = options;
  log.warn('this node was evicted while the servers did not hear it: asking for what it had');
  await Promise.all([clusterTopic, nodeTopic(options.node)].map((topic) => clone.renewed(topic, renewalMs)));
  // Workloads that are others' by now go with all they have, before anything is asked for.
  await workloads
    .sweep()
    .catch((error: unknown) => log.warn('containers of former workloads are still here', { error }));
  for (const endpoint of endpointsOf(options)) {
    if (!(await isOursAgain(api, endpoint))) await giveUp(options, endpoint, `its address ${endpoint.address}`);
  }
  // Once more, by what is there now: a MAC may be another's as well, and something may have been started meanwhile.
  for (const [network, own] of Map.groupBy(endpointsOf(options), (each) => each.network)) {
    const { refused } = await ask(api, 'endpoint.sync', {
      network,
      endpoints: own.map((each) => structuredClone(each)),
    });
    for (const endpoint of own) {
      const what = `its address ${endpoint.address} or its MAC`;
      if (refused.includes(endpoint.id)) await giveUp(options, endpoint, what);
    }
  }
  await options.kernel.untilSettled();
  await ask(api, 'node.return', {});
}

const endpointsOf = ({ state }: ReclaimOptions): EndpointRecord[] =>
  [...state.endpoints.values()].map(({ record }) => record);

/** Its network may be gone as well. */
async function isOursAgain(api: Api, { network, address }: EndpointRecord): Promise<boolean> {
  try {
    await ask(api, 'address.reserve', { network, address });
    return true;
  } catch (error) {
    if (isFailure(error, 'conflict') || isFailure(error, 'not-found')) return false;
    throw error;
  }
}

/** Without its own address in it, this host has no place in the network, and neither have its containers. */
async function giveUp(options: ReclaimOptions, lost: EndpointRecord, what: string): Promise<void> {
  if (lost.kind === 'container') {
    await cutOff(options, lost, what);
    return;
  }
  const others = endpointsOf(options).filter((each) => each.network === lost.network && each.kind === 'container');
  for (const each of others) await cutOff(options, each, `the address ${lost.address} of this node in it`);
  await options.wiring.detach(lost.network);
}

/** At once; then its engine is told, if it answers. */
async function cutOff(options: ReclaimOptions, endpoint: EndpointRecord, what: string): Promise<void> {
  const { view, state, runtime, wiring, tidings, log } = options;
  const { container, id } = endpoint;
  if (state.endpoints.get(id) === undefined) return;
  const network = view.network(endpoint.network);
  const whose = container?.name ?? id.slice(0, 12);
  const why = `${what} was given to another while this node was not heard`;
  tidings.trouble(`container ${whose} is off network ${network?.name ?? endpoint.network}: ${why}`);
  await wiring.removeEndpoint(id);
  if (network === undefined || container === undefined) return;
  const disconnected = runtime.disconnect(container.id, dockerNetworkName(network.name), true);
  void disconnected.catch((error: unknown) => log.debug('cut off without the engine', { error }));
}
