/** Each check says nothing of what is as it should be, and something of what is not. */
import { describe, expect, test } from 'vitest';
import { hostNames } from './actions.ts';
import { Book } from './book.ts';
import type { HostReading } from './host-reading.ts';
import { belongingsUntouched, kernelAsDesired, type Look, promisesKept, uniqueAddresses } from './invariants.ts';
import { Rests } from './rest.ts';

const nothing: HostReading = {
  links: [],
  fdb: [],
  neighbours: [],
  sets: new Map(),
  rules: [],
  containers: [],
  dockerNetworks: ['bridge', 'host', 'none', 'theirs', 'n0'],
  belongings: 'mine0\n',
};

const network = { id: 'aa', name: 'n0', subnet: '10.70.0.0/27', vni: 10001, mtu: 1450, port: 4789 };
const web = { id: '1234567890abcdef', network: 'aa', address: '10.70.0.16', mac: '9e:00:00:00:00:10' };
const gateway = (node: string, last: number) =>
  ({
    id: `gateway-${node}`,
    network: 'aa',
    node,
    kind: 'gateway',
    address: `10.70.0.${last}`,
    mac: `9e:00:00:00:00:${last}`,
  }) as const;

/** A container on h1; h2 has the network, too. */
const look: Look = {
  store: {
    revision: 1,
    keys: [],
    nodes: hostNames.map((name, index) => ({ name, address: `10.99.0.${11 + index}` })),
    networks: [network],
    endpoints: [{ ...web, node: 'h1', kind: 'container' }, gateway('h1', 17), gateway('h2', 20)],
    workloads: [{ name: 'c0', node: 'h1', desired: 'running' }],
  },
  hosts: new Map([
    ...hostNames.map((host) => [host, nothing] as const),
    [
      'h1',
      {
        ...nothing,
        rules: ['inet forward'],
        links: ['- trg10001', 'trama trb10001', 'trama trx10001', 'trama trv1234567890'].map(
          (each) => `${each} 1450 up`,
        ),
        fdb: [
          'trx10001 9e:00:00:00:00:20 10.99.0.12',
          'trx10001 9e:00:00:00:00:20 master',
          'trx10001 00:00:00:00:00:00 10.99.0.12',
          'trv1234567890 9e:00:00:00:00:10 master',
          'trb10001 9e:00:00:00:00:17 self',
        ],
        neighbours: [
          'trb10001 10.70.0.16 9e:00:00:00:00:10',
          'trb10001 10.70.0.17 9e:00:00:00:00:17',
          'trb10001 10.70.0.20 9e:00:00:00:00:20',
          'trg10001 10.70.0.20 9e:00:00:00:00:20',
        ],
        sets: new Map([
          ['ports', ['trv1234567890 9e:00:00:00:00:10 10.70.0.16']],
          ['vteps', ['4789 10001 10.99.0.12']],
          ['published', []],
          ['vnis', ['4789 10001']],
          ['addresses', ['10.70.0.17']],
          ['gateways', ['trg10001 10.70.0.17']],
          ['subnets', ['10.70.0.0/27']],
          ['homes', ['9e:00:00:00:00:17 10.70.0.0/27']],
          ['outgoing', ['10.70.0.0/27']],
        ]),
        containers: [
          {
            name: 'c0',
            pid: 5,
            running: true,
            networks: [{ name: 'n0', endpoint: web.id, address: web.address, mac: web.mac }],
            inside: [{ address: web.address, mac: web.mac }],
          },
        ],
      } satisfies HostReading,
    ],
  ]),
};

const baseline = { rules: ['inet forward'], belongings: new Map(hostNames.map((host) => [host, 'mine0\n'] as const)) };
const onH1 = (change: Partial<HostReading>): Look => ({
  ...look,
  hosts: new Map([...look.hosts, ['h1', { ...(look.hosts.get('h1') ?? nothing), ...change }]]),
});
const h1 = look.hosts.get('h1') ?? nothing;
const kernelOfH1 = (seen: Look) => kernelAsDesired(seen, baseline).filter((each) => each.includes(' h1 '));
const book = () => {
  const written = new Book();
  written.acknowledged({ kind: 'network-create', network: 'n0', prefix: 27, via: 'h1' });
  written.acknowledged({ kind: 'run', container: 'c0', network: 'n0', host: 'h1', via: 'h2', by: 'trama' });
  return written;
};

test('all is well', () => {
  expect(uniqueAddresses(look)).toEqual([]);
  expect(kernelOfH1(look)).toEqual([]);
  expect(belongingsUntouched(look, baseline)).toEqual([]);
  expect(promisesKept(look, book())).toEqual([]);
});

