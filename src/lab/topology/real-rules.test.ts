import { expect, test } from 'vitest';
import { topologyOf as lab, problemsOf } from './testing/models.ts';

test.each([
  [
    'an image without an engine',
    lab('c1: {kind: container, image: nginx}'),
    /^lab\.yaml:4: topology\.nodes\.c1\.image: its host's engine runs it: add host, or remove the image$/,
  ],
  ...['Foo:1', 'a; reboot'].map((image): [string, string, RegExp] => [
    `an image that can be none, ${image},`,
    lab(`h: {kind: host}\nc1: {kind: container, host: h, image: "${image}"}`),
    /^lab\.yaml:5: topology\.nodes\.c1\.image: .(Foo:1|a; reboot). is not an image: write it like nginx, nginx:1\.27 or /,
  ]),
  [
    'a network of a bare namespace',
    lab('h: {kind: host}\nc1: {kind: container, host: h, network: host}'),
    /c1\.network: only a container of an image has network: remove it, or add an image$/,
  ],
  [
    'a network that is none',
    lab('h: {kind: host}\nc1: {kind: container, host: h, image: i, network: hots}'),
    /c1\.network: there is no network hots: did you mean host\?$/,
  ],
  [
    "another container's network on another host",
    lab(
      ['a1', 'b1']
        .map((name) => `h${name}: {kind: host}\n${name}: {kind: container, host: h${name}, image: i, network: NET}`)
        .join('\n')
        .replace('NET', 'bridge')
        .replace('NET', 'container:a1'),
    ),
    /b1\.network: a1 is on ha1: only containers of one host share a namespace$/,
  ],
  [
    'a network of its own by way of another',
    lab(
      'h: {kind: host}\na1: {kind: container, host: h, image: i, network: "container:b1"}\nb1: {kind: container, host: h, image: i, network: "container:a1"}',
    ),
    /a1\.network: a1 would share a namespace with itself: name another$/,
  ],
  [
    'processes of a container that is run later',
    lab(
      'h: {kind: host}\na1: {kind: container, host: h, image: i, pid: "container:b1"}\nb1: {kind: container, host: h, image: i, network: bridge}',
    ),
    /^lab\.yaml:5: topology\.nodes\.a1\.pid: b1 has the network bridge, and so is run after a1: give a1 a network, too, or take that one away$/,
  ],
  [
    'ports where nothing is published',
    lab('h: {kind: host}\nc1: {kind: container, host: h, image: i, network: host, ports: ["80:80"]}'),
    /c1\.ports: nothing is published with network host: remove ports, or name a network$/,
  ],
  [
    'a link to a container that Docker joins to its network',
    lab(
      'h: {kind: host}\nc1: {kind: container, host: h, image: i, network: bridge}',
      '[{endpoints: ["h:eth1", "c1:eth1"]}]',
    ),
    /^lab\.yaml:6: .*endpoints\[1\]: c1 is joined by its network bridge alone: remove the link, or the network$/,
  ],
  [
    'an address that Docker chooses',
    lab('h: {kind: host}\nc1: {kind: container, host: h, image: i, network: bridge, address: 172.17.0.9}'),
    /c1\.address: Docker chooses addresses in bridge: remove it, or name a network with a prefix$/,
  ],
  [
    "an address that is none of its network's",
    lab(
      'h: {kind: host}\nc1: {kind: container, host: h, image: i, network: n, address: 10.9.0.9}',
      '[]\n  networks: {n: {prefix: 10.8.0.0/24}}',
    ),
    /c1\.address: 10\.9\.0\.9 is not in 10\.8\.0\.0\/24 of n: give c1 one that is$/,
  ],
  [
    'a network in the way of a segment',
    lab('h: {kind: host, prefix: 10.0.0.0/24}', '[]\n  networks: {n: {prefix: 10.0.0.0/16}}'),
    /^lab\.yaml:6: topology\.networks\.n\.prefix: 10\.0\.0\.0\/16 overlaps 10\.0\.0\.0\/24, which is a segment's/,
  ],
  [
    "a network of Docker's name",
    lab('h: {kind: host}', '[]\n  networks: {host: {}}'),
    /networks\.host: host is Docker's own: choose another name$/,
  ],
  [
    'an overlay on a host without an agent',
    lab(
      'h: {kind: host}\nc1: {kind: container, host: h, image: i, network: app}',
      '[]\n  networks: {app: {driver: overlay}}',
    ),
    /c1\.network: app is Trama's, by its driver overlay: add agent to what h runs$/,
  ],
  [
    'an agent without a server',
    lab('a: {kind: host, runs: [agent]}\nb: {kind: host}', '[{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/30}]'),
    /a\.runs: there is no server to join: add server to what a host runs$/,
  ],
  [
    'servers without an etcd',
    lab('a: {kind: host, runs: [server]}\nb: {kind: host, runs: [server]}'),
    /b\.runs: several servers need an etcd between them/,
  ],
  [
    'a server that nobody reaches',
    lab('a: {kind: host, runs: [server]}'),
    /nodes\.a: a has no address by which others reach its server: add a link with a prefix$/,
  ],
  [
    "a bare namespace on an agent's host",
    lab('a: {kind: host, runs: [server, agent], prefix: 10.0.0.0/24}\nc1: {kind: container, host: a}'),
    /nodes\.c1: a runs an agent, whose containers have an image and a network: add it, or take the agent away$/,
  ],
  ...[
    ['with an engine', 'h: {kind: host, runs: [engine], cmd: x}'],
    ['with a container of an image', 'h: {kind: host, cmd: x}\nc1: {kind: container, host: h, image: i}'],
  ].map(([what, nodes]): [string, string, RegExp] => [
    `a program of a host ${what}`,
    lab(nodes ?? ''),
    /^lab\.yaml:4: topology\.nodes\.h\.cmd: h is a machine, and cmd is not run on those: remove it, or give it to a container$/,
  ]),
  [
    'names that only containers can ask for',
    lab('a: {kind: router}', '[]', 'validate: [{resolves: {from: a, name: a}}]'),
    /validate\[0\]\.resolves\.from: a is no container of an image: name one$/,
  ],
])('%s is refused, with its line and what to do', (_what, text, problem) => {
  expect(problemsOf(text)).toEqual(expect.arrayContaining([expect.stringMatching(problem)]));
});
