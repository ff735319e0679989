import { describe, expect, test } from 'vitest';
import { checks, type Finding } from '../finding.ts';
import { judgeAddresses } from './addresses.ts';
import { featuresOn, judgeCard } from './checksum.ts';
import { judgeClock } from './clock.ts';
import { judgeDrift } from './drift.ts';
import { judgeAgent, judgeDisk, judgeDocker, judgeRoot } from './host.ts';
import { features, judgeKernel } from './kernel.ts';
import { judgeOwnPorts, judgeServerPorts, socketsAt } from './ports.ts';
import { judgeTools, tools } from './tools.ts';

/** `status subject: found`; whatever is not well comes with a remedy of one sentence. */
function told(findings: readonly Finding[]): string[] {
  for (const { check, status, remedy } of findings) {
    expect(checks).toContain(check);
    if (status === 'pass') expect(remedy).toBe('');
    else expect(remedy).toMatch(/^[A-Z].*\.$/);
  }
  return findings.map(({ status, subject, found }) => `${status} ${subject}: ${found}`);
}

const statuses = (findings: readonly Finding[]) => findings.map(({ status }) => status);

test('root, or not', () => {
  expect(told(judgeRoot(0))).toEqual(['pass this user: is root']);
  expect(told(judgeRoot(1000))).toEqual(['fail this user: is not root (uid 1000): much could not be looked at']);
});

describe('tools', () => {
  const tool = (name: string) => tools.find((each) => each.name === name) ?? expect.fail(name);

  test('that the agent needs must be there, others should', () => {
    expect(statuses(judgeTools(tools.map((tool) => ({ tool }))))).toEqual([
      ...Array(7).fill('fail'),
      ...Array(3).fill('warn'),
    ]);
    expect(judgeTools([{ tool: tool('nft') }])[0]?.remedy).toContain('apt-get install nftables');
  });

  test.each([
    ['ip', 'ip utility, iproute2-6.1.0, libbpf 1.1.0', 'pass ip: 6.1.0'],
    ['ip', 'ip utility, iproute2-5.5.0', 'warn ip: 5.5.0 is older than any that Trama is known to work with (5.15)'],
    ['nft', 'nftables v1.0.2 (Lester Gooch)', 'pass nft: 1.0.2'],
    ['nft', 'nftables v1.1.0 (Commodore Bullmoose)', 'pass nft: 1.1.0'],
    ['nft', 'nftables v1.0.1', 'warn nft: 1.0.1 is older than any that Trama is known to work with (1.0.2)'],
    ['ping', 'ping from iputils 20221126', 'pass ping: 20221126'],
    ['sysctl', 'something else', 'pass sysctl: is there'],
  ])('of a version: %s %s', (name, printed, says) => {
    expect(told(judgeTools([{ tool: tool(name), printed }]))).toEqual([says]);
  });
});

test('what the kernel cannot do', () => {
  const feature = features.find(({ name }) => name === 'vxlan') ?? expect.fail();
  const message = 'RTNETLINK answers: Operation not supported';
  const judged = judgeKernel([
    { feature, outcome: 'works', message: '' },
    { feature, outcome: 'fails', message },
    { feature, outcome: 'untried', message: 'only root may' },
  ]);
  expect(told(judged)).toEqual([
    'pass vxlan: works',
    `fail vxlan: the kernel refuses it: ${message}`,
    'warn vxlan: not tried: only root may',
  ]);
  expect(judged[1]?.remedy).toContain('modprobe vxlan');
  const untried = features.map((feature) => ({ feature, outcome: 'untried', message: 'only root may' }) as const);
  expect(told(judgeKernel(untried))).toEqual(['warn this kernel: not tried: only root may']);
});

test('Docker', () => {
  const socket = '/var/run/docker.sock';
  expect(statuses(judgeDocker({ socket, available: true, message: 'Docker 28.1.0, API 1.49' }))).toEqual(['pass']);
  expect(told(judgeDocker({ socket, available: false, message: 'nobody answers' }))).toEqual([
    `fail ${socket}: nobody answers`,
  ]);
});

test.each([
  [2 ** 30, undefined, 'pass'],
  [500 * 2 ** 20, undefined, 'warn'],
  [31 * 2 ** 20, undefined, 'fail'],
  [2 ** 40, 0, 'fail'],
  [2 ** 40, 1, 'pass'],
])('a disk with %d bytes and %s files left', (free, files, status) => {
  const fact = { directory: '/var/lib/trama', free, total: 2 ** 41, ...(files === undefined ? {} : { files }) };
  expect(statuses(judgeDisk({ value: fact }))).toEqual([status]);
});

test('a disk that cannot be looked at', () => {
  expect(told(judgeDisk({ notAsked: 'EIO' }))).toEqual(['warn state directory: EIO']);
});

