/**
 * What a host needs as soon as it has any network, whatever networks these are.
 *
 * Two tables, both called `trama`: `bridge` in the data namespace filters what ports send into bridges; `inet` in the
 * host's filters and translates what enters or leaves networks through the host (`filters.ts`). Rules name interfaces by
 * prefix and look into sets, so a network adds elements and never changes a rule.
 */
import { dataNamespace } from '../../domain/domain.ts';
import type { IptablesObject, KernelObject, NftChainObject, SysctlObject } from '../../kernel/objects.ts';
import type { Host } from '../drivers.ts';
import { hostFilters } from './filters.ts';

/** Interface, MAC and address of every local endpoint; see `ingress`. */
export const portsSet = 'ports';

const filter = (hook: string, priority: number) => ({ type: 'filter', hook, priority }) as const;

export function base(host: Host): KernelObject[] {
  return [
    { kind: 'namespace', name: dataNamespace },
    ...(host.dockerUser ? forwarding : []),
    ...(host.ipv6 === false ? [] : silence),
    ...(host.bridgeNetfilter ? bridgedOnly() : []),
    { kind: 'nft-table', ns: dataNamespace, family: 'bridge', table: 'trama' },
    { ...bridgeSet, name: portsSet, type: 'type ifname . ether_addr . ipv4_addr' },
    // Subnets of the networks on this host, and each with the MAC under which the host's packets enter it.
    { ...bridgeSet, name: 'subnets', type: 'type ipv4_addr', flags: 'interval' },
    { ...bridgeSet, name: 'homes', type: 'type ether_addr . ipv4_addr', flags: 'interval' },
    { ...bridgeSet, kind: 'nft-map', name: 'gateway-macs', type: 'type ipv4_addr : ether_addr' },
    ...bridgeFilters(),
    ...hostFilters(host),
    ...(host.dockerUser ? dockerUser() : []),
  ];
}

const bridgeSet = { kind: 'nft-set', ns: dataNamespace, family: 'bridge', table: 'trama' } as const;

/**
 * Repaired, but never switched on before Docker has: a Docker that finds it on leaves FORWARD's policy at accept, and
 * the host passes on whatever comes, also to Docker's own containers.
 */
const forwarding: readonly SysctlObject[] = [{ kind: 'sysctl', ns: '', key: 'net/ipv4/ip_forward', value: '1' }];

/** Else each device there would announce itself to the whole network when it comes up. */
const silence: readonly SysctlObject[] = [
  { kind: 'sysctl', ns: dataNamespace, key: 'net/ipv6/conf/all/disable_ipv6', value: '1' },
];

/** A new namespace sends bridged frames through iptables too: a tenth of a packet's whole round trip, for no rule at all. */
function bridgedOnly(): SysctlObject[] {
  return ['iptables', 'ip6tables', 'arptables'].map((tool) => {
    return { kind: 'sysctl', ns: dataNamespace, key: `net/bridge/bridge-nf-call-${tool}`, value: '0' };
  });
}

/** The type as it stands in the frame: `ether type` sees what is behind a VLAN tag. */
const [ipv4, arp] = ['@ll,96,16 0x0800', '@ll,96,16 0x0806'];

/**
 * A network carries IPv4 and ARP, nothing else, and nobody's loopback is reached by it: a host takes packets for that where ports
 * are published (`published.ts`). To read a frame's type costs as much as several rules, to look into a set too, and to jump is
 * felt, so what most frames are is asked about first, in one rule.
 *
 * `ingress`, what ports send: a container's must also bear the MAC and the address of its endpoint, ARP in both places where it
 * names the sender. A port that the set does not know sends nothing. A question for a gateway goes to that alone: what is for everybody
 * the kernel hands it from another thread, later, on a busy machine by tens of milliseconds.
 *
 * `output`, what the host sends by its gateways. It must not come from another network. The host's own table keeps networks
 * apart, too, but lies where others flush rules (`nft flush ruleset`); nobody but Trama has business in this namespace. The bridges
 * themselves have no address: what they send is multicast housekeeping, from 0.0.0.0. Answers of theirs to ARP do not pass here.
 *
 * `input`, what the host gets: while somebody watches a bridge (tcpdump), the kernel hands it all frames between containers, too,
 * and a gateway takes whatever it is handed for its own.
 */
function bridgeFilters(): NftChainObject[] {
  const bridge = { kind: 'nft-chain', ns: dataNamespace, family: 'bridge', table: 'trama' } as const;
  const sent = `${ipv4} ip saddr != 0.0.0.0`;
  return [
    {
      ...bridge,
      name: 'port',
      rules: [
        `${arp} arp htype 1 arp ptype ip arp hlen 6 arp plen 4 ` +
          `iifname . ether saddr . arp saddr ip @${portsSet} iifname . arp saddr ether . arp saddr ip @${portsSet} goto question`,
        'counter drop',
      ],
    },
    // What a LAN is full of is not counted.
    { ...bridge, name: 'strange', rules: ['iifname "trw*" drop', 'counter drop'] },
    {
      ...bridge,
      name: 'question',
      rules: [
        'arp operation request ether daddr ff:ff:ff:ff:ff:ff ether daddr set arp daddr ip map @gateway-macs',
        'accept',
      ],
    },
    {
      ...bridge,
      name: 'ingress',
      hook: filter('prerouting', -300),
      rules: [
        `${ipv4} iifname . ether saddr . ip saddr @${portsSet} ip daddr != 127.0.0.0/8 accept`,
        'iifname "trv*" jump port',
        '@ll,96,16 != { 0x0800, 0x0806 } jump strange',
        'ip daddr 127.0.0.0/8 counter drop',
      ],
    },
    {
      ...bridge,
      name: 'output',
      hook: filter('output', -300),
      rules: [
        `${sent} ip daddr != 127.0.0.0/8 ip saddr != @subnets accept`,
        `${sent} ip daddr != 127.0.0.0/8 ether saddr . ip saddr @homes accept`,
        `${arp} accept`,
        `${sent} counter drop`,
        'drop',
      ],
    },
    { ...bridge, name: 'input', hook: filter('input', -300), rules: ['meta pkttype other drop'] },
  ];
}

/** Docker sets FORWARD's policy to drop and asks others to speak here. What `forward` drops stays dropped. */
function dockerUser(): IptablesObject[] {
  const rule = (...args: string[]): IptablesObject => ({
    kind: 'iptables',
    ns: '',
    table: 'filter',
    chain: 'DOCKER-USER',
    rule: args,
  });
  return [
    rule('-i', 'trg+', '-j', 'ACCEPT'),
    rule('-o', 'trg+', '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'ACCEPT'),
  ];
}
