/**
 * Names inside a container. Docker gives containers on networks the name server 127.0.0.11: dockerd itself, by rules of
 * nat in the container's namespace (hook output, priority -100). It knows this host's containers only, so questions to it
 * go to the node's name server instead, at the node's address in the container's network. See docs/adr/0006-names.md.
 *
 *     the process asks           127.0.0.1 → 127.0.0.11:53
 *     after `ask`                ADDRESS   → GATEWAY:53, sent by the interface that leads there
 *     the answer comes           GATEWAY:53 → ADDRESS
 *     after `answer`             127.0.0.11:53 → 127.0.0.1, what the process waits for
 *
 * No translation by conntrack and no `route_localnet`: packets never travel with a loopback address, so whoever is beside
 * the container reaches nothing more of it. `ask` comes before conntrack, which sees one connection from ADDRESS to
 * GATEWAY; `answer` comes after routing, which would refuse the loopback address. Which connections are so changed stands
 * in their mark: a process may ask GATEWAY by itself, too.
 */
import type { KernelObject, NftChainObject } from '../kernel/objects.ts';

/** "tram" as a number. */
const mark = '0x7472616d';

/**
 * @param path of the container's network namespace
 * @param address its own in the network whose gateway is asked
 */
export function resolver(path: string, address: string, gateway: string): KernelObject[] {
  const table = { ns: path, family: 'ip', table: 'trama' } as const;
  const chain = (
    name: string,
    type: 'route' | 'filter',
    hook: string,
    priority: number,
    ...rules: string[]
  ): NftChainObject => ({ kind: 'nft-chain', ...table, name, hook: { type, hook, priority }, rules });
  const redirected = `meta mark set ${mark} ip saddr set ${address} ip daddr set ${gateway}`;
  return [
    { kind: 'nft-table', ...table },
    chain(
      'ask',
      'route',
      'output',
      -300,
      `ip saddr 127.0.0.1 ip daddr 127.0.0.11 udp dport 53 ${redirected}`,
      `ip saddr 127.0.0.1 ip daddr 127.0.0.11 tcp dport 53 ${redirected}`,
    ),
    chain('remember', 'filter', 'output', -190, `meta mark ${mark} ct mark set ${mark}`),
    chain(
      'answer',
      'filter',
      'input',
      50,
      `ct mark ${mark} ct direction reply ip saddr set 127.0.0.11 ip daddr set 127.0.0.1`,
    ),
  ];
}