describe('the agent', () => {
  const agent = { node: 'h1', message: '', servers: ['10.0.0.1:4701'] };

  test('is connected, or not', () => {
    expect(told(judgeAgent({ value: { ...agent, link: 'ready' } }, 'h1'))).toEqual([
      'pass node h1: connected to 10.0.0.1:4701',
    ]);
    const refused = judgeAgent({ value: { ...agent, link: 'refused', message: 'the node was removed' } }, 'h1');
    expect(told(refused)).toEqual(['fail node h1: is not connected to 10.0.0.1:4701: the node was removed']);
    expect(refused[0]?.remedy).toContain('trama node leave --force');
    expect(told(judgeAgent({ value: { ...agent, link: 'connecting' } }, 'h1'))[0]).toMatch(/connecting$/);
  });

  test('does not run', () => {
    expect(told(judgeAgent({ notAsked: 'nobody' }, undefined))).toEqual([
      'warn this host: has not joined a cluster: nobody',
    ]);
    expect(told(judgeAgent({ notAsked: 'only root may', denied: true }, undefined))).toEqual([
      'warn this host: not asked: only root may',
    ]);
    expect(told(judgeAgent({ notAsked: 'nobody' }, 'h1'))).toEqual(['warn node h1: no agent answers: nobody']);
  });
});

describe('the clock', () => {
  const at = (asked: number, server: number, answered: number) => judgeClock({ value: { asked, server, answered } });

  test.each([
    [at(1000, 1010, 1020), "pass this host: agrees with the server's within 10 ms"],
    [at(0, 1500, 20), "warn this host: behind the server's by 1490 ms"],
    [at(5000, 1000, 5020), "warn this host: ahead of the server's by 4010 ms"],
    [at(3_600_000, 0, 3_600_000), "fail this host: ahead of the server's by 3600 s"],
    // A slow answer tells no more.
    [at(0, 3000, 4000), "pass this host: agrees with the server's within 3000 ms"],
  ])('%#', (judged, says) => expect(told(judged)).toEqual([says]));

  test('nobody to ask', () => {
    expect(told(judgeClock({ notAsked: 'no agent' }))).toEqual(['warn server: not asked: no agent']);
    expect(judgeClock({ notAsked: 'no agent runs here: start one with this or that' })).toMatchObject([
      { found: 'not asked: no agent runs here', remedy: expect.stringContaining('`agent`') },
    ]);
    expect(judgeClock({ notAsked: 'only root may', denied: true })).toMatchObject([{ remedy: 'Run it with sudo.' }]);
  });
});

describe('ports', () => {
  const port = { host: '10.0.0.1', port: 4701, purpose: 'requests' };

  test.each(['refused', 'silent', 'unreachable'] as const)('of servers that are %s', (reached) => {
    expect(
      statuses(
        judgeServerPorts({
          value: [
            { ...port, reached },
            { ...port, reached: 'open' },
          ],
        }),
      ),
    ).toEqual(['fail', 'pass']);
    told(judgeServerPorts({ value: [{ ...port, reached }] }));
  });

  test('of one server that is away while another is there: no failure; of one with a part of its ports, it is', () => {
    const at = (host: string, port: number, open: boolean) => ({
      ...{ host, port, purpose: 'requests' },
      reached: open ? ('open' as const) : ('silent' as const),
    });
    const there = [at('10.0.0.1', 4701, true), at('10.0.0.1', 4702, true)];
    const away = [at('10.0.0.2', 4701, false), at('10.0.0.2', 4702, false)];
    const partly = [at('10.0.0.3', 4701, true), at('10.0.0.3', 4702, false)];
    expect(statuses(judgeServerPorts({ value: [...there, ...away, ...partly] }))).toEqual([
      'pass',
      'pass',
      'warn',
      'warn',
      'pass',
      'fail',
    ]);
    expect(statuses(judgeServerPorts({ value: [...away, ...partly] }))).toEqual(['fail', 'fail', 'pass', 'fail']);
  });

  test('of servers that are not known', () => {
    expect(told(judgeServerPorts({ notAsked: 'not joined' }))).toEqual(['warn servers: not asked: not joined']);
  });

  const own = { protocol: 'tcp', port: 4701, purpose: 'requests', needed: true } as const;
  const holders = ['/usr/bin/other --port 4701'];
  test.each([
    [{ ...own, holders: [] }, 'pass tcp 4701: requests: free'],
    [{ ...own, holders: ['node /usr/lib/trama/src/main/trama.ts server'] }, "pass tcp 4701: requests: Trama's"],
    [{ ...own, holders }, 'fail tcp 4701: requests: taken by another program (/usr/bin/other --port 4701)'],
    [
      { ...own, needed: false, holders },
      'warn tcp 4701: requests: taken by another program (/usr/bin/other --port 4701)',
    ],
    [
      { ...own, protocol: 'udp', port: 4789, purpose: 'VXLAN', holders: ['kernel'] } as const,
      "pass udp 4789: VXLAN: Trama's",
    ],
    [
      { ...own, protocol: 'udp', port: 4789, purpose: 'VXLAN', holders: ['ovs'] } as const,
      'fail udp 4789: VXLAN: taken by another program (ovs)',
    ],
  ])('of this host: %#', (fact, says) => expect(told(judgeOwnPorts([fact]))).toEqual([says]));

  test('are read from the kernel’s tables', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 00000000:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000 0',
      '   1: 0100007F:125D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 0',
      '   2: 0100007F:125D 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000 0',
    ].join('\n');
    expect(socketsAt(table, 4789, 'udp')).toEqual([4711]);
    expect(socketsAt(table, 4701, 'tcp')).toEqual([4712]);
    expect(socketsAt('', 4701, 'tcp')).toEqual([]);
  });
});

