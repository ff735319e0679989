import { describe, expect, test } from 'vitest';
import { explain } from './explain.ts';
import { keyOf } from './identity.ts';
import { markOf } from './names.ts';
import type { KernelObject } from './objects.ts';
import { inOrder } from './order.ts';
import { commandsOf, shellLine } from './print.ts';
import { type Step, subjectOf, undo } from './steps.ts';
import { bridge, data, farEnd, gateway, names, table, veth, vxlan } from './testing/objects.ts';

const inHost = { ns: '', family: 'inet', table: 'trama' } as const;
const rule = 'iifname "trv*" jump guard';

/** Every kind, with what a person would type to create and to delete it. */
const golden: readonly (readonly [KernelObject, readonly string[], readonly string[], string])[] = [
  [
    { kind: 'namespace', name: 'trama' },
    ['ip netns add trama'],
    ['ip netns del trama'],
    'Create the network namespace trama.',
  ],
  [
    bridge,
    ['ip -n trama link add name trb42 mtu 1450 type bridge', 'ip -n trama link set dev trb42 up'],
    ['ip -n trama link del dev trb42'],
    'Create the bridge trb42 in namespace trama.',
  ],
  [
    vxlan,
    [
      'ip link add name trx42 netns trama mtu 1450 type vxlan id 42 dstport 4789 local 192.0.2.1 dev eth0 group 239.1.1.1 ttl 8 learning',
      'ip -n trama link set dev trx42 master trb42',
      'ip -n trama link set dev trx42 up',
    ],
    ['ip -n trama link del dev trx42'],
    'Create the VXLAN device trx42 in namespace trama with VNI 42 from 192.0.2.1:4789, multicast group 239.1.1.1, a port of trb42.',
  ],
  [
    veth,
    [
      'ip -n trama link add name trv0011223344 mtu 1450 master trb42 type veth peer name trp0011223344 mtu 1450 address 02:42:0a:2a:00:05 netns 1',
      'ip -n trama link set dev trv0011223344 type bridge_slave learning off isolated on',
      'ip -n trama link set dev trv0011223344 up',
    ],
    ['ip -n trama link del dev trv0011223344'],
    'Create the veth pair trv0011223344 in namespace trama and trp0011223344 on the host, a port of trb42.',
  ],
  [
    farEnd,
    [
      'nsenter --net=/run/netns/c1 ip link set dev eth0 mtu 1450',
      'nsenter --net=/run/netns/c1 ip link set dev eth0 up',
    ],
    ['nsenter --net=/run/netns/c1 ip link del dev eth0'],
    'Create the second end eth0 in /run/netns/c1 of veth trv0011223344.',
  ],
  [
    gateway,
    [
      'ip -n trama link add name trg42 index 1073741866 link trb42 netns 1 mtu 1450 type macvlan mode passthru nopromisc',
      'ip link set dev trg42 up',
    ],
    ['ip link del dev trg42'],
    'Create the macvlan trg42 on the host over trb42 in namespace trama.',
  ],
  [
    { kind: 'address', ns: '', device: 'trg42', cidr: '10.42.0.1/16' },
    ['ip addr replace 10.42.0.1/16 dev trg42'],
    ['ip addr del 10.42.0.1/16 dev trg42'],
    'Create the address 10.42.0.1/16 of trg42 on the host.',
  ],
  [
    { kind: 'route', ns: '', destination: '10.9.0.0/16', via: '10.42.0.2', device: 'trg42', source: '10.42.0.1' },
    ['ip route add 10.9.0.0/16 via 10.42.0.2 dev trg42 proto 84 src 10.42.0.1'],
    ['ip route del 10.9.0.0/16 via 10.42.0.2 dev trg42 proto 84 src 10.42.0.1'],
    'Create the route to 10.9.0.0/16 by way of 10.42.0.2 through trg42 on the host.',
  ],
  [
    { kind: 'neighbour', ...data, device: 'trb42', address: '10.42.0.7', mac: '02:42:0a:2a:00:07' },
    ['ip -n trama neigh replace 10.42.0.7 lladdr 02:42:0a:2a:00:07 dev trb42 nud permanent'],
    ['ip -n trama neigh del 10.42.0.7 dev trb42'],
    'Create the neighbour entry 10.42.0.7 → 02:42:0a:2a:00:07 on trb42 in namespace trama.',
  ],
  [
    { kind: 'fdb', ...data, device: 'trx42', mac: '00:00:00:00:00:00', table: 'self', destination: '192.0.2.2' },
    ['bridge -n trama fdb append 00:00:00:00:00:00 dev trx42 dst 192.0.2.2 self permanent'],
    ['bridge -n trama fdb del 00:00:00:00:00:00 dev trx42 dst 192.0.2.2 self'],
    'Create the forwarding entry for broadcast and multicast → VTEP 192.0.2.2 of trx42 in namespace trama.',
  ],
  [
    { kind: 'fdb', ...data, device: 'trv0011223344', mac: '02:42:0a:2a:00:05', table: 'master' },
    ['bridge -n trama fdb replace 02:42:0a:2a:00:05 dev trv0011223344 master static'],
    ['bridge -n trama fdb del 02:42:0a:2a:00:05 dev trv0011223344 master'],
    'Create the forwarding entry 02:42:0a:2a:00:05 → port trv0011223344 in namespace trama.',
  ],
  [
    { kind: 'fdb', ...data, device: 'trb42', mac: '02:42:0a:2a:00:01', table: 'self' },
    ['bridge -n trama fdb replace 02:42:0a:2a:00:01 dev trb42 self permanent'],
    ['bridge -n trama fdb del 02:42:0a:2a:00:01 dev trb42 self'],
    'Create the forwarding entry 02:42:0a:2a:00:01 → the bridge trb42 itself in namespace trama.',
  ],
  [
    { kind: 'nft-table', ...table },
    ["nsenter --net=/run/netns/trama nft 'add table bridge trama'"],
    ["nsenter --net=/run/netns/trama nft 'delete table bridge trama'"],
    'Create the nft table bridge trama in namespace trama.',
  ],
  [
    {
      kind: 'nft-set',
      ns: '',
      family: 'inet',
      table: 'trama',
      name: 'nets',
      type: 'type ipv4_addr',
      flags: 'interval',
    },
    ["nft 'add set inet trama nets { type ipv4_addr; flags interval; }'"],
    ["nft 'delete set inet trama nets'"],
    'Create the nft set nets of table inet trama on the host.',
  ],
  [
    { kind: 'nft-element', ...table, set: 'ports', key: ['trv0011223344', '02:42:0a:2a:00:05', '10.42.0.5'] },
    [
      `nsenter --net=/run/netns/trama nft 'add element bridge trama ports { "trv0011223344" . 02:42:0a:2a:00:05 . 10.42.0.5 }'`,
    ],
    [
      `nsenter --net=/run/netns/trama nft 'delete element bridge trama ports { "trv0011223344" . 02:42:0a:2a:00:05 . 10.42.0.5 }'`,
    ],
    'Create the element trv0011223344 . 02:42:0a:2a:00:05 . 10.42.0.5 of nft set ports (bridge trama) in namespace trama.',
  ],
  [
    { kind: 'nft-map', ...inHost, name: 'doors', type: 'type inet_proto . inet_service : ipv4_addr . inet_service' },
    ["nft 'add map inet trama doors { type inet_proto . inet_service : ipv4_addr . inet_service; }'"],
    ["nft 'delete map inet trama doors'"],
    'Create the nft map doors of table inet trama on the host.',
  ],
  [
    { kind: 'nft-map-element', ...inHost, map: 'doors', key: ['tcp', '8080'], value: ['10.42.0.5', '80'] },
    [`nft 'add element inet trama doors { "tcp" . 8080 : 10.42.0.5 . 80 }'`],
    [`nft 'delete element inet trama doors { "tcp" . 8080 }'`],
    'Create the entry tcp . 8080 → 10.42.0.5 . 80 of nft map doors (inet trama) on the host.',
  ],
  [
    { kind: 'nft-map-element', ...inHost, map: 'at', key: ['192.0.2.1', 'udp', '53'], value: ['10.42.0.5', '5353'] },
    [
      `nft 'add element inet trama at { 192.0.2.1 . "udp" . 53 : 10.42.0.5 . 5353 }'`,
      'conntrack -D -p udp --orig-port-dst 53 --orig-dst 192.0.2.1 || true',
    ],
    [
      `nft 'delete element inet trama at { 192.0.2.1 . "udp" . 53 }'`,
      'conntrack -D -p udp --orig-port-dst 53 --orig-dst 192.0.2.1 || true',
    ],
    'Create the entry 192.0.2.1 . udp . 53 → 10.42.0.5 . 5353 of nft map at (inet trama) on the host.',
  ],
  [
    { kind: 'nft-map-element', ...inHost, map: 'doors', key: ['udp', '53'], value: ['10.42.0.5', '5353'] },
    [
      `nft 'add element inet trama doors { "udp" . 53 : 10.42.0.5 . 5353 }'`,
      `sh -c 'for address in $(ip -4 route show table local type local | cut -d'\\'' '\\'' -f2); do conntrack -D -p udp --orig-port-dst 53 --orig-dst $address || true; done'`,
    ],
    [
      `nft 'delete element inet trama doors { "udp" . 53 }'`,
      `sh -c 'for address in $(ip -4 route show table local type local | cut -d'\\'' '\\'' -f2); do conntrack -D -p udp --orig-port-dst 53 --orig-dst $address || true; done'`,
    ],
    'Create the entry udp . 53 → 10.42.0.5 . 5353 of nft map doors (inet trama) on the host.',
  ],
  [
    {
      ...{ kind: 'nft-chain', ns: '', family: 'inet', table: 'trama', name: 'in', rules: [rule] },
      hook: { type: 'filter', hook: 'input', priority: -10 },
    },
    [
      `nft 'add chain inet trama in { type filter hook input priority -10; policy accept; }; flush chain inet trama in; add rule inet trama in ${rule} comment "${markOf(rule)}"'`,
    ],
    ["nft 'flush chain inet trama in; delete chain inet trama in'"],
    'Create the nft chain in of table inet trama on the host.',
  ],
  [
    { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER', rule: ['-i', 'trg42', '-j', 'ACCEPT'] },
    [`iptables -w 5 -t filter -I DOCKER-USER -m comment --comment ${markOf('-i trg42 -j ACCEPT')} -i trg42 -j ACCEPT`],
    [`iptables -w 5 -t filter -D DOCKER-USER -m comment --comment ${markOf('-i trg42 -j ACCEPT')} -i trg42 -j ACCEPT`],
    'Create the iptables rule -i trg42 -j ACCEPT in filter DOCKER-USER on the host.',
  ],
  [
    { kind: 'iptables', ns: '', table: 'filter', chain: 'DOCKER-USER', rule: ['-i', 'trg+', '-j', 'ACCEPT'] },
    ['iptables -w 5 -t filter -I DOCKER-USER -i trg+ -j ACCEPT'],
    ['iptables -w 5 -t filter -D DOCKER-USER -i trg+ -j ACCEPT'],
    'Create the iptables rule -i trg+ -j ACCEPT in filter DOCKER-USER on the host.',
  ],
  [
    { kind: 'sysctl', ns: '', key: 'net/ipv4/ip_forward', value: '1', previous: '0' },
    ['sysctl -w net/ipv4/ip_forward=1'],
    ['sysctl -w net/ipv4/ip_forward=0'],
    'Create the sysctl net.ipv4.ip_forward = 1 on the host.',
  ],
];

const lines = (step: Step) => commandsOf(step).map(shellLine);

describe('a step', () => {
  test.each(golden)('of %o is printed and explained', (object, created, deleted, sentence) => {
    const step: Step = { op: 'create', after: object };
    expect(lines(step)).toEqual(created);
    expect(lines(undo(step))).toEqual(deleted);
    expect(undo(undo(step))).toEqual(step);
    expect(explain(step)).toBe(sentence);
  });

  test('that changes a link touches what differs only', () => {
    const before = { ...veth, mtu: 1500, up: false, port: { learning: true, isolated: true } } as KernelObject;
    const step: Step = { op: 'change', before, after: veth };
    expect(lines(step)).toEqual([
      'ip -n trama link set dev trv0011223344 mtu 1450',
      'ip -n trama link set dev trv0011223344 type bridge_slave learning off',
      'ip -n trama link set dev trv0011223344 up',
    ]);
    expect(lines(undo(step))[0]).toBe('ip -n trama link set dev trv0011223344 down');
    expect(explain(step)).toContain('mtu 1500 → 1450');
  });

  test('that changes an element of a map leaves no moment without it', () => {
    const before = {
      kind: 'nft-map-element',
      ...inHost,
      map: 'm',
      key: ['tcp', '80'],
      value: ['10.42.0.5', '80'],
    } as const;
    const step: Step = { op: 'change', before, after: { ...before, value: ['10.42.0.6', '80'] } };
    expect(lines(step)).toEqual([
      `nft 'delete element inet trama m { "tcp" . 80 }; add element inet trama m { "tcp" . 80 : 10.42.0.6 . 80 }'`,
    ]);
    expect(explain(step)).toContain('was 10.42.0.5 . 80');
  });

  test('in a sandbox enters it by its path', () => {
    const after = { kind: 'address', ns: '/run/docker/netns/ab', device: 'eth0', cidr: '10.42.0.5/16' } as const;
    expect(lines({ op: 'create', after })).toEqual([
      'nsenter --net=/run/docker/netns/ab ip addr replace 10.42.0.5/16 dev eth0',
    ]);
  });

  test.each(['a b', 'a\nlink del eth0', '', 'a#b', "a'b"])('with the name %j is refused', (name) => {
    expect(() => commandsOf({ op: 'create', after: { ...bridge, name } as KernelObject })).toThrow(/cannot be given/);
    const element = { kind: 'nft-element', ...table, set: 'ports', key: [name] } as const;
    expect(() => commandsOf({ op: 'create', after: element })).toThrow(/cannot be/);
  });
});

describe('the order of steps', () => {
  test('creation goes from filters to links to what stands on them, deletion the other way round', () => {
    const objects = golden.map(([object]) => object).reverse();
    const created = inOrder(objects.map((after) => ({ op: 'create', after })));
    const kinds = created.map((step) => keyOf(subjectOf(step)).split(' ')[0]);
    expect([...new Set(kinds)]).toEqual([
      ...['namespace', 'sysctl', 'nft-table', 'nft-set', 'nft-map', 'nft-element', 'nft-map-element'],
      ...['nft-chain', 'link', 'address', 'neighbour', 'fdb', 'route', 'iptables'],
    ]);
    expect(names(created).filter((name) => name.includes('link'))).toEqual(
      [
        'create link trama trb42',
        'create link - trg42',
        'create link trama trx42',
        'create link trama trv0011223344',
        'create link /run/netns/c1 eth0',
      ].map((name) => name.split(' ').slice(0, 4).join(' ')),
    );
    const deleted = inOrder(objects.map((before) => ({ op: 'delete', before })));
    const last = deleted.map((step) => keyOf(subjectOf(step)).split(' ')[0]);
    expect([...new Set(last)]).toEqual([...new Set(kinds)].reverse());
  });

  test('a chain comes after those that it jumps to, and goes before them', () => {
    const chain = (name: string, ...rules: string[]): KernelObject => ({ kind: 'nft-chain', ...table, name, rules });
    const chains = [chain('a', 'jump b'), chain('b', 'ip saddr 10.0.0.1 goto c'), chain('c', 'drop')];
    const order = (op: 'create' | 'delete') =>
      inOrder(chains.map((one): Step => (op === 'create' ? { op, after: one } : { op, before: one })))
        .map((step) => subjectOf(step))
        .map((object) => 'name' in object && object.name);
    expect(order('create')).toEqual(['c', 'b', 'a']);
    expect(order('delete')).toEqual(['a', 'b', 'c']);
  });
});
