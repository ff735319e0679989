import { describe, expect, test } from 'vitest';
import { nodeOf } from './model.ts';
import { readTopology } from './read.ts';
import { modelFrom, problemsOf } from './testing/models.ts';

test('a plain file of containerlab is taken, and what means nothing here is told', () => {
  const text = `name: two
prefix: ""
mgmt: {network: x}
topology:
  defaults: {kind: linux}
  nodes:
    a: {binds: ["/x:/y"], env: {A: b}}
    b: {kind: linux, image: alpine, cmd: sh, ports: ["8080:80"]}
  links:
    - endpoints: ["a:eth1", "b:eth1"]
      vars: {x: 1}
    - type: veth
      endpoints: [{node: a, interface: eth2, mac: "02:00:00:00:00:01"}, {node: b, interface: eth2}]
`;
  const { warnings } = readTopology('two.clab.yml', text);
  expect(warnings.map((warning) => warning.replace(/: means something.*/, ''))).toEqual([
    ...['two.clab.yml:2: prefix', 'two.clab.yml:3: mgmt', 'two.clab.yml:5: topology.defaults'],
    ...['two.clab.yml:7: topology.nodes.a.binds', 'two.clab.yml:7: topology.nodes.a.env'],
    ...[
      'two.clab.yml:8: topology.nodes.b.image',
      'two.clab.yml:8: topology.nodes.b.cmd',
      'two.clab.yml:8: topology.nodes.b.ports',
      'two.clab.yml:11: topology.links[0].vars',
      'two.clab.yml:12: topology.links[1].type',
      'two.clab.yml:13: topology.links[1].endpoints[0].mac',
    ],
  ]);
  expect(modelFrom(text).cables).toMatchObject([
    {
      ends: [
        { node: 'a', port: 'eth1' },
        { node: 'b', port: 'eth1' },
      ],
    },
    {
      ends: [
        { node: 'a', port: 'eth2' },
        { node: 'b', port: 'eth2' },
      ],
    },
  ]);
});

test.each([
  ['its kind', 'kinds: {linux: {image: alpine}}'],
  ['the defaults', 'defaults: {image: alpine}'],
  ['its group', 'groups: {servers: {image: alpine}}'],
  ['the group of the defaults', 'defaults: {group: servers}\n  groups: {servers: {image: alpine}}'],
  ['its group, as is its kind', 'defaults: {kind: router}\n  groups: {servers: {kind: linux, image: alpine}}'],
])('a program of an image that a node of containerlab has from %s is told, and not run', (_from, inherited) => {
  const node = inherited.includes('defaults: {group') ? '{cmd: sh /start.sh}' : '{group: servers, cmd: sh /start.sh}';
  const text = `name: one\ntopology:\n  ${inherited}\n  nodes:\n    a: ${node}\n`;
  expect(readTopology('c.yml', text).warnings).toContainEqual(expect.stringContaining('topology.nodes.a.cmd: means'));
  expect(nodeOf(modelFrom(text), 'a')).not.toHaveProperty('command');
});

