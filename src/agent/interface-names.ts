/**
 * What containers' interfaces are called. The engine names them when it has put them into the sandbox, after Join: counted
 * with those of its own networks, in an order of its own. So a name is a guess until the endpoint's MAC is seen there; it is
 * needed when the pair is lost and made again.
 */
import { sandboxLinks, waysOut } from '../kernel/kernel.ts';
import type { Clock, Log, Spawn } from '../platform/platform.ts';
import { every } from './background.ts';
import type { LocalEndpoint } from './local-state.ts';

type Sandbox = NonNullable<LocalEndpoint['sandbox']>;

export function lowestFree(taken: { has(name: string): boolean }): string {
  for (let number = 0; ; number += 1) if (!taken.has(`eth${number}`)) return `eth${number}`;
}

/** Endpoints in the sandbox besides this one. */
export function companions(all: Iterable<LocalEndpoint>, path: string, id: string): LocalEndpoint[] {
  return [...all].filter(({ record, sandbox }) => sandbox?.path === path && record.id !== id);
}

/**
 * Where the end of a lost pair can stand again: under the name that it had, unless somebody has it. No default route where
 * there is one: which of its networks is a container's gateway, its engine decides.
 *
 * The kernel takes the ends of pairs away some time after the namespace of the others, and the routes by them a little earlier or
 * later. So the routes are read first: one counts whose interface is there after that, and is not the one that is lost.
 * @throws Failure when the sandbox cannot be looked into
 */
export async function placeAgain(
  spawn: Spawn,
  sandbox: Sandbox,
  mac: string,
  others: readonly LocalEndpoint[],
): Promise<Sandbox> {
  const { gateway, ...place } = sandbox;
  const out = await waysOut(spawn, place.path);
  const links = new Map([...(await sandboxLinks(spawn, place.path))].filter(([, address]) => address !== mac));
  const routed = out.some((name) => links.has(name));
  const macs = new Set(links.values());
  const lost = others.filter(({ record }) => !macs.has(record.mac));
  const taken = new Set([...links.keys(), ...lost.map((each) => each.sandbox?.interface ?? '')]);
  return {
    ...place,
    interface: taken.has(place.interface) ? lowestFree(taken) : place.interface,
    ...(gateway === undefined || routed ? {} : { gateway }),
  };
}

/** Whether an interface that was handed over is where it was taken. One that cannot be looked for is not missed. */
export async function stands(spawn: Spawn, path: string, mac: string): Promise<boolean> {
  const links = await sandboxLinks(spawn, path).catch(() => undefined);
  return links === undefined || [...links.values()].includes(mac);
}

/** It may stand elsewhere by now: then it is not that name that it has. */
export const renamedTo =
  ({ path, interface: name }: Sandbox) =>
  (each: LocalEndpoint): LocalEndpoint =>
    each.sandbox?.path === path ? { ...each, sandbox: { ...each.sandbox, interface: name } } : each;

export interface InterfaceNamesOptions {
  endpoints(): Iterable<LocalEndpoint>;
  renamed(id: string, sandbox: Sandbox): Promise<void>;
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
}

const lookMs = 5000;
/** Who is not there by then does not come, or bears another MAC. */
const mostLooks = 6;

const nameOf = (mac: string, links: ReadonlyMap<string, string>): string | undefined =>
  [...links].find((link) => link[1] === mac)?.[0];

/** Learns each name once, soon after the endpoint's Join or the agent's start; until the signal aborts. */
export async function learnInterfaceNames(options: InterfaceNamesOptions, signal: AbortSignal): Promise<void> {
  const { endpoints, renamed, spawn, clock, log } = options;
  /** Endpoint and sandbox → how often it was looked for; once found, no more. */
  let looks = new Map<string, number>();
  await every({ clock, log }, lookMs, signal, async () => {
    const standing = [...endpoints()].flatMap(({ record: { id, mac }, sandbox }) =>
      sandbox === undefined ? [] : [{ id, mac, sandbox, key: `${id} ${sandbox.path}` }],
    );
    looks = new Map(standing.map(({ key }) => [key, looks.get(key) ?? 0]));
    const unseen = standing.filter(({ key }) => (looks.get(key) ?? 0) < mostLooks);
    for (const [path, here] of Map.groupBy(unseen, (each) => each.sandbox.path)) {
      const links = await sandboxLinks(spawn, path).catch(() => new Map<string, string>());
      for (const { id, mac, sandbox, key } of here) {
        const name = links.get(sandbox.interface) === mac ? sandbox.interface : nameOf(mac, links);
        if (name !== undefined && name !== sandbox.interface) await renamed(id, { ...sandbox, interface: name });
        looks.set(key, name === undefined ? (looks.get(key) ?? 0) + 1 : mostLooks);
      }
    }
  });
}
