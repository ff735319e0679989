/** Every firewall of this host, as nft and iptables show them. */
import type { Spawn } from '../../platform/platform.ts';
import type { ExaminedHost } from '../doctor.ts';
import type { Asked } from '../finding.ts';
import type { FirewallFact } from '../judge/firewall.ts';
import { readIptables, readNft } from '../judge/firewall-chains.ts';
import { asked, only } from './cluster.ts';
import { isThere } from './host.ts';

export async function lookAtFirewall(host: ExaminedHost, port: number, passes?: boolean): Promise<Asked<FirewallFact>> {
  const { spawn } = host;
  const [nft, iptables, forward, firewalld, ufw] = await Promise.all([
    asked(() => printed(spawn, 'nft', '-n', 'list', 'ruleset')),
    asked(() => printed(spawn, 'iptables', '-w', '-S')),
    host.readFile('/proc/sys/net/ipv4/ip_forward').catch(() => undefined),
    isThere(host, '/run/firewalld.pid'),
    host.readFile('/etc/ufw/ufw.conf').catch(() => ''),
  ]);
  const legacy = (await asked(() => printed(spawn, 'iptables', '--version'))) as { readonly value?: string };
  return only(nft, (ruleset) => {
    const ofIptables = 'value' in iptables ? readIptables(iptables.value) : [];
    // What iptables writes by nft is listed by both.
    const twice = ofIptables.length > 0 && !legacy.value?.includes('legacy');
    const chains = readNft(ruleset).filter(({ table }) => !(twice && table === 'ip filter'));
    return {
      chains: [...chains, ...ofIptables],
      services: [...(firewalld ? ['firewalld' as const] : []), ...(/^ENABLED=yes/m.test(ufw) ? ['ufw' as const] : [])],
      ...(forward === undefined ? {} : { forwards: forward.trim() !== '0' }),
      port,
      wired: /^table inet trama \{/m.test(ruleset),
      ...(passes === undefined ? {} : { passes }),
    };
  });
}

async function printed(spawn: Spawn, ...argv: [string, ...string[]]): Promise<string> {
  const { code, stdout, stderr } = await spawn({ argv });
  if (code !== 0) throw new Error(`${argv[0]}: ${stderr.trim().split('\n')[0] || `ended with code ${code}`}`);
  return stdout;
}