describe('addresses', () => {
  const containers = (count: number, node = 'h1') =>
    Array.from({ length: count }, (_, i) => ({ name: `c${i}`, node, address: `10.0.0.${i + 3}`, mac: '' }));
  const network = (count: number, blocks: string[] = [], node = 'h1') => ({
    ...{ name: 'app', subnet: '10.0.0.0/28', containers: containers(count, node) },
    nodes: [{ node, gateway: '10.0.0.2', blocks }],
  });

  test.each([
    [9, 'pass app: 10 of 13 addresses of 10.0.0.0/28 are in use'],
    [10, 'warn app: 11 of 13 addresses of 10.0.0.0/28 are in use'],
    [12, 'fail app: 13 of 13 addresses of 10.0.0.0/28 are in use'],
  ])('with %d containers', (count, says) => {
    expect(told(judgeAddresses({ value: [network(count)] }, 'h1'))).toEqual([says]);
  });

  test('that others hold are not left for this node', () => {
    const held = network(2, ['10.0.0.4/30', '10.0.0.8/30', '10.0.0.12/30', '10.0.0.2/32'], 'h2');
    expect(told(judgeAddresses({ value: [held] }, 'h1'))).toEqual([
      'fail app: 3 of 13 addresses of 10.0.0.0/28 are in use, and other nodes hold the rest: none is left for h1',
    ]);
    expect(statuses(judgeAddresses({ value: [held] }, 'h2'))).toEqual(['pass']);
    expect(statuses(judgeAddresses({ value: [held] }))).toEqual(['pass']);
  });

  test('of no network, and of unknown ones', () => {
    expect(told(judgeAddresses({ value: [] }))).toEqual(['pass networks: there is none yet']);
    expect(told(judgeAddresses({ notAsked: 'no agent' }))).toEqual(['warn networks: not asked: no agent']);
  });
});

test('drift: none, repaired meanwhile, lasting, unknown', () => {
  const judged = (first: string[], second: string[]) => told(judgeDrift({ value: { first, second } }));
  expect(judged([], [])).toEqual(['pass this host: the kernel holds what it should, no more and no less']);
  expect(judged(['a'], [])).toEqual(['warn this host: 1 differences, just repaired: a']);
  expect(judged(['a', 'b', 'c', 'd'], ['d', 'c', 'b', 'a'])).toEqual([
    'fail this host: 4 differences that stay: a; b; c; and 1 more',
  ]);
  expect(told(judgeDrift({ notAsked: 'no agent' }))).toEqual(['warn this host: not asked: no agent']);
});

test('cards that are known to sum VXLAN wrongly', () => {
  const card = { interface: 'ens192', driver: 'vmxnet3', on: ['tx-checksum-ip-generic', 'tx-nocache-copy'] };
  const judged = judgeCard({ value: card });
  expect(told(judged)).toEqual([
    'warn ens192: driver vmxnet3 is known to sum VXLAN wrongly on some machines, and does it here (tx-checksum-ip-generic)',
  ]);
  expect(judged[0]?.remedy).toContain('ethtool -K ens192 tx-checksum-ip-generic off');
  expect(statuses(judgeCard({ value: { ...card, on: [] } }))).toEqual(['pass']);
  expect(statuses(judgeCard({ value: { ...card, driver: 'ixgbe' } }))).toEqual(['pass']);
  expect(statuses(judgeCard({ value: { ...card, driver: '' } }))).toEqual(['pass']);
  expect(statuses(judgeCard({ notAsked: 'no ethtool' }))).toEqual(['warn']);
  expect(featuresOn('tx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]\n\ttx-checksum-ip-generic: on\n')).toEqual([
    ...['tx-checksumming', 'tx-checksum-ip-generic'],
  ]);
});
