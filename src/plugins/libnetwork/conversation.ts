/** Docker's calls as calls of a NetworkPlugin, its results as Docker's answers. No I/O. */
import { z } from 'zod';
import type { Attachment, NetworkPlugin } from '../../agent/agent.ts';
import { Failure, type PublishedPort } from '../../domain/domain.ts';
import * as docker from '../../protocol/libnetwork.ts';

/** Answers one call. @param body the parsed JSON, undefined when there was none. @throws what the plugin throws. */
export type Answer = (body: unknown) => Promise<Record<string, unknown>>;

/** The request is not what the protocol says: nothing was done. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest';
}

/** The one IPAM address space there is; pools are told apart by the Trama network. */
const addressSpace = 'trama';

/** Answers by path, without the leading slash. */
export function conversation(plugin: NetworkPlugin): ReadonlyMap<string, Answer> {
  return new Map([...general(), ...driver(plugin), ...ipam(plugin)]);
}

function general(): [string, Answer][] {
  return [
    ['Plugin.Activate', say({ Implements: ['NetworkDriver', 'IpamDriver'] })],
    // Docker's "global" wants a swarm; that the network spans hosts is our affair.
    ['NetworkDriver.GetCapabilities', say({ Scope: 'local', ConnectivityScope: 'global' })],
    // The agent keeps its addresses itself. A replayed request could not be told from a second use of the address.
    ['IpamDriver.GetCapabilities', say({ RequiresMACAddress: false, RequiresRequestReplay: false })],
    [
      'IpamDriver.GetDefaultAddressSpaces',
      say({ LocalDefaultAddressSpace: addressSpace, GlobalDefaultAddressSpace: addressSpace }),
    ],
    ['NetworkDriver.GwAllocCheck', say({ SkipIPv4: false, SkipIPv6: false })],
    // Swarm's discovery has nothing to tell.
    ['NetworkDriver.DiscoverNew', say({})],
    ['NetworkDriver.DiscoverDelete', say({})],
  ];
}

function driver(plugin: NetworkPlugin): [string, Answer][] {
  return [
    [
      'NetworkDriver.CreateNetwork',
      on(docker.createNetwork, async (request) => {
        await plugin.createNetwork(networkRequest(request));
        return {};
      }),
    ],
    [
      'NetworkDriver.DeleteNetwork',
      on(docker.deleteNetwork, async ({ NetworkID }) => {
        await plugin.deleteNetwork(NetworkID);
        return {};
      }),
    ],
    ['NetworkDriver.CreateEndpoint', on(docker.createEndpoint, (request) => createEndpoint(plugin, request))],
    [
      'NetworkDriver.Join',
      on(docker.join, async ({ SandboxKey, Options, ...request }) => {
        const publishes = parsed(docker.portMap, Options[docker.labels.portMap]).length > 0;
        const joining = { ...reference(request), sandboxPath: SandboxKey, publishes, options: Options };
        return joinAnswer(await plugin.join(joining));
      }),
    ],
    [
      'NetworkDriver.ProgramExternalConnectivity',
      on(docker.programExternalConnectivity, async ({ Options, ...request }) => {
        const bindings = parsed(docker.portMap, Options[docker.labels.portMap]);
        await plugin.publish({ ...reference(request), ports: bindings.map(publishedPort) });
        return {};
      }),
    ],
    ['NetworkDriver.RevokeExternalConnectivity', onEndpoint((endpoint) => plugin.unpublish(endpoint))],
    ['NetworkDriver.Leave', onEndpoint((endpoint) => plugin.leave(endpoint))],
    ['NetworkDriver.DeleteEndpoint', onEndpoint((endpoint) => plugin.deleteEndpoint(endpoint))],
    [
      'NetworkDriver.EndpointOperInfo',
      on(docker.endpointReference, async (request) => ({ Value: await plugin.endpointInfo(reference(request)) })),
    ],
  ];
}

function ipam(plugin: NetworkPlugin): [string, Answer][] {
  return [
    [
      'IpamDriver.RequestPool',
      on(docker.requestPool, async ({ Pool, SubPool, Options, V6 }) => {
        if (SubPool !== undefined) {
          throw new Failure('invalid', '--ip-range does not fit: Trama gives out addresses itself; leave it out.');
        }
        const { poolId, pool } = await plugin.requestPool({
          ...present({ network: Options.network, pool: Pool }),
          v6: V6 ?? false,
        });
        return { PoolID: poolId, Pool: pool, Data: {} };
      }),
    ],
    [
      'IpamDriver.ReleasePool',
      on(docker.releasePool, async ({ PoolID }) => {
        await plugin.releasePool(PoolID);
        return {};
      }),
    ],
    [
      'IpamDriver.RequestAddress',
      on(docker.requestAddress, async ({ PoolID, Address, Options }) => {
        const { cidr } = await plugin.requestAddress({
          poolId: PoolID,
          gateway: Options[docker.labels.requestAddressType] === docker.labels.gateway,
          ...present({ address: Address, mac: Options[docker.labels.mac]?.toLowerCase() }),
        });
        return { Address: cidr, Data: {} };
      }),
    ],
    [
      'IpamDriver.ReleaseAddress',
      on(docker.releaseAddress, async ({ PoolID, Address }) => {
        await plugin.releaseAddress({ poolId: PoolID, address: Address });
        return {};
      }),
    ],
  ];
}

