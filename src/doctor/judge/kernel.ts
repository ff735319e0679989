/** What the kernel must be able to do; each was tried in a network namespace of its own. */
import { about, type Finding } from '../finding.ts';

export interface Feature {
  readonly name: string;
  /** Kernel module that brings it, if it is one. */
  readonly module: string;
  /** Run in a network namespace that ends with it. */
  readonly argv: readonly [string, ...string[]];
  readonly input?: string;
}

const nft = (text: string): Pick<Feature, 'argv' | 'input'> => ({ argv: ['nft', '-f', '-'], input: `${text}\n` });
const ip = (...words: string[]): Pick<Feature, 'argv'> => ({ argv: ['ip', ...words] });

const ports = 'add set bridge t ports { type ifname . ether_addr . ipv4_addr; }';
const ingress = 'add chain bridge t c { type filter hook prerouting priority -300; }';
const forward = 'add chain inet t c { type filter hook forward priority 0; }';
const vnis = 'add set inet t vnis { typeof udp dport . @th,96,24; }';
const translated = 'add chain inet t n { type nat hook postrouting priority 100; }';

/** As Trama uses them. */
export const features: readonly Feature[] = [
  { name: 'network namespaces', module: 'CONFIG_NET_NS', ...ip('link', 'show', 'lo') },
  { name: 'veth', module: 'veth', ...ip('link', 'add', 'one0', 'type', 'veth', 'peer', 'name', 'one1') },
  { name: 'bridge', module: 'bridge', ...ip('link', 'add', 'one0', 'type', 'bridge') },
  {
    name: 'macvlan',
    module: 'macvlan',
    ...ip('-batch', '-'),
    input: 'link add one0 type bridge\nlink add two0 link one0 type macvlan mode passthru nopromisc\n',
  },
  {
    name: 'vxlan',
    module: 'vxlan',
    ...ip('link', 'add', 'one0', 'type', 'vxlan', 'id', '1', 'dstport', '4789', 'nolearning'),
  },
  {
    name: 'nft bridge',
    module: 'nf_tables',
    ...nft(
      `add table bridge t\n${ports}\n${ingress}\nadd rule bridge t c iifname . ether saddr . ip saddr @ports accept`,
    ),
  },
  {
    name: 'nft inet',
    module: 'nf_tables',
    ...nft(
      `add table inet t\n${forward}\n${vnis}\nadd rule inet t c udp dport . @th,96,24 @vnis fib saddr . iif oif missing drop`,
    ),
  },
  {
    name: 'conntrack',
    module: 'nf_conntrack',
    ...nft(`add table inet t\n${forward}\nadd rule inet t c ct state established,related accept`),
  },
  { name: 'nat', module: 'nft_masq', ...nft(`add table inet t\n${translated}\nadd rule inet t n masquerade`) },
];

export interface FeatureFact {
  readonly feature: Feature;
  readonly outcome: 'works' | 'fails' | 'untried';
  /** What was said when it did not. */
  readonly message: string;
}

export function judgeKernel(facts: readonly FeatureFact[]): Finding[] {
  const { pass, warn, fail } = about('kernel');
  const [first] = facts;
  if (
    first !== undefined &&
    facts.every(({ outcome, message }) => outcome === 'untried' && message === first.message)
  ) {
    return [
      warn('this kernel', `not tried: ${first.message}`, 'Run this as root, with iproute2, nftables and util-linux.'),
    ];
  }
  return facts.map(({ feature, outcome, message }) => {
    if (outcome === 'works') return pass(feature.name, 'works');
    if (outcome === 'untried') {
      return warn(feature.name, `not tried: ${message}`, 'Run this as root, with iproute2, nftables and util-linux.');
    }
    return fail(
      feature.name,
      `the kernel refuses it: ${message}`,
      `Load the module (\`modprobe ${feature.module}\`), or boot a kernel of the distribution's that has it (linux-modules-extra on Ubuntu).`,
    );
  });
}
