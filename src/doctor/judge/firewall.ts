/** Whether other people's firewalls stand in the way of VXLAN, or of what networks send through the host. */
import { type Asked, about, type Finding } from '../finding.ts';
import { accepts, type Chain, drops, isClosed } from './firewall-chains.ts';

export interface FirewallFact {
  readonly chains: readonly Chain[];
  /** Those that are running. */
  readonly services: readonly ('firewalld' | 'ufw')[];
  /** net.ipv4.ip_forward; absent: unknown. */
  readonly forwards?: boolean;
  /** UDP port of VXLAN. */
  readonly port: number;
  /** Whether this host has ever been wired: the agent's answers to Docker should be there then. */
  readonly wired: boolean;
  /** Whether VXLAN was seen to pass both ways with every node that could be tried; absent: with none. */
  readonly passes?: boolean;
}

export function judgeFirewall(fact: Asked<FirewallFact>): Finding[] {
  const { pass, warn } = about('firewall');
  if ('notAsked' in fact) {
    return [
      warn('this host', `not looked at: ${fact.notAsked}`, 'Run this as root, with nftables and iptables installed.'),
    ];
  }
  const found = [...blockedVxlan(fact.value), ...closedInput(fact.value), ...forwarding(fact.value)];
  if (found.length > 0) return found;
  const bases = fact.value.chains.filter(({ hook }) => hook !== undefined);
  return [pass('this host', `nothing of ${bases.length} chains of others stands in the way`)];
}

const nameOf = ({ tool, table, name }: Chain): string => `${tool} ${table} ${name}`;

/** Somebody names the very port. */
function blockedVxlan({ chains, port, passes }: FirewallFact): Finding[] {
  const { warn, fail } = about('firewall');
  const named = new RegExp(`\\bdport\\b.*\\b${port}\\b`);
  return chains.flatMap((chain) => {
    const rule = chain.rules.find((rule) => named.test(rule) && drops(rule));
    if (rule === undefined) return [];
    const remedy = `Delete that rule, or let the other nodes’ UDP ${port} pass before it.`;
    const found = `a rule drops VXLAN: ${rule}`;
    return [passes === true ? warn(nameOf(chain), found, remedy) : fail(nameOf(chain), found, remedy)];
  });
}

/** Drops what nobody accepts, and nobody accepts VXLAN by name. What was seen to pass is accepted somehow. */
function closedInput({ chains, services, port, passes }: FirewallFact): Finding[] {
  if (passes === true) return [];
  const { warn, fail } = about('firewall');
  const closed = chains.filter((chain) => chain.hook === 'input' && isClosed(chain));
  return closed
    .filter((chain) => !ofTable(chains, chain).some((rule) => accepts(rule) && new RegExp(`\\b${port}\\b`).test(rule)))
    .map((chain) => {
      const found = `drops what it does not know, and no rule accepts UDP ${port}`;
      const remedy = opening(chain, services, port);
      return passes === false ? fail(nameOf(chain), found, remedy) : warn(nameOf(chain), found, remedy);
    });
}

const ofTable = (chains: readonly Chain[], { tool, table }: Chain): string[] =>
  chains.filter((each) => each.tool === tool && each.table === table).flatMap(({ rules }) => rules);

function opening({ tool, table, name }: Chain, services: FirewallFact['services'], port: number): string {
  if (tool === 'iptables' && services.includes('ufw')) return `Let it in: \`ufw allow ${port}/udp\`.`;
  if (table === 'inet firewalld') {
    return `Let it in: \`firewall-cmd --permanent --add-port=${port}/udp && firewall-cmd --reload\`.`;
  }
  if (tool === 'iptables') return `Let it in: \`iptables -I ${name} -p udp --dport ${port} -j ACCEPT\`, and save that.`;
  return `Let it in: \`nft insert rule ${table} ${name} udp dport ${port} accept\`, and save that.`;
}

function forwarding(fact: FirewallFact): Finding[] {
  const { fail } = about('firewall');
  const off = fact.forwards === false && fact.wired;
  const remedy = 'Switch it on (`sysctl -w net.ipv4.ip_forward=1`), or restart Docker, which does.';
  return [
    ...(off ? [fail('ip_forward', 'this host forwards nothing: networks have no way out', remedy)] : []),
    ...fact.chains
      .filter((chain) => chain.hook === 'forward' && isClosed(chain))
      .flatMap((chain) => (chain.tool === 'iptables' ? closedByIptables(chain, fact) : closedByNft(chain, fact))),
  ];
}

/** Somebody has thought of them: accepts them, or leads them where they are accepted, as firewalld's zones do. */
const ofNetworks = (rule: string): boolean => /\btrg(\d|\*|\+)/.test(rule) && !drops(rule);

/** Docker's own is answered in DOCKER-USER. */
function closedByIptables(chain: Chain, { chains, wired }: FirewallFact): Finding[] {
  const { fail } = about('firewall');
  const user = chains.find(({ tool, name }) => tool === 'iptables' && name === 'DOCKER-USER');
  const others = chains.filter((each) => each !== user);
  if (ofTable(others, chain).some(ofNetworks)) return [];
  const reached = chain.rules.some((rule) => /-j DOCKER-USER\b/.test(rule));
  if (user === undefined || !reached) {
    const found = 'drops what it does not know, and there is no DOCKER-USER in which Trama could answer';
    return [
      fail(
        nameOf(chain),
        found,
        'Restart Docker (`systemctl restart docker`), which makes that chain; the agent then adds its rules.',
      ),
    ];
  }
  if (!wired || user.rules.some(ofNetworks)) return [];
  const found = 'drops what it does not know, and Trama’s rules are missing from DOCKER-USER';
  return [fail(nameOf(chain), found, 'Start the agent, which puts them back, and find out who flushes them.')];
}

function closedByNft(chain: Chain, { chains }: FirewallFact): Finding[] {
  if (ofTable(chains, chain).some(ofNetworks)) return [];
  const { fail } = about('firewall');
  const found = 'drops what it does not know: containers of networks do not get out, and published ports lead nowhere';
  const remedy =
    chain.table === 'inet firewalld'
      ? 'Trust Trama’s interfaces: `firewall-cmd --permanent --zone=trusted --add-interface=trg+ && firewall-cmd --reload`.'
      : `Let them pass: \`nft insert rule ${chain.table} ${chain.name} iifname "trg*" accept\`, and the same with oifname.`;
  return [fail(nameOf(chain), found, remedy)];
}
