/** How a host leaves: everything of Trama's goes from it, and the cluster forgets the node. Safe to repeat after a failure. */
import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure, isFailure } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import type { ClusterView } from './cluster-view.ts';
import { networkLabel } from './docker-networks.ts';
import type { KernelSide } from './kernel-side.ts';
import type { LocalState } from './local-state.ts';
import type { Membership } from './membership.ts';
import type { Wiring } from './wiring.ts';

export interface LeavingParts {
  readonly node: string;
  readonly directory: string;
  readonly runtime: ContainerRuntime;
  readonly state: LocalState;
  readonly view: ClusterView;
  readonly wiring: Wiring;
  readonly membership: Pick<Membership, 'connected' | 'refused' | 'call' | 'open'>;
  readonly kernel: Pick<KernelSide, 'reconciler' | 'clearCommands'>;
  /** No container is started, no network made, nothing repaired from here on, nor under way when it resolves. */
  quiesce(): Promise<void>;
  /** The host is no node any more: nothing is left to do for its daemon. */
  left(): void;
}

/** @returns the commands that amount to it */
export async function leave(
  parts: LeavingParts,
  options: { readonly force: boolean; readonly dryRun: boolean },
): Promise<string[]> {
  const { own, others } = await containersOn(parts, options.force);
  const commands = await plannedCommands(parts, own);
  if (options.dryRun) return commands;
  if (!options.force) check(parts, others);
  await parts.quiesce();
  const [failure] = await clearEngine(parts, options.force);
  if (failure !== undefined && !options.force) throw failure;
  for (const network of parts.wiring.attached()) await parts.wiring.detach(network.id);
  const outcome = await parts.kernel.reconciler.clear();
  try {
    await ask(parts.membership, 'node.remove', { name: parts.node, force: true });
  } catch (error) {
    const forgotten = isFailure(error, 'denied') || isFailure(error, 'not-found');
    if (!options.force && !forgotten) throw error;
  }
  // Something may still be being written there that was begun before.
  await rm(parts.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 });
  // Unless a server on this host keeps its own there.
  await rmdir(dirname(parts.directory)).catch(() => {});
  parts.left();
  const [failed] = outcome.failed;
  if (failed === undefined) return commands;
  throw new Failure('internal', `this host has left, but something of Trama's is still there: ${failed.message}`);
}

function check(parts: LeavingParts, others: readonly ContainerInfo[]): void {
  if (others.length > 0) {
    const names = others.map((each) => each.name).join(', ');
    throw new Failure(
      'conflict',
      `containers that Trama did not start are on its networks here (${names}): remove them first, or leave with --force to have them removed`,
    );
  }
  // Whether a server can be told now, or has said itself that this host is no node.
  if (parts.membership.connected || parts.membership.refused) return;
  throw new Failure(
    'unavailable',
    'no server answers, so the cluster would keep this node: try again later, or leave with --force and have it forgotten with trama node rm',
  );
}

/**
 * @param force an engine that is not there has none, rather than that the host could never leave without it.
 * @returns those that Trama started, and those that somebody else started on our networks
 */
async function containersOn({ node, runtime, state }: LeavingParts, force: boolean) {
  const list = async (labels: Readonly<Record<string, string>>): Promise<ContainerInfo[]> => {
    try {
      return await runtime.list(labels);
    } catch (error) {
      if (force && isFailure(error, 'unavailable')) return [];
      throw error;
    }
  };
  const own = await list({ 'trama.node': node });
  const ours = new Set(own.map((each) => each.id));
  const endpoints = new Set([...state.endpoints.values()].map((each) => each.record.id));
  const others = (await list({})).filter(
    (each) => !ours.has(each.id) && each.networks.some((network) => endpoints.has(network.endpointId)),
  );
  return { own, others };
}

/** Removes containers and Docker's networks, going on after errors. @returns the errors */
async function clearEngine(parts: LeavingParts, force: boolean): Promise<unknown[]> {
  const { runtime, state } = parts;
  const errors: unknown[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      errors.push(error);
    }
  };
  await attempt(async () => {
    const { own, others } = await containersOn(parts, force);
    for (const { id } of [...own, ...others]) await attempt(() => runtime.remove(id));
  });
  await attempt(async () => {
    const ids = new Set([...state.dockerNetworks.values()].map((link) => link.dockerId));
    const networks = (await runtime.networks()).filter(({ id, labels }) => ids.has(id) || networkLabel in labels);
    for (const { id } of networks) await attempt(() => runtime.removeNetwork(id));
  });
  return errors;
}

async function plannedCommands(parts: LeavingParts, containers: readonly ContainerInfo[]): Promise<string[]> {
  const links = [...parts.state.dockerNetworks.values()];
  return [
    ...containers.map((each) => `docker rm -f ${each.name}`),
    ...links.map((link) => `docker network rm ${parts.view.network(link.network)?.name ?? link.dockerId}`),
    ...(await parts.kernel.clearCommands()),
    `rm -r ${parts.directory}`,
  ];
}
