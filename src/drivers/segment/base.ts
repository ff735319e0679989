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
    // Subnets of the networks on this host, and each with the port by which the host's packets enter it.
    { ...bridgeSet, name: 'subnets', type: 'type ipv4_addr', flags: 'interval' },
    { ...bridgeSet, name: 'homes', type: 'type ifname . ipv4_addr', flags: 'interval' },
    ...ingress(),
    ownNoise(),
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

/**
 * A network carries IPv4 and ARP, nothing else. What a container's port sends must also bear the MAC and the address of
 * its endpoint, ARP in both places where it names the sender. A port that the set does not know sends nothing.
 *
 * A VLAN tag is looked for in the frame, since `ether type` sees what is behind it.
 *
 * Nobody's loopback is reached by a network: a host takes packets for it where ports are published (`published.ts`).
 *
 * What enters from the host must not come from another network. The host's own table keeps networks apart, too, but
 * lies where others flush rules (`nft flush ruleset`); nobody but Trama has business in this namespace.
 */
function ingress(): NftChainObject[] {
  const bridge = { kind: 'nft-chain', ns: dataNamespace, family: 'bridge', table: 'trama' } as const;
  return [
    {
      ...bridge,
      name: 'port',
      rules: [
        `ether type ip iifname . ether saddr . ip saddr @${portsSet} accept`,
        'ether type arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4 ' +
          `iifname . ether saddr . arp saddr ip @${portsSet} iifname . arp saddr ether . arp saddr ip @${portsSet} accept`,
        'drop',
      ],
    },
    {
      ...bridge,
      name: 'ingress',
      hook: filter('prerouting', -300),
      rules: [
        '@ll,96,16 0x8100 drop',
        '@ll,96,16 0x88a8 drop',
        'ip daddr 127.0.0.0/8 drop',
        'iifname "trv*" jump port',
        'iifname "trh*" ip saddr @subnets iifname . ip saddr != @homes drop',
        'ether type ip accept',
        'ether type arp accept',
        'drop',
      ],
    },
  ];
}

/** Bridges have no address: what they send of themselves is multicast housekeeping. Answers to ARP do not pass here. */
function ownNoise(): NftChainObject {
  return {
    kind: 'nft-chain',
    ns: dataNamespace,
    family: 'bridge',
    table: 'trama',
    name: 'output',
    hook: filter('output', -300),
    rules: ['drop'],
  };
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