function networkRequest({ NetworkID, Options, IPv4Data }: z.infer<typeof docker.createNetwork>) {
  const generic = z.record(z.string(), z.coerce.string()).safeParse(Options[docker.labels.generic] ?? {});
  const options = generic.data ?? {};
  const [data] = IPv4Data;
  // Docker's own IPAM knows nothing of the other hosts: it would give out their addresses again.
  if (data?.AddressSpace !== undefined && data.AddressSpace !== addressSpace) {
    throw new Failure(
      'invalid',
      "Docker's own address management knows nothing of the other hosts: name a Trama network and have Trama give the " +
        'addresses, with -o network=NAME --ipam-driver trama, in a Compose file with external: true, or with ' +
        'driver_opts: {network: NAME} and ipam: {driver: trama}',
    );
  }
  if (IPv4Data.some(({ AuxAddresses }) => Object.keys(AuxAddresses).length > 0)) {
    throw new Failure(
      'invalid',
      '--aux-address does not fit: Trama gives out the addresses, on all hosts, and keeps none of them free; leave it ' +
        'out (in a Compose file: aux_addresses), and give a container that is to have one of its own --ip',
    );
  }
  return {
    dockerNetworkId: NetworkID,
    internal: Options[docker.labels.internal] === true,
    ipv6: Options[docker.labels.enableIpv6] === true,
    options,
    ...present({ network: options.network, subnet: data?.Pool, gateway: data?.Gateway?.replace(/\/\d+$/, '') }),
  };
}

async function createEndpoint(
  plugin: NetworkPlugin,
  { Interface, Options, ...request }: z.infer<typeof docker.createEndpoint>,
): Promise<Record<string, unknown>> {
  const { address, mac } = await plugin.createEndpoint({
    ...reference(request),
    options: Options,
    ...present({ address: Interface.Address, mac: Interface.MacAddress?.toLowerCase() }),
  });
  // Docker refuses an answer that sets again what it had set.
  return {
    Interface: present({
      Address: Interface.Address === undefined ? address : undefined,
      MacAddress: Interface.MacAddress === undefined ? mac : undefined,
    }),
  };
}

/** @throws Failure `invalid` for what is neither TCP nor UDP */
function publishedPort({ Proto, Port, HostIP, HostPort, HostPortEnd }: z.infer<typeof docker.portMap>[number]) {
  const protocol = protocols[Proto];
  if (protocol === undefined)
    throw new Failure('invalid', `port ${Port} cannot be published: it is neither tcp nor udp`);
  const hostPort = HostPort ?? 0;
  const end = HostPortEnd ?? hostPort;
  return {
    ...(HostIP === undefined ? {} : { hostAddress: HostIP }),
    hostPort,
    ...(end > hostPort ? { hostPortEnd: end } : {}),
    containerPort: Port,
    protocol,
  };
}

/** By their numbers in IP. */
const protocols: Readonly<Record<number, PublishedPort['protocol']>> = { 6: 'tcp', 17: 'udp' };

function joinAnswer(attachment: Attachment): Record<string, unknown> {
  const { sourceName, destinationPrefix, gateway, routes, disableGatewayService } = attachment;
  return {
    InterfaceName: { SrcName: sourceName, DstPrefix: destinationPrefix },
    ...(gateway === undefined ? {} : { [gateway.includes(':') ? 'GatewayIPv6' : 'Gateway']: gateway }),
    StaticRoutes: routes.map(({ destination, nextHop }) =>
      nextHop === undefined
        ? { Destination: destination, RouteType: docker.routeTypes.connected }
        : { Destination: destination, RouteType: docker.routeTypes.nextHop, NextHop: nextHop },
    ),
    DisableGatewayService: disableGatewayService,
  };
}

const say =
  (answer: Record<string, unknown>): Answer =>
  async () =>
    answer;

function on<S extends z.ZodType>(form: S, act: (request: z.infer<S>) => Promise<Record<string, unknown>>): Answer {
  return async (body) => act(parsed(form, body));
}

/** @throws MalformedRequest */
function parsed<S extends z.ZodType>(form: S, body: unknown): z.infer<S> {
  const result = form.safeParse(body);
  if (!result.success) throw new MalformedRequest(z.prettifyError(result.error), { cause: result.error });
  return result.data;
}

function onEndpoint(act: (endpoint: ReturnType<typeof reference>) => Promise<void>): Answer {
  return on(docker.endpointReference, async (request) => {
    await act(reference(request));
    return {};
  });
}

const reference = (request: { NetworkID: string; EndpointID: string }) => ({
  dockerNetworkId: request.NetworkID,
  endpointId: request.EndpointID,
});

/** Without the keys whose value is undefined. */
function present<T extends Readonly<Record<string, string | undefined>>>(values: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
}
