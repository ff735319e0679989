/** What several end-to-end tests do and look at. */
import { eventually, type LabCluster, type LabHost, labImage, type Started } from '../../src/lab/lab.ts';

export interface Container {
  readonly name: string;
  readonly node: string;
  readonly image: string;
  readonly status: string;
  readonly networks: readonly { readonly network: string; readonly address: string; readonly mac: string }[];
}

export interface NodeShown {
  readonly name: string;
  readonly status: string;
  readonly cpu: number | null;
  readonly memory: { readonly used: number; readonly total: number } | null;
  readonly events: readonly { readonly kind: string; readonly message: string; readonly time: number }[];
}

export const containers = (cluster: LabCluster): Promise<Container[]> => cluster.json<Container[]>('ps');

/**
 * Prints what of these changes in the host's kernel from here on. Of links that were made just before, the kernel still probes the IPv6
 * addresses, and adds routes a second later: that is waited for.
 */
export async function monitorOf(host: LabHost, ...kinds: readonly string[]): Promise<Started> {
  const probed = ['ip', '-6', '-o', 'address', 'show', 'tentative'] as const;
  await eventually('no address is being probed', async () => (await host.output(probed)) === '');
  return host.start(['ip', 'monitor', ...kinds], { name: 'monitor' });
}

/** A container that stays, unless a command is given. */
export async function run(
  cluster: LabCluster,
  name: string,
  node: string,
  network: string,
  ...command: string[]
): Promise<void> {
  const what = command.length === 0 ? ['sleep', '100000'] : command;
  await cluster.trama(
    'run',
    '-d',
    '--name',
    name,
    '--node',
    node,
    '--network',
    network,
    '--restart',
    'unless-stopped',
    labImage,
    ...what,
  );
}

/** Runs the host's own programs in the network namespace of one of its containers. */
export async function inNamespaceOf(host: LabHost, container: string) {
  const pid = await host.docker('inspect', '-f', '{{.State.Pid}}', container);
  return (...argv: [string, ...string[]]) =>
    host.run(['nsenter', `--net=/proc/${pid}/ns/net`, ...argv], { timeoutMs: 60_000 });
}

/** Name of the end of the container's veth that is a port of the bridge. */
export async function endpointPort(host: LabHost, container: string): Promise<string> {
  const endpoint = await host.docker(
    'inspect',
    '-f',
    '{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}',
    container,
  );
  return `trv${endpoint.slice(0, 10)}`;
}
