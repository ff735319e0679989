/** Files whose packets have to find their way: past small links, out of a LAN, to a published port. */
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LabMachine, labMachine } from './lab-machine.ts';

let machine: LabMachine;
beforeEach(async () => {
  machine = await labMachine();
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

async function up(nodes: string): Promise<void> {
  const file = `${machine.directory}/paths.yaml`;
  await writeFile(file, `name: paths\ntopology:\n  nodes:\n${nodes}`);
  expect(await machine.trama('lab', 'up', file)).toMatchObject({ code: 0 });
}

test.each([
  [
    'an overlay over a small link',
    `    h1: {kind: host, overlay: blue}
    h2: {kind: host, overlay: blue}
    c1: {kind: container, host: h1}
    c2: {kind: container, host: h2, address: 10.0.0.9}
  overlays: {blue: {vni: 7, prefix: 10.0.0.0/24}}
  links: [{endpoints: ["h1:eth0", "h2:eth0"], prefix: 10.1.0.0/30, mtu: 1400}]
`,
  ],
  [
    'uplinks that are small',
    `    h1: {kind: host, uplink: eth0, prefix: 10.0.0.0/24}
    h2: {kind: host, uplink: eth0}
    c1: {kind: container, host: h1}
    c2: {kind: container, host: h2, address: 10.0.0.9}
  links: [{endpoints: ["h1:eth0", "h2:eth0"], mtu: 1400}]
`,
  ],
])('what is larger than its links comes through %s', async (_what, nodes) => {
  await up(nodes);
  for (const from of ['c1', 'h1']) {
    const ping = ['ping', '-c', '1', '-W', '2', '-s', '1400', '10.0.0.9'];
    expect({ from, ...(await machine.trama('lab', 'exec', from, ...ping)) }).toMatchObject({ code: 0 });
  }
});

test.each([
  [
    "containers in their hosts' LAN go out by its router, and not by the outer side of a NAT",
    `    lan: {kind: switch, prefix: 10.0.0.0/24}
    h1: {kind: host, uplink: eth0}
    home: {kind: router, nat: wan}
    r: {kind: router, address: 10.0.0.254}
    c1: {kind: container, host: h1}
    tv: {kind: linux}
    world: {kind: outside}
  links:
    - {endpoints: ["h1:eth0", "lan:h1"]}
    - {endpoints: ["home:wan", "lan:home"]}
    - {endpoints: ["home:lan", "tv:eth0"], prefix: 10.1.0.0/24}
    - {endpoints: ["r:wan", "world:eth0"], prefix: 198.51.100.0/24}
    - {endpoints: ["r:lan", "lan:r"]}
validate:
  - ping: {from: [c1, tv], to: 10.0.0.254}
  - ping: {from: [c1, tv], to: r}
`,
  ],
  [
    'a published port leads to its container, whatever link that has besides',
    `    h: {kind: host, prefix: 10.0.1.0/24, nat: eth0}
    c:
      kind: container
      host: h
      ports: ["8080:80"]
      cmd: exec busybox nc -ll -p 80 -e sh -c 'while read -r line && [ \${#line} -gt 1 ]; do :; done; printf "HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n"'
    r: {kind: router}
    world: {kind: outside}
  links:
    - {endpoints: ["c:eth1", "r:eth0"], prefix: 10.9.0.0/30}
    - {endpoints: ["h:eth0", "world:eth0"], prefix: 198.51.100.0/24}
validate:
  - http: {from: world, to: h, port: 8080, body: hello}
`,
  ],
])('%s', async (_what, nodes) => {
  await up(nodes);
  expect(await machine.trama('lab', 'test')).toMatchObject({ code: 0 });
});
