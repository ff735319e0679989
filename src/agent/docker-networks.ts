/**
 * Makes every cluster network appear as a Docker network on this host, and go again. Docker's network costs no address
 * and nothing in the kernel: those come with the first container.
 */
import { dockerNetworkName, type NetworkRecord } from '../domain/domain.ts';
import type { ContainerRuntime, RuntimeNetwork } from '../runtimes/runtimes.ts';

/** On Docker networks that Trama made; the value is the Trama network's id. */
export const networkLabel = 'trama.network';

/** As Docker knows Trama: by the name of the plugin's socket. */
export const pluginDriver = 'trama';

/** Docker's own: whoever is on no other asks Trama for nothing, and they have no names. */
export const builtInNetworks: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);

export type DockerNetworkStep =
  | { readonly type: 'create'; readonly network: NetworkRecord }
  | { readonly type: 'remove'; readonly dockerId: string; readonly name: string }
  /** Somebody else's Docker network has the name. */
  | { readonly type: 'clash'; readonly network: NetworkRecord };

/**
 * Pure: what to do so that Docker's networks are the cluster's.
 * @param complete whether `wanted` is known to be all: nothing is removed on hearsay from this host's own disk.
 */
export function planDockerNetworks(
  wanted: readonly NetworkRecord[],
  present: readonly RuntimeNetwork[],
  complete: boolean,
): DockerNetworkStep[] {
  const ids = new Set(wanted.map((network) => network.id));
  const own = present.filter((network) => network.labels[networkLabel] !== undefined);
  const stale = own.filter((network) => !ids.has(network.labels[networkLabel] ?? ''));
  const removals = complete
    ? stale.map((network) => ({ type: 'remove', dockerId: network.id, name: network.name }) as const)
    : [];
  const missing = wanted.filter((network) => !own.some((each) => each.labels[networkLabel] === network.id));
  const taken = new Set(present.filter((network) => !stale.includes(network)).map((network) => network.name));
  return [
    ...removals,
    ...missing.map(
      (network) => ({ type: taken.has(dockerNetworkName(network.name)) ? 'clash' : 'create', network }) as const,
    ),
  ];
}

export async function applyDockerNetworkStep(runtime: ContainerRuntime, step: DockerNetworkStep): Promise<void> {
  if (step.type === 'remove') await runtime.removeNetwork(step.dockerId);
  if (step.type !== 'create') return;
  const { id, name, subnet, internal } = step.network;
  await runtime.createNetwork({
    name: dockerNetworkName(name),
    driver: pluginDriver,
    ipamDriver: pluginDriver,
    subnet,
    internal,
    options: { network: id },
    ipamOptions: { network: id },
    labels: { [networkLabel]: id },
  });
}
