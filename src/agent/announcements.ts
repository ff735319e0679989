/**
 * In a network that learns from what it hears a container is announced when it has come there: a switch knows its MAC behind another
 * port still if it was on another host a moment ago, and the machines know its address at another's MAC if it was another's. Whoever
 * waits to be asked would not be found for minutes.
 */
import type { NetworkRecord } from '../domain/domain.ts';
import { announce, announced } from '../kernel/kernel.ts';
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
/** The kernel has said it for the last time, and waited for an answer. */
const saidLooks = 10;

/** How often it is still looked for; once it is announced: as what, and how often it is passed over before the trace of that goes. */
interface Progress {
  looks: number;
  name?: string;
}

/**
 * Once for each sandbox that an endpoint comes to; what has stood there for long at the agent's start was announced before. Until
 * the signal aborts.
 */
export async function announceNewcomers(options: AnnouncementsOptions, signal: AbortSignal): Promise<void> {
  const { state, view, spawn, clock, log } = options;
  const standing = () =>
    [...state.endpoints.values()].flatMap(({ record: { id, network, mac, address }, sandbox, createdAt }) =>
      sandbox === undefined || !learns(view.network(network))
        ? []
        : [{ key: `${id} ${sandbox.path}`, createdAt, what: { path: sandbox.path, mac, address } }],
    );
  const long = clock.now() - mostLooks * lookMs;
  let known = new Map<string, Progress>(
    standing().map(({ key, createdAt }) => [key, { looks: createdAt < long ? 0 : mostLooks }]),
  );
  await every({ clock, log }, lookMs, signal, async () => {
    const now = standing();
    known = new Map(now.map(({ key }) => [key, known.get(key) ?? { looks: mostLooks }]));
    for (const { key, what } of now) {
      const progress = known.get(key);
      if (progress === undefined || progress.looks === 0) continue;
      progress.looks -= 1;
      try {
        if (progress.name === undefined) {
          const name = await announce(spawn, what);
          if (name !== undefined) Object.assign(progress, { name, looks: saidLooks });
        } else if (progress.looks === 0) await announced(spawn, what, progress.name);
      } catch (error) {
        log.debug('not announced yet', { ...what, error });
      }
    }
  });
}
