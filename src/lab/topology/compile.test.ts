import { describe, expect, test } from 'vitest';
import { gridTopology, parseGrid } from './grid.ts';
import { addressOf, nodeOf } from './model.ts';
import { readTopology } from './read.ts';
import { modelFrom, problemsOf } from './testing/models.ts';

const addresses = (text: string) =>
  Object.fromEntries(
    modelFrom(text).nodes.flatMap(({ name, bridge, ports }) =>
      [...(bridge ? [bridge] : []), ...ports].flatMap((one) =>
        one.cidr === undefined ? [] : [[`${name}:${one.name}`, one.cidr]],
      ),
    ),
  );
const routesOf = (text: string, name: string) =>
  nodeOf(modelFrom(text), name)?.routes.map(({ to, via, device }) => `${to} ${via} ${device}`);

describe('addresses', () => {
  test('of a link follow from its prefix: a /30 and a /31 too', () => {
    const text = (prefix: string) => `name: x
topology:
  nodes: {a: {kind: router}, b: {kind: router}}
  links: [{endpoints: ["a:eth0", "b:eth0"], prefix: ${prefix}}]`;
    expect(addresses(text('10.0.0.4/30'))).toEqual({ 'a:eth0': '10.0.0.5/30', 'b:eth0': '10.0.0.6/30' });
    expect(addresses(text('10.0.0.4/31'))).toEqual({ 'a:eth0': '10.0.0.4/31', 'b:eth0': '10.0.0.5/31' });
  });

  test('of a host with a bridge: itself first, then containers, around what the file gives', () => {
    expect(
      addresses(`name: x
topology:
  nodes:
    h: {kind: host, prefix: 10.0.0.0/24}
    c1: {kind: container, host: h}
    c2: {kind: container, host: h, address: 10.0.0.3}
    c3: {kind: container, host: h}`),
    ).toEqual({ 'h:br0': '10.0.0.1/24', 'c1:eth0': '10.0.0.2/24', 'c2:eth0': '10.0.0.3/24', 'c3:eth0': '10.0.0.4/24' });
  });

  test('of a host with point-to-point links: a /30 for each container', () => {
    expect(
      addresses(`name: x
topology:
  nodes:
    h: {kind: host, prefix: 10.0.0.0/24, attach: p2p}
    c1: {kind: container, host: h}
    c2: {kind: container, host: h}`),
    ).toEqual({
      ...{ 'h:c1': '10.0.0.1/30', 'c1:eth0': '10.0.0.2/30' },
      ...{ 'h:c2': '10.0.0.5/30', 'c2:eth0': '10.0.0.6/30' },
    });
  });

  test('of N hosts with M containers are those of the picture', () => {
    const model = modelFrom(gridTopology({ hosts: 2, containers: 2 }));
    expect(Object.fromEntries(model.nodes.map((node) => [node.name, addressOf(node)]))).toEqual({
      ...{ internet: '11.0.0.1', h0: '11.0.0.2', h1: '11.0.0.3' },
      ...{ p0: '10.0.0.2', p1: '10.0.0.3', p2: '10.0.1.2', p3: '10.0.1.3' },
    });
  });
});

test('an address of a node with several links is that of the one in whose prefix it is', () => {
  const text = `name: x
topology:
  nodes:
    lan: {kind: switch, prefix: 10.0.0.0/24}
    far: {kind: switch, prefix: 10.1.0.0/24}
    r: {kind: router, address: 10.0.0.254}
  links:
    - {endpoints: ["r:eth0", "far:r"]}
    - {endpoints: ["r:eth1", "lan:r"]}`;
  expect(addresses(text)).toEqual({ 'r:eth0': '10.1.0.1/24', 'r:eth1': '10.0.0.254/24' });
  const given = text.replace('"lan:r"]', '"lan:r"], ipv4: ["10.0.0.254", ""]');
  expect(addresses(given)).toEqual(addresses(text));
});

test('published ports lead to where a container meets its host, whatever links it has besides', () => {
  const model = modelFrom(`name: x
topology:
  nodes:
    h: {kind: host, prefix: 10.0.1.0/24, nat: eth0}
    c: {kind: container, host: h, ports: ["8080:80"]}
    r: {kind: router}
  links:
    - {endpoints: ["c:eth1", "r:eth0"], prefix: 10.9.0.0/30}
    - {endpoints: ["h:eth0", "r:eth1"], prefix: 10.9.1.0/30}`);
  expect(nodeOf(model, 'h')?.nat?.published).toMatchObject([{ port: 8080, address: '10.0.1.2', targetPort: 80 }]);
});

