/**
 * Interfaces that stand in containers alone: of a macvlan the host sees nothing once an engine has taken it. One that somebody took away
 * from a container that runs is made again there.
 */
import { isMacvlan } from '../domain/domain.ts';
import type { Reconciler } from '../kernel/kernel.ts';
import { type Clock, isNetworkInUse, type Log, type Spawn } from '../platform/platform.ts';
import { every } from './background.ts';
import { stands } from './interface-names.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';
import type { Wiring } from './wiring.ts';

export interface HandedOverOptions {
  readonly state: Pick<LocalState, 'endpoints'>;
  readonly wiring: Pick<Wiring, 'attached' | 'objectsOf'>;
  readonly kernel: Pick<Reconciler, 'lost'>;
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
}

const lookMs = 3000;
/** An engine takes an interface some time after its Join. */
const takenMs = 10_000;

/** Until the signal aborts. */
export async function watchHandedOver(options: HandedOverOptions, signal: AbortSignal): Promise<void> {
  await every(options, lookMs, signal, async () => {
    const networks = new Map(
      options.wiring
        .attached()
        .filter(isMacvlan)
        .map((network) => [network.id, network]),
    );
    for (const endpoint of [...options.state.endpoints.values()]) {
      const network = networks.get(endpoint.record.network);
      if (network === undefined || !(await isLost(options, endpoint))) continue;
      const links = options.wiring.objectsOf(network, endpoint.record)?.filter(({ kind }) => kind === 'link');
      for (const link of links ?? []) options.kernel.lost(link);
    }
  });
}

async function isLost({ spawn, clock }: HandedOverOptions, endpoint: LocalEndpoint): Promise<boolean> {
  const { record, sandbox, createdAt } = endpoint;
  if (sandbox === undefined || clock.now() - createdAt < takenMs) return false;
  return !(await stands(spawn, sandbox.path, record.mac)) && (await isNetworkInUse(sandbox.path));
}