describe('what containerlab executes in a node', () => {
  const text = (lines: string) => `name: chain
topology:
  nodes:
    pc:
      exec:
        - ip addr add 10.0.1.2/24 dev eth1
        - ip  route replace default  via 10.0.1.1 dev eth1
    r1:
      kind: linux
      image: frr
      exec: [ip link set eth1 up, ip address add 10.0.1.1/24 brd 10.0.1.255 dev eth1, ip a add 10.0.2.1/24 dev eth2, sysctl -w net.ipv4.ip_forward=1]
    far:
      exec:
${lines}
    br: {kind: bridge}
  links:
    - endpoints: ["pc:eth1", "r1:eth1"]
    - endpoints: ["r1:eth2", "br:p1"]
    - endpoints: ["far:eth1", "br:p2"]
`;
  const linesOf = (...lines: string[]) => text(lines.map((line) => `        - ${line}`).join('\n'));
  const warningsOf = (file: string) =>
    readTopology('c.yml', file).warnings.map((warning) => warning.replace(/: means something.*/, ''));

  test('is what the network has: addresses, routes, and packets passed on', () => {
    const file = linesOf('ip addr add 10.0.2.7/24 dev eth1', 'ip route add 10.0.1.0/24 via 10.0.2.1');
    expect(warningsOf(file)).toEqual(['c.yml:10: topology.nodes.r1.image']);
    const model = modelFrom(file);
    const shown = model.nodes.map(({ name, ports, routes, forwards }) => ({
      ...{ name, forwards },
      addresses: ports.flatMap(({ name: port, cidr }) => (cidr === undefined ? [] : [`${port} ${cidr}`])),
      routes: routes.map(({ to, via }) => `${to} ${via}`),
    }));
    expect(shown).toEqual([
      { name: 'pc', forwards: false, addresses: ['eth1 10.0.1.2/24'], routes: ['default 10.0.1.1'] },
      { name: 'r1', forwards: true, addresses: ['eth1 10.0.1.1/24', 'eth2 10.0.2.1/24'], routes: [] },
      { name: 'far', forwards: false, addresses: ['eth1 10.0.2.7/24'], routes: ['10.0.1.0/24 10.0.2.1'] },
      { name: 'br', forwards: false, addresses: [], routes: [] },
    ]);
  });

  test.each([
    'rm -rf /etc/motd',
    'ip addr add 10.0.2.9/24 dev lo',
    'ip addr add 10.0.2.9/24 dev eth7',
    'ip addr add fd00::1/64 dev eth1',
    'ip addr add 10.0.2.9/33 dev eth1',
    'ip addr add 10.0.2.9/24 dev eth1; reboot',
    'ip route add default dev eth1',
    'ip route add nonsense via 10.0.2.1',
    '{a: b}',
  ])('is not executed: %s is told', (line) => {
    const file = linesOf('ip addr add 10.0.2.7/24 dev eth1', line);
    expect(warningsOf(file)).toContain('c.yml:15: topology.nodes.far.exec[1]');
  });

  test('is told where a node is none of containerlab’s', () => {
    const file = text('        - ip addr add 10.0.2.7/24 dev eth1').replace(
      '    far:\n',
      '    far:\n      kind: router\n',
    );
    expect(warningsOf(file)).toContain('c.yml:14: topology.nodes.far.exec');
  });

  test('is routes too where addresses come from the links, the last of each target', () => {
    const routes = ['ip route add 10.0.1.0/24 via 10.0.2.9', 'ip route replace 10.0.1.0/24 via 10.0.2.1'];
    const file = linesOf(...routes).replace(
      '["far:eth1", "br:p2"]',
      '["far:eth1", "br:p2"]\n      ipv4: ["10.0.2.8", ""]',
    );
    expect(warningsOf(file)).toEqual(['c.yml:10: topology.nodes.r1.image']);
    expect(nodeOf(modelFrom(file), 'far')).toMatchObject({
      ports: [{ cidr: '10.0.2.8/24' }],
      routes: [{ to: '10.0.1.0/24', via: '10.0.2.1' }],
    });
  });

  test.each([
    ['ip addr add 10.0.2.7/24 dev eth1', 'an address beside that of the link'],
    ['ip route add 10.9.0.0/24 via 172.20.20.1', 'a next hop in containerlab’s own network'],
  ])('is not what the network has: %s, %s', (line) => {
    const file = linesOf(line).replace(
      '["far:eth1", "br:p2"]',
      '["far:eth1", "br:p2"]\n      ipv4: ["10.0.2.8", ""]\n      prefix: 10.0.2.0/24',
    );
    expect(warningsOf(file)).toContain('c.yml:14: topology.nodes.far.exec[0]');
    expect(problemsOf(file)).toEqual([]);
  });

  test('makes a router of who is told to forward', () => {
    const file = linesOf('ip addr add 10.0.2.7/24 dev eth1', 'sysctl -w net.ipv4.ip_forward=1');
    expect(nodeOf(modelFrom(file), 'far')).toMatchObject({ forwards: true });
  });

  test('has to be possible', () => {
    const far = (line: string) => problemsOf(linesOf(line));
    expect(far('ip addr add 10.0.2.1/24 dev eth1')).toEqual([expect.stringMatching(/^lab\.yaml:\d+: .*10\.0\.2\.1/)]);
    expect(far('ip addr add 10.0.3.7/24 dev eth1')).toContainEqual(
      expect.stringMatching(/^lab\.yaml:19: .*has 10\.0\.2\.0\/24 already/),
    );
    const other = linesOf().replace('10.0.1.1/24 brd 10.0.1.255', '10.0.1.1/30');
    expect(problemsOf(other)).toEqual([
      'lab.yaml:11: topology.nodes.r1.exec[1]: the link of eth1 has the prefix 10.0.1.0/24, and this address is of 10.0.1.0/30: give both ends one',
    ]);
  });
});
