/** A workload as the Engine's request to create a container. Pure. See ContainerCreate in the Engine API documentation. */
import { modeText, type PublishedPort, type WorkloadSpec } from '../../domain/domain.ts';
import type { ContainerSpec, NetworkJoin } from '../runtimes.ts';

export interface NetworkAttachment {
  /** Docker's name of the network. */
  readonly network: string;
  readonly endpoint: {
    readonly IPAMConfig?: { readonly IPv4Address: string };
    readonly Aliases?: readonly string[];
    /** The network's driver is told of nothing else whose endpoint it is. */
    readonly DriverOpts?: Readonly<Record<string, string>>;
  };
}

export interface CreateBodies {
  readonly container: Readonly<Record<string, unknown>>;
  /** Networks after the first: before API 1.44 a container is created in one and connected to the others. */
  readonly further: readonly NetworkAttachment[];
}

/** Docker's name of it. A container that is on it can be on no other. */
export const noNetwork = 'none';

export function createBodies(
  spec: ContainerSpec,
  labels: Readonly<Record<string, string>>,
  networkName: (network: string) => string,
): CreateBodies {
  const [first, ...further] = spec.networks.map((wanted) => attachment(wanted, labels, networkName));
  return {
    container: {
      Image: spec.image,
      ...(spec.command.length > 0 ? { Cmd: spec.command } : {}),
      Env: spec.env,
      Tty: spec.tty,
      OpenStdin: spec.stdin,
      // A pipe's end is the input's end. A terminal may be left and come back to.
      StdinOnce: spec.stdin && !spec.tty,
      ...(spec.hostname === undefined ? {} : { Hostname: spec.hostname }),
      Labels: { ...spec.labels, ...labels },
      ExposedPorts: Object.fromEntries(spec.ports.map((port) => [portKey(port), {}])),
      HostConfig: {
        RestartPolicy: { Name: spec.restart },
        PortBindings: portBindings(spec.ports),
        // Without a network it reaches nobody: the engine's default would be its own bridge.
        NetworkMode: spec.networkMode === undefined ? (first?.network ?? noNetwork) : modeText(spec.networkMode),
        ...(spec.pid === undefined ? {} : { PidMode: modeText(spec.pid) }),
        ...(spec.capabilities === undefined ? {} : { CapAdd: spec.capabilities }),
      },
      ...(first ? { NetworkingConfig: { EndpointsConfig: { [first.network]: first.endpoint } } } : {}),
    },
    further,
  };
}

function attachment(
  { network, address, aliases }: WorkloadSpec['networks'][number],
  labels: Readonly<Record<string, string>>,
  networkName: (network: string) => string,
): NetworkAttachment {
  const join = { ...(address === undefined ? {} : { address }), aliases, labels };
  return { network: networkName(network), endpoint: endpointConfig(join) };
}

/** A container's part in a network, for its creation and for a connection later. */
export function endpointConfig({ address, aliases, labels }: NetworkJoin): NetworkAttachment['endpoint'] {
  return {
    ...(address === undefined ? {} : { IPAMConfig: { IPv4Address: address } }),
    ...(aliases.length === 0 ? {} : { Aliases: aliases }),
    ...(Object.keys(labels).length === 0 ? {} : { DriverOpts: labels }),
  };
}

function portBindings(ports: readonly PublishedPort[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    const key = portKey(port);
    bindings[key] = [...(bindings[key] ?? []), { HostIp: port.hostAddress ?? '', HostPort: hostPortText(port) }];
  }
  return bindings;
}

/** Empty: any free one. */
function hostPortText({ hostPort, hostPortEnd }: PublishedPort): string {
  if (hostPort === 0) return '';
  return hostPortEnd === undefined ? String(hostPort) : `${hostPort}-${hostPortEnd}`;
}

const portKey = ({ containerPort, protocol }: PublishedPort): string => `${containerPort}/${protocol}`;