describe('frames are no larger than', () => {
  const mtus = (text: string) =>
    modelFrom(text).nodes.map(({ name, bridge, vxlan, ports }) => {
      const all = [...(bridge ? [bridge] : []), ...(vxlan ? [vxlan] : []), ...ports];
      return `${name}: ${all.map((one) => `${one.name} ${one.mtu}`).join(', ')}`;
    });

  test('what an overlay carries between all of its hosts', () => {
    const text = (mtu: string) => `name: x
topology:
  nodes:
    h1: {kind: host, overlay: blue}
    h2: {kind: host, overlay: blue}
    r: {kind: router}
    c: {kind: container, host: h1}
  overlays: {blue: {vni: 7, prefix: 10.0.0.0/24}}
  links:
    - {endpoints: ["h1:eth0", "r:eth1"], prefix: 10.1.0.0/30}
    - {endpoints: ["h2:eth0", "r:eth2"], prefix: 10.2.0.0/30${mtu}}`;
    expect(mtus(text(', mtu: 1400'))).toEqual([
      'h1: br0 1350, vxlan7 1350, eth0 1500, c 1350',
      'h2: br0 1350, vxlan7 1350, eth0 1400',
      'r: eth1 1500, eth2 1400',
      'c: eth0 1350',
    ]);
    expect(mtus(text(''))).toEqual([
      'h1: br0 1450, vxlan7 1450, eth0 1500, c 1450',
      'h2: br0 1450, vxlan7 1450, eth0 1500',
      'r: eth1 1500, eth2 1500',
      'c: eth0 1450',
    ]);
  });

  test.each([
    [1400, 1400],
    [9000, 1500],
  ])('what an uplink of %s carries', (mtu, expected) => {
    const text = `name: x
topology:
  nodes: {lan: {kind: switch, prefix: 10.0.0.0/24}, h: {kind: host, uplink: eth0}, c: {kind: container, host: h}}
  links: [{endpoints: ["h:eth0", "lan:h"], mtu: ${mtu}}]`;
    expect(mtus(text).slice(1)).toEqual([`h: br0 ${expected}, eth0 ${mtu}, c ${expected}`, `c: eth0 ${expected}`]);
  });
});

describe('routes', () => {
  const chain = `name: x
topology:
  nodes:
    h1: {kind: host, prefix: 10.1.0.0/24}
    r: {kind: router}
    h2: {kind: host, prefix: 10.2.0.0/24, nat: wan}
    world: {kind: outside}
    c1: {kind: container, host: h1}
    c2: {kind: container, host: h2}
  links:
    - {endpoints: ["h1:eth0", "r:eth0"], prefix: 10.0.0.0/30}
    - {endpoints: ["r:eth1", "h2:eth0"], prefix: 10.0.0.4/30}
    - {endpoints: ["h2:wan", "world:eth0"], prefix: 198.51.100.0/24}
`;

  test('reach every prefix over the fewest hops, and the outside by default', () => {
    expect(routesOf(chain, 'h1')).toEqual([
      ...['10.0.0.4/30 10.0.0.2 eth0', '198.51.100.0/24 10.0.0.2 eth0', '10.2.0.0/24 10.0.0.2 eth0'],
      'default 10.0.0.2 eth0',
    ]);
    expect(routesOf(chain, 'h2')).toEqual([
      '10.0.0.0/30 10.0.0.5 eth0',
      '10.1.0.0/24 10.0.0.5 eth0',
      'default 198.51.100.2 wan',
    ]);
    expect(routesOf(chain, 'c1')).toEqual(['default 10.1.0.1 eth0']);
  });

  test('do not lead from the outside in, nor behind a NAT', () => {
    expect(routesOf(chain, 'world')).toEqual([]);
    const behind = chain.replace('world: {kind: outside}', 'world: {kind: router}');
    expect(routesOf(behind, 'world')).toEqual([]);
  });

  test('of containers in the LAN beyond their host lead to its router', () => {
    const text = `name: x
topology:
  nodes:
    lan: {kind: switch, prefix: 192.168.50.0/24}
    h: {kind: host, uplink: eth0}
    c: {kind: container, host: h}
    r: {kind: router}
    world: {kind: outside}
  links:
    - {endpoints: ["h:eth0", "lan:h"]}
    - {endpoints: ["r:lan", "lan:r"]}
    - {endpoints: ["r:wan", "world:eth0"], prefix: 198.51.100.0/24}`;
    expect(routesOf(text, 'c')).toEqual(['default 192.168.50.2 eth0']);
    expect(routesOf(text, 'h')).toContain('default 192.168.50.2 br0');
  });

  test('by default do not lead to the outer side of a NAT', () => {
    const text = `name: x
topology:
  nodes:
    lan: {kind: switch, prefix: 10.0.0.0/24}
    home: {kind: router, nat: wan}
    r: {kind: router}
    pc: {kind: linux}
    inner: {kind: linux}
    far: {kind: linux}
  links:
    - {endpoints: ["home:wan", "lan:home"]}
    - {endpoints: ["r:eth0", "lan:r"]}
    - {endpoints: ["pc:eth0", "lan:pc"]}
    - {endpoints: ["home:lan", "inner:eth0"], prefix: 10.1.0.0/24}
    - {endpoints: ["r:eth1", "far:eth0"], prefix: 10.2.0.0/24}`;
    expect(routesOf(text, 'pc')).toEqual(['default 10.0.0.2 eth0']);
    expect(routesOf(text, 'inner')).toEqual(['default 10.1.0.1 eth0']);
  });

  test('of a file are taken as they are', () => {
    expect(routesOf(chain.replace('nat: wan', 'nat: wan, routes: []'), 'h2')).toEqual([]);
  });
});

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

test('a grid has its limits', () => {
  expect(parseGrid('20x10')).toEqual({ hosts: 20, containers: 10 });
  expect(parseGrid('hosts-20x10')).toEqual({ hosts: 20, containers: 10 });
  expect(parseGrid('nat')).toBeUndefined();
  expect(() => parseGrid('0x3')).toThrow('choose from 1 to 250');
  expect(() => parseGrid('300x3')).toThrow('choose from 1 to 250');
});
