import { describe, expect, test } from 'vitest';
import { gridTopology, parseGrid } from './grid.ts';
import { addressOf, nodeOf } from './model.ts';
import { modelFrom } from './testing/models.ts';

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

test('a grid has its limits', () => {
  expect(parseGrid('20x10')).toEqual({ hosts: 20, containers: 10 });
  expect(parseGrid('hosts-20x10')).toEqual({ hosts: 20, containers: 10 });
  expect(parseGrid('nat')).toBeUndefined();
  expect(() => parseGrid('0x3')).toThrow('choose from 1 to 250');
  expect(() => parseGrid('300x3')).toThrow('choose from 1 to 250');
});
