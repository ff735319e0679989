import { expect, test } from 'vitest';
import { topologyOf as lab, problemsOf } from './testing/models.ts';

const two = 'a: {kind: router}\nb: {kind: router}';

test.each([
  ['text that is no YAML', 'name: [', /^lab\.yaml:1: this is not YAML: .*correct the line$/],
  [
    'an alias of nothing',
    'name: x\ntopology:\n  nodes:\n    a: {kind: host, cmd: &page sh}\n    b: {kind: host, cmd: *pgae}\n',
    /^lab\.yaml:5: there is no &pgae before \*pgae: correct the name, or add the anchor$/,
  ],
  [
    'aliases that multiply',
    `name: &a0 [x]\n${Array.from({ length: 9 }, (_, at) => `k${at}: &a${at + 1} [${`*a${at},`.repeat(9)}]\n`).join('')}`,
    /^lab\.yaml:1: the aliases cannot be followed: Excessive alias count .*: write out what they stand for$/,
  ],
  ['an empty file', '', /^lab\.yaml:1: name: is missing: add it$/],
  [
    'a lab of nothing',
    'name: x\ntopology:\n  nodes: {}\n',
    /^lab\.yaml:3: topology\.nodes: there is no node: add one, like h1: \{kind: host\}$/,
  ],
  ['a link with one end', lab(two, '[{endpoints: ["a:eth0"]}]'), /links\[0\]\.endpoints: this needs 2 entries$/],
  [
    'a program of no words',
    lab('a: {kind: host, cmd: ""}'),
    /^lab\.yaml:4: topology\.nodes\.a\.cmd: this must not be empty/,
  ],
  [
    'an unknown node',
    lab(two, '[{endpoints: ["a:eth0", "bb:eth0"]}]'),
    /^lab\.yaml:6: topology\.links\[0\]\.endpoints\[1\]: there is no node bb: did you mean b\?$/,
  ],
  [
    'an unknown host',
    lab('h1: {kind: host}\nc: {kind: container, host: h2}'),
    /^lab\.yaml:5: topology\.nodes\.c\.host: there is no host h2: did you mean h1\?$/,
  ],
  [
    'an interface name over 15 characters',
    lab(two, '[{endpoints: ["a:eth0", "b:interface-number-0"]}]'),
    /^lab\.yaml:6: .*endpoints\[1\]: interface-number-0: an interface name has at most 15 characters: shorten it$/,
  ],
  [
    'a container whose host cannot call an interface like it',
    lab('h: {kind: host, prefix: 10.0.0.0/24}\ncontainer-number-1: {kind: container, host: h}'),
    /^lab\.yaml:5: .*at most 15 characters: shorten container-number-1$/,
  ],
  [
    'a container that is called as an interface of its host',
    lab('h: {kind: host, prefix: 10.0.0.0/24}\nbr0: {kind: container, host: h}'),
    /^lab\.yaml:5: topology\.nodes\.br0: the host's interface to it is called the same, and cannot be called br0: rename it$/,
  ],
  [
    'an interface name that Linux has for all of them',
    lab(two, '[{endpoints: ["a:all", "b:eth0"]}]'),
    /^lab\.yaml:6: .*endpoints\[0\]: all: this name is taken already: call it eth1, for example$/,
  ],
  [
    "an interface that is called as its host's VXLAN device",
    lab(
      'h: {kind: host, overlay: blue}\nr: {kind: router}',
      '[{endpoints: ["h:vxlan7", "r:eth0"], prefix: 10.1.0.0/30}]\n  overlays: {blue: {vni: 7, prefix: 10.0.0.0/24}}',
    ),
    /endpoints\[0\]: h has another vxlan7: give this interface another name$/,
  ],
  [
    'an address that two have',
    lab(two, '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/24, ipv4: [10.0.0.9, 10.0.0.9]}]'),
    /^lab\.yaml:6: topology\.links\[0\]\.ipv4\[1\]: 10\.0\.0\.9 is a:eth0's already: give b:eth0 another address$/,
  ],
  [
    'an address of another prefix',
    lab(two, '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/24, ipv4: [10.0.1.9, ""]}]'),
    /10\.0\.1\.9 is not in this segment's prefix/,
  ],
  ...[
    ['no link', '[]'],
    [
      'two links of other prefixes',
      '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/24}, {endpoints: ["a:eth1", "b:eth1"], prefix: 10.1.0.0/24}]',
    ],
    ['a link with another address', '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.9.0.0/24, ipv4: [10.9.0.1, ""]}]'],
  ].map(([what, links]): [string, string, RegExp] => [
    `an address of a node with ${what}`,
    lab('a: {kind: router, address: 10.9.0.9}\nb: {kind: router}', links),
    /^lab\.yaml:4: topology\.nodes\.a\.address: no interface of a that lacks an address is in a prefix with 10\.9\.0\.9: choose another, or remove it$/,
  ]),
  [
    'an address and no prefix',
    lab(two, '[{endpoints: ["a:eth0", "b:eth0"], ipv4: [10.0.1.9, ""]}]'),
    /nothing says which prefix 10\.0\.1\.9/,
  ],
  [
    'a broadcast address',
    lab(two, '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/24, ipv4: [10.0.0.255, ""]}]'),
    /network's or broadcast address/,
  ],
  [
    'prefixes that overlap',
    lab(
      'a: {kind: router}\nb: {kind: host, prefix: 10.0.0.128/25}',
      '\n    - endpoints: ["a:eth0", "b:eth0"]\n      prefix: 10.0.0.0/24',
    ),
    /^lab\.yaml:5: topology\.nodes\.b\.prefix: 10\.0\.0\.128\/25 overlaps 10\.0\.0\.0\/24, which is another segment's/,
  ],
  [
    'two prefixes in one segment',
    lab(
      'a: {kind: router}\nb: {kind: switch, prefix: 10.0.0.0/24}',
      '[{endpoints: ["a:eth0", "b:a"], prefix: 10.1.0.0/24}]',
    ),
    /who is plugged in here has 10\.0\.0\.0\/24 already/,
  ],
  [
    'a prefix with host bits',
    lab('a: {kind: host, prefix: 10.0.0.1/24}'),
    /10\.0\.0\.1\/24 has host bits set: did you mean 10\.0\.0\.0\/24\?$/,
  ],
  [
    'a prefix that is too small',
    lab(
      `h: {kind: host, prefix: 10.0.0.0/30}\n${[1, 2, 3].map((n) => `c${n}: {kind: container, host: h}`).join('\n')}`,
    ),
    /10\.0\.0\.0\/30 has no address left for c2:eth0: choose a larger prefix/,
  ],
  [
    'an interface that is used twice',
    lab(two, '\n    - endpoints: ["a:eth0", "b:eth0"]\n    - endpoints: ["a:eth0", "b:eth1"]'),
    /^lab\.yaml:8: topology\.links\[1\]\.endpoints\[0\]: a:eth0 has a cable already/,
  ],
  [
    'a key that nobody knows',
    lab('a: {kind: router, adress: 10.0.0.1}'),
    /^lab\.yaml:4: topology\.nodes\.a\.adress: there is no such key: did you mean address\?$/,
  ],
  [
    'a kind that nobody knows',
    lab('a: {kind: rooter}'),
    /^lab\.yaml:4: topology\.nodes\.a\.kind: choose "host", "container", "switch"/,
  ],
  [
    'a host of a router',
    lab('h: {kind: host}\na: {kind: router, host: h}'),
    /only a node of kind container has host: remove it, or change the kind/,
  ],
  [
    'ports without nat',
    lab('h: {kind: host, prefix: 10.0.0.0/24}\nc: {kind: container, host: h, ports: ["80:80"]}'),
    /its host publishes nothing without nat: give h one/,
  ],
  [
    'ports of a container without an address',
    lab(
      'h: {kind: host, nat: eth0}\nc: {kind: container, host: h, ports: ["80:80"]}\nr: {kind: router}',
      '[{endpoints: ["h:eth0", "r:eth0"], prefix: 10.1.0.0/30}]',
    ),
    /^lab\.yaml:5: topology\.nodes\.c\.ports: c has no address on h that they could lead to: give h a prefix that has one$/,
  ],
  ...[
    ['by nat', 'h: {kind: host, prefix: 10.0.0.0/24, nat: eth0}', 'ports: ["8080:81/tcp"]'],
    ['by Docker', 'h: {kind: host}', 'image: i, network: bridge, ports: ["8080:80"]'],
    ['by both', 'h: {kind: host, prefix: 10.0.0.0/24, nat: eth0}', 'image: i, network: bridge, ports: ["8080:80"]'],
  ].map(([how, host, second]): [string, string, RegExp] => [
    `a port of a host that is published twice, ${how}`,
    lab(
      [
        host,
        `c1: {kind: container, host: h, ${how === 'by Docker' ? second : 'ports: ["53:53/udp", "8080:80"]'}}`,
        'r: {kind: router}',
        `c2: {kind: container, host: h, ${second}}`,
      ].join('\n'),
      '[{endpoints: ["h:eth0", "r:eth0"], prefix: 10.1.0.0/30}]',
    ),
    /^lab\.yaml:7: topology\.nodes\.c2\.ports\[0\]: h's 8080\/tcp leads to c1 already: publish another port of h$/,
  ]),
  ...['uplink: eth0', 'overlay: blue'].map((joined): [string, string, RegExp] => [
    `${joined} on a host without a bridge`,
    lab(
      `h: {kind: host, attach: p2p, prefix: 10.0.0.0/24, ${joined}}\nr: {kind: router}`,
      '[{endpoints: ["h:eth0", "r:eth0"], prefix: 10.1.0.0/30}]\n  overlays: {blue: {vni: 7, prefix: 10.2.0.0/24}}',
    ),
    new RegExp(
      `^lab\\.yaml:4: .*with attach: p2p there is no bridge to join to it: remove ${joined.split(':')[0]}, or attach$`,
    ),
  ]),
  ['nat at no interface', lab('h: {kind: host, prefix: 10.0.0.0/24, nat: eth0}'), /no link ends at h:eth0/],
  [
    'nat at the uplink',
    lab('h: {kind: host, uplink: eth0, nat: eth0}\nb: {kind: switch}', '[{endpoints: ["h:eth0", "b:h"]}]'),
    /h\.nat: eth0 is a port of h's bridge, and packets leave by that: remove nat, or uplink$/,
  ],
  [
    'a next hop that is none',
    lab('h: {kind: host, prefix: 10.0.0.0/24, routes: [{to: default, via: 10.9.0.1}]}\nc: {kind: container, host: h}'),
    /10\.9\.0\.1 is in none of h's prefixes, so it cannot be the next hop: name a neighbour's address$/,
  ],
  ...[
    ['to: default, via: 10.0.0.2}, {to: 0.0.0.0/0, via: 10.0.0.3', '\\[1\\].to: a has a route to default already'],
    ['to: 10.1.0.0/16, via: 10.0.0.2}, {to: 10.1.0.0/16, via: 10.0.0.3', '\\[1\\].to: a has a route to 10.1.0.0/16'],
    ['to: 10.0.0.0/29, via: 10.0.0.2', '\\[0\\].to: a is in 10.0.0.0/29 itself: remove the route to it$'],
    ['to: default, via: 10.0.0.1', "\\[0\\].via: 10.0.0.1 is a's own, so it cannot be the next hop"],
    ['to: default, via: 10.0.0.0', "\\[0\\].via: 10.0.0.0 is the network's or broadcast address, so it"],
    ['to: default, via: 10.0.0.7', "\\[0\\].via: 10.0.0.7 is the network's or broadcast address, so it"],
  ].map(([routes, problem]): [string, string, RegExp] => [
    `of the routes that no kernel makes sense of, {${routes}}`,
    lab(
      `a: {kind: router, routes: [{${routes}}]}\nb: {kind: router}`,
      '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/29}]',
    ),
    new RegExp(`^lab\\.yaml:4: topology\\.nodes\\.a\\.routes${problem}`),
  ]),
  ['an overlay that is none', lab('h: {kind: host, overlay: blue}'), /there is no overlay blue/],
  [
    'an overlay without a way to other hosts',
    lab('h: {kind: host, overlay: blue}', '[]\n  overlays: {blue: {vni: 1, prefix: 10.0.0.0/24}}'),
    /h has no address by which other hosts reach it/,
  ],
  [
    'a group that is none',
    lab(two, '[]\n  overlays: {o: {vni: 1, prefix: 10.0.0.0/24, discovery: multicast, group: 10.0.0.1}}'),
    /^lab\.yaml:7: topology\.overlays\.o\.group: write a multicast address like 239\.1\.1\.1$/,
  ],
  [
    'a group that two overlays have',
    lab(
      two,
      `[]\n  overlays:\n${[0, 1].map((n) => `    o${n}: {vni: 1, prefix: 10.0.${n}.0/24, discovery: multicast}\n`).join('')}`,
    ),
    /^lab\.yaml:9: topology\.overlays\.o1\.vni: o0 has VNI 1 in the group 239\.1\.1\.1 already: give o1 another vni or group$/,
  ],
  [
    'a rate that is none',
    lab(two, '[{endpoints: ["a:eth0", "b:eth0"], tc: {rate: fast}}]'),
    /topology\.links\[0\]\.tc\.rate: write a rate like 10mbit/,
  ],
  [
    'a loss that is none',
    lab(two, '[{endpoints: ["a:eth0", "b:eth0"], loss: 120}]'),
    /topology\.links\[0\]\.loss: .*loss is a share/,
  ],
  ...[0.04, 99.96].map((loss): [string, string, RegExp] => [
    `a loss of ${loss}%, finer than what is told apart`,
    lab(two, `[{endpoints: ["a:eth0", "b:eth0"], loss: ${loss}}]`),
    /^lab\.yaml:6: topology\.links\[0\]\.loss: loss is given in tenths of a percent: write one like 0\.5$/,
  ]),
  [
    'an expectation of nobody',
    lab(two, '[]', 'validate: [{ping: {from: a, to: c}}]'),
    /validate\[0\]\.ping\.to: there is no node c/,
  ],
  [
    'an expectation of somebody without an address',
    lab(two, '[]', 'validate: [{ping: {from: a, to: b}}]'),
    /validate\[0\]\.ping\.from: a has no address/,
  ],
  [
    'an expectation of nothing',
    lab(two, '[]', 'validate: [{}]'),
    /validate\[0\]: write one of ping, http, hops, resolves and mac-seen/,
  ],
  ...['ping: {from: a, to: [b, fd00::1]', 'http: {from: a, to: "fd00::1"', 'hops: {expect: 1, from: a, to: "::1"'].map(
    (expectation): [string, string, RegExp] => [
      `an IPv6 address in ${expectation}}`,
      lab(two, '[]', `validate: [{${expectation}}}]`),
      /validate\[0\]\.\w+\.to: \S*::1 is IPv6, which labs cannot have yet: write an IPv4 address$/,
    ],
  ),
  [
    'a switch that has seen nobody that is named',
    lab('a: {kind: switch}', '[]', 'validate: [{mac-seen: {at: a}}]'),
    /^lab\.yaml:6: validate\[0\]\.mac-seen: this says of nobody whether it was seen: add of or not$/,
  ],
  ['a router that learns MACs', lab(two, '[]', 'validate: [{mac-seen: {at: a, of: b}}]'), /a is no switch/],
  [
    'an expectation in part',
    lab(two, '[]', 'validate: [{ping: {from: a}}]'),
    /validate\[0\]\.ping\.to: is missing: add it/,
  ],
])('%s is refused, with its line and what to do', (_what, text, problem) => {
  expect(problemsOf(text)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
});

test('everything that is wrong is told, in the order of the file', () => {
  const problems = problemsOf(lab('a: {kind: x}\nb: {prefix: 1}', '[{endpoints: ["a:e", "b"]}]'));
  expect(problems.map((problem) => problem.split(': ')[0])).toEqual(['lab.yaml:4', 'lab.yaml:5', 'lab.yaml:6']);
});