describe('1', () => {
  test('an address twice in the store', () => {
    const twin = { ...web, id: 'fedcba0987654321', node: 'h2', kind: 'container' as const, mac: 'other' };
    const store = { ...look.store, endpoints: [...look.store.endpoints, twin] };
    expect(uniqueAddresses({ ...look, store })).toEqual([expect.stringContaining('10.70.0.16 in network aa')]);
  });

  test('another address in the container than in the store', () => {
    const [container] = h1.containers;
    const containers = container ? [{ ...container, inside: [{ address: '10.70.0.18', mac: web.mac }] }] : [];
    expect(uniqueAddresses(onH1({ containers }))).toEqual([expect.stringContaining('c0 on h1 has not 10.70.0.16')]);
  });
});

describe('4', () => {
  test.each<[string, Partial<HostReading>]>([
    ['a link', { links: h1.links.slice(1) }],
    ['a link that is down', { links: h1.links.map((each) => each.replace('trx10001 1450 up', 'trx10001 1450 down')) }],
    ['a forwarding entry', { fdb: h1.fdb.slice(1) }],
    ['a foreign forwarding entry', { fdb: [...h1.fdb, 'trx10001 9e:00:00:00:00:99 10.99.0.13'] }],
    ['a neighbour', { neighbours: h1.neighbours.slice(1) }],
    ['an allowed VTEP', { sets: new Map([...h1.sets, ['vteps', []]]) }],
    ['a port that nobody has', { sets: new Map([...h1.sets, ['published', ['tcp 8000 10.70.0.16 80']]]) }],
    ['a rule', { rules: [] }],
    ['a rule too many', { rules: ['inet forward', 'inet other'] }],
  ])('%s', (_, change) => {
    expect(kernelOfH1(onH1(change))).not.toEqual([]);
  });

  test('a host without the network has nothing of it', () => {
    const links = ['trama trb10001 1450 up'];
    const seen = { ...look, hosts: new Map([...look.hosts, ['h3' as const, { ...nothing, links }]]) };
    expect(kernelAsDesired(seen, baseline)).toContainEqual('4: links of h3 has besides trama trb10001 1450 up');
  });
});

test('6: a line more or less', () => {
  expect(belongingsUntouched(onH1({ belongings: 'mine0\nmine1\n' }), baseline)).toEqual([
    expect.stringContaining('mine1'),
  ]);
  expect(belongingsUntouched(onH1({ belongings: '' }), baseline)).toEqual([expect.stringContaining('mine0')]);
});

describe('7', () => {
  test('a container that runs and should not, and one that does not and should', () => {
    expect(promisesKept(onH1({ containers: [] }), book())).toContainEqual(expect.stringContaining('containers of h1'));
    const stopped = book();
    stopped.acknowledged({ kind: 'stop', container: 'c0', via: 'h1' });
    expect(promisesKept(look, stopped)).toContainEqual(expect.stringContaining('containers of h1'));
  });

  test('a network that Docker lost, a workload that the store lost, an endpoint that nobody has', () => {
    expect(promisesKept(onH1({ dockerNetworks: ['bridge', 'host', 'none', 'theirs'] }), book())).toHaveLength(1);
    expect(promisesKept({ ...look, store: { ...look.store, workloads: [] } }, book())).not.toEqual([]);
    expect(promisesKept({ ...look, store: { ...look.store, endpoints: [] } }, book())).toEqual([
      expect.stringContaining('the store lacks the endpoints h1 1234567890ab'),
    ]);
  });
});

describe('8', () => {
  const stored = (container: string, node = 'h1') => ({
    at: performance.now(),
    key: 'endpoints/aa/x',
    value: JSON.stringify({ ...web, node, kind: 'container', container: { id: 'x', name: container } }),
  });

  test('an address that is another container’s too soon', () => {
    const rests = new Rests();
    rests.look(look, performance.now());
    rests.hear(stored('c0'));
    expect(rests.take()).toEqual([]);
    rests.hear(stored('c1'));
    expect(rests.take()).toEqual([expect.stringMatching(/10.70.0.16 is c1's on h1 at most 0.\d s after c0 on h1/)]);
  });

  test('one that was in use until a person asked for its end, but only in its present life', () => {
    const rests = new Rests();
    rests.look(look, performance.now() - 61_000);
    rests.ending('c0');
    rests.hear(stored('c1'));
    expect(rests.take()).toHaveLength(1);
    rests.look(look, performance.now() - 61_000);
    rests.look({ ...look, hosts: new Map() }, performance.now());
    rests.ending('c0');
    rests.hear(stored('c1'));
    expect(rests.take()).toEqual([]);
  });

  test('not one that has rested, nor one of a host that was given up', () => {
    const rests = new Rests();
    rests.look(look, performance.now() - 61_000);
    rests.hear(stored('c1'));
    expect(rests.take()).toEqual([]);
    rests.look(look, performance.now());
    rests.evicted('h1');
    rests.hear(stored('c1', 'h2'));
    expect(rests.take()).toEqual([]);
    expect(rests.reused).toBe(1);
  });
});
