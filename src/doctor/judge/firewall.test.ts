import { describe, expect, test } from 'vitest';
import type { Finding } from '../finding.ts';
import { type FirewallFact, judgeFirewall } from './firewall.ts';
import { readIptables, readNft } from './firewall-chains.ts';

function told(findings: readonly Finding[]): string[] {
  for (const { status, remedy } of findings) expect(remedy === '').toBe(status === 'pass');
  return findings.map(({ status, subject, found }) => `${status} ${subject}: ${found}`);
}

const fact: FirewallFact = { chains: [], services: [], forwards: true, port: 4789, wired: true };
const judged = (change: Partial<FirewallFact>) => judgeFirewall({ value: { ...fact, ...change } });

/** As Docker leaves it, with Trama's answer. */
const docker = (answer = '-A DOCKER-USER -i trg+ -m comment --comment "trama:1" -j ACCEPT') => `-P INPUT ACCEPT
-P FORWARD DROP
-P OUTPUT ACCEPT
-N DOCKER
-N DOCKER-USER
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
${answer}
-A DOCKER-USER -j RETURN`;

const table = (name: string, chain: string, hook: string, ...rules: string[]) =>
  `table ${name} {\n\tset s {\n\t\ttype ipv4_addr\n\t}\n\n\tchain ${chain} {\n\t\ttype filter hook ${hook};\n${rules
    .map((rule) => `\t\t${rule}\n`)
    .join('')}\t}\n}\n`;

test('nobody is in the way', () => {
  const chains = [
    ...readIptables(docker()),
    ...readNft(table('inet trama', 'forward', 'forward priority 0; policy accept', 'drop')),
    ...readNft(table('ip6 filter', 'INPUT', 'input priority 0; policy drop')),
    ...readNft(table('inet other', 'in', 'input priority 0; policy accept', 'tcp dport 25 drop')),
  ];
  expect(told(judged({ chains }))).toEqual(['pass this host: nothing of 4 chains of others stands in the way']);
  expect(told(judgeFirewall({ notAsked: 'not root' }))).toEqual(['warn this host: not looked at: not root']);
});

describe('VXLAN', () => {
  test.each([
    [readNft(table('netdev x', 'in', 'ingress device "eth0" priority 0; policy accept', 'udp dport 4789 drop'))],
    [
      readNft(
        table(
          'inet x',
          'pre',
          'prerouting priority 0; policy accept',
          'udp dport { 4789, 8472 } counter packets 1 bytes 2 drop',
        ),
      ),
    ],
    [readIptables('-P INPUT ACCEPT\n-A INPUT -p udp -m udp --dport 4789 -j DROP')],
    [readIptables('-P OUTPUT ACCEPT\n-A OUTPUT -p udp -m udp --dport 4789 -j REJECT')],
  ])('is dropped by name: %#', (chains) => {
    expect(judged({ chains })[0]).toMatchObject({
      status: 'fail',
      found: expect.stringMatching(/^a rule drops VXLAN/),
    });
    expect(judged({ chains, passes: true })[0]?.status).toBe('warn');
  });

  const closed = [
    readNft(table('inet wall', 'in', 'input priority 0; policy drop', 'ct state established accept')),
    readNft(
      table(
        'inet wall',
        'in',
        'input priority 10; policy accept',
        'tcp dport 22 accept',
        'counter packets 3 bytes 9 drop',
      ),
    ),
    readNft(
      table('inet firewalld', 'filter_INPUT', 'input priority 10; policy accept', 'reject with icmpx admin-prohibited'),
    ),
    readIptables(
      '-P INPUT DROP\n-N ufw-user-input\n-A INPUT -j ufw-user-input\n-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT',
    ),
    readIptables('-P INPUT ACCEPT\n-A INPUT -j REJECT --reject-with icmp-host-prohibited'),
  ];
  test.each(closed.map((chains) => [chains]))('is dropped like all that nobody accepts: %#', (chains) => {
    const found = 'drops what it does not know, and no rule accepts UDP 4789';
    expect(judged({ chains, passes: false })).toEqual([expect.objectContaining({ status: 'fail', found })]);
    // Nobody was there to try it with.
    expect(judged({ chains })).toEqual([expect.objectContaining({ status: 'warn', found })]);
    expect(judged({ chains, passes: true })[0]?.status).toBe('pass');
  });

  test.each([
    [readNft(table('inet wall', 'in', 'input priority 0; policy drop', 'udp dport 4789 accept'))],
    [readIptables('-P INPUT DROP\n-N u\n-A INPUT -j u\n-A u -p udp -m udp --dport 4789 -j ACCEPT')],
  ])('is accepted by name: %#', (chains) => {
    expect(judged({ chains, passes: false })[0]?.status).toBe('pass');
  });

  test('is let in by whatever runs the firewall', () => {
    const remedy = (change: Partial<FirewallFact>) => judged({ ...change, passes: false })[0]?.remedy;
    const chains = (at: number) => closed[at] ?? [];
    expect(remedy({ chains: chains(0) })).toContain('nft insert rule inet wall in udp dport 4789 accept');
    expect(remedy({ chains: chains(2) })).toContain('firewall-cmd --permanent --add-port=4789/udp');
    expect(remedy({ chains: chains(3), services: ['ufw'] })).toContain('ufw allow 4789/udp');
    expect(remedy({ chains: chains(3) })).toContain('iptables -I INPUT -p udp --dport 4789 -j ACCEPT');
  });
});

