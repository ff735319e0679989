import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { explain, type Reconciler } from '../../src/kernel/kernel.ts';
import type { Running } from '../../src/platform/platform.ts';
import { endpointLink, localEndpoint, overlay, remoteEndpoint, stateOf, type TestHost, testHost } from './fixture.ts';

/** What somebody does, and what the report of its repair says. */
const drifts = (data: string): readonly (readonly [command: string, repair: RegExp])[] => [
  [`ip -n ${data} link del ${endpointLink}`, /Create the veth pair trv0011223344/],
  [`ip -n ${data} link del trx42`, /Create the VXLAN device trx42/],
  [`ip -n ${data} link del trb42`, /Create the bridge trb42/],
  ['ip link del trg42', /Create the macvlan trg42 on the host over trb42/],
  [
    'ip link set trg42 address 02:42:0a:2a:00:99',
    /Change the bridge trb42 .*mac 02:42:0a:2a:00:99 → 02:42:0a:2a:00:01/,
  ],
  [`ip -n ${data} link set trb42 address 02:42:0a:2a:00:99`, /Change the macvlan trg42 .*mac/],
  [
    `bridge -n ${data} fdb del 02:42:0a:2a:00:01 dev trb42 self`,
    /Create the forwarding entry .* → the bridge trb42 itself/,
  ],
  [
    `bridge -n ${data} fdb add 02:42:0a:2a:00:99 dev trb42 self permanent`,
    /Delete the forwarding entry 02:42:0a:2a:00:99 →/,
  ],
  [`ip -n ${data} link set trb42 mtu 1300`, /Change the bridge trb42 .*mtu 1300 → 1450/],
  ['ip link set trg42 group 7', /Change the macvlan trg42 .*linkGroup 7 → 84/],
  [`ip -n ${data} link set trx42 down`, /Change the VXLAN device trx42/],
  [`ip -n ${data} link set ${endpointLink} nomaster`, /Change the veth pair trv0011223344/],
  [`ip -n ${data} link add trb77 type bridge`, /Delete the bridge trb77/],
  [
    `bridge -n ${data} fdb del 02:42:0a:2a:00:07 dev trx42 dst 192.0.2.2 self`,
    /Create the forwarding entry 02:42:0a:2a:00:07 → VTEP 192.0.2.2/,
  ],
  [
    `bridge -n ${data} fdb del 00:00:00:00:00:00 dev trx42 dst 192.0.2.3 self`,
    /Create the forwarding entry for broadcast/,
  ],
  [
    `bridge -n ${data} fdb replace 02:42:0a:2a:00:07 dev trx42 dst 192.0.2.66 self permanent`,
    /Change the forwarding entry 02:42:0a:2a:00:07/,
  ],
  [
    `bridge -n ${data} fdb append 00:00:00:00:00:00 dev trx42 dst 192.0.2.66 self permanent`,
    /Delete the forwarding entry for broadcast.*192\.0\.2\.66/,
  ],
  [
    `bridge -n ${data} fdb add 02:42:0a:2a:00:99 dev trx42 dst 192.0.2.66 self permanent`,
    /Delete the forwarding entry 02:42:0a:2a:00:99/,
  ],
  [
    `bridge -n ${data} fdb del 02:42:0a:2a:00:07 dev trx42 master`,
    /Create the forwarding entry 02:42:0a:2a:00:07 → port/,
  ],
  [
    `bridge -n ${data} fdb add 02:42:0a:2a:00:99 dev ${endpointLink} master static`,
    /Delete the forwarding entry 02:42:0a:2a:00:99 → port/,
  ],
  [`ip -n ${data} neigh del 10.42.0.7 dev trb42`, /Create the neighbour entry 10\.42\.0\.7/],
  [
    `ip -n ${data} neigh add 10.42.0.99 lladdr 02:00:00:00:00:99 dev trb42 nud permanent`,
    /Delete the neighbour entry 10\.42\.0\.99/,
  ],
  [
    'ip neigh replace 10.42.0.7 lladdr 02:00:00:00:00:99 dev trg42 nud permanent',
    /Change the neighbour entry 10\.42\.0\.7/,
  ],
  ['ip addr del 10.42.0.1/16 dev trg42', /Create the address 10\.42\.0\.1\/16/],
  ['ip addr add 10.1.2.3/24 dev trg42', /Delete the address 10\.1\.2\.3\/24/],
  ['ip route del 10.98.0.1/32', /Create the route to 10\.98\.0\.1/],
  ['ip route replace 10.98.0.1/32 dev trg42 proto 84', /Change the route to 10\.98\.0\.1/],
  ['ip route add 10.11.0.0/16 dev trg42 proto 84', /Delete the route to 10\.11\.0\.0/],
  ['nft delete table inet trama', /Create the nft table inet trama/],
  ['nft flush chain inet trama outwards', /Change the nft chain outwards/],
  ['nft insert rule inet trama outwards accept', /Change the nft chain outwards/],
  ['nft delete element inet trama nets { 10.42.0.0/16 }', /Create the element 10\.42\.0\.0\/16/],
  ['nft add element inet trama nets { 10.11.0.0/16 }', /Delete the element 10\.11\.0\.0\/16/],
  [
    'nft delete element inet trama doors { tcp . 8080 }',
    /Create the entry tcp \. 8080 → 10\.42\.0\.5 \. 80 of nft map doors/,
  ],
  ['nft add element inet trama doors { tcp . 99 : 10.42.0.5 . 80 }', /Delete the entry tcp \. 99/],
  [
    'nft delete element inet trama doors { tcp . 8080 }; add element inet trama doors { tcp . 8080 : 10.42.0.9 . 80 }',
    /Change the entry tcp \. 8080 → 10\.42\.0\.5 \. 80 .*was 10\.42\.0\.9/,
  ],
  ['nft add chain inet trama surprise', /Delete the nft chain surprise/],
  [`nsenter --net=/run/netns/${data} nft delete table bridge trama`, /Create the nft table bridge trama/],
  ['iptables -D DOCKER-USER -i trg+ -j ACCEPT', /Create the iptables rule -i trg\+ -j ACCEPT/],
  // What is made again stands first.
  ['iptables -D DOCKER-USER 2', /Create the iptables rule -d 10\.42\.0\.0\/16/],
];

