/**
 * In a network that learns from what it hears a container is announced when it has come there: a switch knows its MAC behind another
 * port still if it was on another host a moment ago, and the machines know its address at another's MAC if it was another's. Whoever
 * waits to be asked would not be found for minutes.
 */
import type { NetworkRecord } from '../domain/domain.ts';
import { announce } from '../kernel/kernel.ts';
import type { Clock, Log, Spawn } from '../platform/platform.ts';
import { every } from './background.ts';
import type { LocalState } from './local-state.ts';

export interface AnnouncementsOptions {
  readonly state: Pick<LocalState, 'endpoints'>;
  readonly view: { network(id: string): NetworkRecord | undefined };
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
}

/** The LAN's switches, or VXLANs that find one another by a group. */
const learns = (network: NetworkRecord | undefined): boolean =>
  network?.driver === 'lan' || network?.discovery === 'multicast';

const lookMs = 500;
/** The engine puts the interface there after Join; one that has not come by then does not. */
const mostLooks = 60;

/** Once for each sandbox that an endpoint comes to; what stands at the agent's start was announced before. Until the signal aborts. */
export async function announceNewcomers(options: AnnouncementsOptions, signal: AbortSignal): Promise<void> {
  const { state, view, spawn, clock, log } = options;
  const standing = () =>
    new Map(
      [...state.endpoints.values()].flatMap(({ record: { id, network, mac }, sandbox }) =>
        sandbox === undefined || !learns(view.network(network))
          ? []
          : [[`${id} ${sandbox.path}`, { path: sandbox.path, mac }]],
      ),
    );
  /** Endpoint and sandbox → how often it is looked for yet. */
  let left = new Map([...standing().keys()].map((key) => [key, 0]));
  await every({ clock, log }, lookMs, signal, async () => {
    const now = standing();
    left = new Map([...now.keys()].map((key) => [key, left.get(key) ?? mostLooks]));
    for (const [key, { path, mac }] of now) {
      const looks = left.get(key) ?? 0;
      if (looks === 0) continue;
      const done = await announce(spawn, path, mac).catch((error: unknown) => {
        log.debug('not announced yet', { mac, error });
        return false;
      });
      left.set(key, done ? 0 : looks - 1);
    }
  });
}