describe('what networks forward', () => {
  test('is dropped by Docker’s policy, unanswered', () => {
    expect(told(judged({ chains: readIptables(docker('')) }))).toEqual([
      'fail iptables filter FORWARD: drops what it does not know, and Trama’s rules are missing from DOCKER-USER',
    ]);
    // The agent has not been here yet.
    expect(judged({ chains: readIptables(docker('')), wired: false })[0]?.status).toBe('pass');
  });

  test.each([['-P FORWARD DROP'], [docker().replace('-A FORWARD -j DOCKER-USER\n', '')]])(
    'is dropped, and nobody can answer: %#',
    (text) => {
      expect(told(judged({ chains: readIptables(text) }))).toEqual([
        'fail iptables filter FORWARD: drops what it does not know, and there is no DOCKER-USER in which Trama could answer',
      ]);
    },
  );

  test('is accepted by somebody else’s rule', () => {
    const chains = readIptables('-P FORWARD DROP\n-A FORWARD -i trg+ -j ACCEPT\n-A FORWARD -o trg+ -j ACCEPT');
    expect(judged({ chains })[0]?.status).toBe('pass');
  });

  test('is led to where somebody accepts it', () => {
    const ufw =
      '-P FORWARD DROP\n-N ufw-user-forward\n-A FORWARD -j ufw-user-forward\n-A ufw-user-forward -i trg+ -j ACCEPT';
    expect(judged({ chains: readIptables(ufw) })[0]?.status).toBe('pass');
    const zone = ['iifname "trg*" goto filter_FWD_trusted', 'reject with icmpx admin-prohibited'];
    const firewalld = table('inet firewalld', 'filter_FORWARD', 'forward priority 10; policy accept', ...zone);
    expect(judged({ chains: readNft(firewalld) })[0]?.status).toBe('pass');
    const shut = firewalld.replace('goto filter_FWD_trusted', 'drop');
    expect(judged({ chains: readNft(shut) })[0]?.status).toBe('fail');
    expect(judged({ chains: readNft(shut) })[0]?.remedy).toContain('--zone=trusted --add-interface=trg+');
  });

  test('is dropped by nft', () => {
    const text = table('inet wall', 'fwd', 'forward priority 0; policy drop');
    expect(told(judged({ chains: readNft(text) }))).toEqual([
      'fail nft inet wall fwd: drops what it does not know: containers of networks do not get out, and published ports lead nowhere',
    ]);
    const open = table(
      'inet wall',
      'fwd',
      'forward priority 0; policy drop',
      'iifname "trg*" accept',
      'oifname "trg*" accept',
    );
    expect(judged({ chains: readNft(open) })[0]?.status).toBe('pass');
  });

  test('is switched off as a whole', () => {
    expect(told(judged({ forwards: false }))).toEqual([
      'fail ip_forward: this host forwards nothing: networks have no way out',
    ]);
    expect(judged({ forwards: false, wired: false })[0]?.status).toBe('pass');
  });
});