describe('drift', { timeout: 120_000 }, () => {
  let h: TestHost;
  let reconciler: Reconciler;
  let healthy: string;
  const repairs: string[] = [];
  const monitors: Running[] = [];

  beforeAll(async () => {
    h = await testHost();
    const { start } = h.options();
    reconciler = overlay(h, {
      intervalMs: 3_600_000,
      onRepair: (sentences) => repairs.push(...sentences),
      start: (argv, onError) => {
        const running = start?.(argv, onError);
        if (running === undefined) throw new Error('no start');
        monitors.push(running);
        return running;
      },
    });
    const { failed } = await reconciler.settle();
    expect(failed).toEqual([]);
    healthy = await stateOf(h);
    const watching = new AbortController();
    const watch = reconciler.watch(watching.signal);
    await delay(600);
    return async () => {
      watching.abort();
      await watch;
      reconciler[Symbol.dispose]();
      await h[Symbol.asyncDispose]();
    };
  });

  test('is seen, repaired and reported, whatever it is', async () => {
    const late: string[] = [];
    for (const [command, repair] of drifts(h.data)) {
      repairs.length = 0;
      const began = Date.now();
      await h.run(command);
      await expect.poll(() => repairs.join('\n'), { timeout: 4000, interval: 20, message: command }).toMatch(repair);
      if (Date.now() - began > 2000) late.push(command);
      expect(await stateOf(h), command).toBe(healthy);
    }
    expect(late).toEqual([]);
  });

  test('of a sysctl, which nobody announces, is found by the next pass', async () => {
    repairs.length = 0;
    await h.run('sysctl -qw net.ipv4.ip_forward=0');
    await reconciler.resync();
    expect(repairs).toEqual(['Change the sysctl net.ipv4.ip_forward = 1 on the host (value 0 → 1).']);
    expect(await stateOf(h)).toBe(healthy);
  });

  test('that somebody has found who only asked is told by whoever repairs it', async () => {
    repairs.length = 0;
    await h.run('sysctl -qw net.ipv4.ip_forward=0');
    const asked = (await reconciler.plan()).map(explain);
    expect(asked).toEqual(['Change the sysctl net.ipv4.ip_forward = 1 on the host (value 0 → 1).']);
    expect(await stateOf(h)).not.toBe(healthy);
    await reconciler.resync();
    expect(repairs).toEqual(asked);
    expect(await reconciler.plan()).toEqual([]);
  });

  test('our own writes are not taken for it', async () => {
    await delay(500);
    h.commands.length = 0;
    repairs.length = 0;
    for (let i = 0; i < 5; i += 1) {
      reconciler.desire(`endpoint/l${i}`, localEndpoint(h, `trv00000000a${i}`, `10.42.5.${i}`));
      reconciler.desire(`endpoint/r${i}`, remoteEndpoint(h, `10.42.6.${i}`));
      expect((await reconciler.settle()).failed).toEqual([]);
    }
    await delay(400);
    for (let i = 0; i < 5; i += 1) {
      reconciler.release(`endpoint/l${i}`);
      reconciler.release(`endpoint/r${i}`);
    }
    await reconciler.settle();
    await delay(600);
    expect(h.commands.filter(({ argv }) => argv.includes('list') || argv.includes('show'))).toEqual([]);
    expect(repairs).toEqual([]);
    expect(await stateOf(h)).toBe(healthy);
  });

  test('learned entries and other hosts’ affairs start no pass', async () => {
    await delay(300);
    h.commands.length = 0;
    await h.run('ip neigh replace 10.42.0.200 lladdr 02:42:0a:2a:00:c8 dev trg42 nud reachable');
    await h.run(`bridge -n ${h.data} fdb add 02:42:0a:2a:00:c8 dev trx42 dst 192.0.2.2 self dynamic`);
    await h.run('ip link add dock0 type bridge');
    await h.run('nft add table ip docker');
    await h.run('ip route add 172.16.0.0/16 dev und proto static');
    await delay(600);
    expect(h.commands).toEqual([]);
    await h.run('ip link del dock0');
    await h.run('nft delete table ip docker');
    await h.run('ip route del 172.16.0.0/16');
    await h.run('ip neigh del 10.42.0.200 dev trg42');
    await h.run(`bridge -n ${h.data} fdb del 02:42:0a:2a:00:c8 dev trx42 dst 192.0.2.2 self`);
  });

  test('is seen also after every monitor was killed', async () => {
    const killed = monitors.splice(0);
    for (const monitor of killed) monitor.kill('SIGKILL');
    await expect.poll(() => monitors.length, { timeout: 5000 }).toBe(4);
    await delay(400);
    repairs.length = 0;
    await h.run('ip route del 10.98.0.1/32');
    await expect.poll(() => repairs.join('\n'), { timeout: 4000 }).toContain('Create the route to 10.98.0.1');
  });

  test('the whole ruleset flushed is made again, in a foreign chain as soon as that is there again', async () => {
    await delay(300);
    await h.run('nft flush ruleset');
    await expect.poll(() => repairs.join('\n'), { timeout: 4000 }).toContain('Create the nft table inet trama');
    await expect.poll(() => reconciler.failuresOf('network/42').length).toBe(2);
    expect(reconciler.failuresOf('network/42')[0]?.message).toMatch(/DOCKER-USER.*No chain/);
    await h.run('iptables -N DOCKER-USER');
    await expect.poll(() => stateOf(h), { timeout: 10_000, interval: 200 }).toBe(healthy);
    expect(reconciler.failuresOf('network/42')).toEqual([]);
  });

  test('the whole namespace deleted is built again, and watched again', async () => {
    await delay(300);
    await h.run(`ip netns del ${h.data}`);
    await expect.poll(() => stateOf(h).catch(String), { timeout: 8000, interval: 200 }).toBe(healthy);
    await delay(1500);
    repairs.length = 0;
    await h.run(`ip -n ${h.data} neigh del 10.42.0.7 dev trb42`);
    await expect.poll(() => repairs.join('\n'), { timeout: 4000 }).toContain('Create the neighbour entry 10.42.0.7');
  });
});

test('the periodic pass repairs what no event told of', { timeout: 20_000 }, async () => {
  const h = await testHost();
  onTestFinished(() => h[Symbol.asyncDispose]());
  const repairs: string[] = [];
  using reconciler = overlay(h, { intervalMs: 500, onRepair: (sentences) => repairs.push(...sentences) });
  await reconciler.settle();
  const watching = new AbortController();
  const watch = reconciler.watch(watching.signal);
  await h.run('sysctl -qw net.ipv4.ip_forward=0');
  await expect.poll(() => repairs, { timeout: 4000 }).toContainEqual(expect.stringContaining('ip_forward'));
  watching.abort();
  await watch;
});
