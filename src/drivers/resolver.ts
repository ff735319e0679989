/**
 * Names inside a container. Docker gives containers on networks the name server 127.0.0.11: dockerd itself, by rules of
 * nat in the container's namespace (hook output, priority -100). It knows this host's containers only, so questions to it
 * go to the node's name server instead, at the node's address in the container's network. See docs/adr/0006-names.md.
 *
 *     the process asks           ADDRESS   → 127.0.0.11:53, since the route to 127.0.0.11 says whence
 *     after `questions`          ADDRESS   → GATEWAY:53, sent by the interface that leads there
 *     the answer comes           GATEWAY:53 → ADDRESS
 *     what the process gets      127.0.0.11:53 → ADDRESS, by the same translation
 *
 * No `route_localnet`: packets never travel with a loopback address, so whoever is beside the container reaches nothing more
 * of it. And no hook of its own: nat looks at the first packet of a connection only, and Docker has its rules there anyway.
 */
import type { KernelObject } from '../kernel/objects.ts';

/** dockerd's. */
const asked = '127.0.0.11';
/** Before Docker's. */
const priority = -101;

/**
 * @param path of the container's network namespace
 * @param address its own in the network whose gateway is asked
 */
export function resolver(path: string, address: string, gateway: string): KernelObject[] {
  const table = { ns: path, family: 'ip', table: 'trama' } as const;
  const local = { kind: 'route', ns: path, device: 'lo', local: true } as const;
  const redirected = (protocol: string) =>
    `ip saddr ${address} ip daddr ${asked} ${protocol} dport 53 dnat to ${gateway}`;
  return [
    // The interface that bears the address comes later than this: a route goes by what is local.
    { ...local, destination: `${address}/32` },
    { ...local, destination: `${asked}/32`, source: address },
    { kind: 'nft-table', ...table },
    {
      ...{ kind: 'nft-chain', ...table, name: 'questions', hook: { type: 'nat', hook: 'output', priority } },
      rules: [redirected('udp'), redirected('tcp')],
    },
  ];
}
