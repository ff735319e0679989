/** The design's invariants that one look at the store, the kernels and the engines can judge. Each gives what it found broken. */
import { type HostName, hostNames } from './actions.ts';
import type { Book } from './book.ts';
import type { HostReading } from './host-reading.ts';
import type { StoredEndpoint, StoredNetwork, StoreReading } from './store-reading.ts';

export interface Look {
  readonly store: StoreReading;
  readonly hosts: ReadonlyMap<HostName, HostReading>;
}

/** What was seen when all was well for the first time, which nothing that is asked for changes. */
export interface Baseline {
  /** Of a host that has a network; every such host has the same. */
  readonly rules: readonly string[];
  readonly belongings: ReadonlyMap<HostName, string>;
}

export const baselineOf = (look: Look, withNetwork: HostName): Baseline => ({
  rules: look.hosts.get(withNetwork)?.rules ?? [],
  belongings: new Map([...look.hosts].map(([host, { belongings }]) => [host, belongings])),
});

/** 1: within a network no two endpoints share an IP or a MAC; what the store says stands in the containers. */
export function uniqueAddresses({ store, hosts }: Look): string[] {
  const broken: string[] = [];
  const seen = new Map<string, string>();
  const once = (what: string, owner: string) => {
    const other = seen.get(what);
    if (other !== undefined && other !== owner) broken.push(`1: ${what} is both ${other}'s and ${owner}'s`);
    seen.set(what, owner);
  };
  const known = new Map(store.endpoints.map((each) => [each.id, each]));
  for (const { network, address, mac, id, node } of store.endpoints) {
    for (const what of [address, mac])
      once(`${what} in network ${network} of the store`, `${id.slice(0, 12)} of ${node}`);
  }
  for (const [host, { containers }] of hosts) {
    for (const { name, networks, inside, running } of containers.filter(({ name }) => name !== 'neighbour')) {
      for (const { endpoint, name: network } of running ? networks : []) {
        const record = known.get(endpoint);
        if (record === undefined) continue;
        const { address, mac } = record;
        const there = inside.some((each) => each.address === address && each.mac === mac);
        if (!there)
          broken.push(`1: ${name} on ${host} has not ${address} ${mac} of ${network}: ${JSON.stringify(inside)}`);
      }
      for (const { address, mac } of inside) {
        for (const what of [address, mac]) once(`${what} in containers`, `${name} of ${host}`);
      }
    }
  }
  return broken;
}

/** 4: links, forwarding, neighbours and nft of every host are what follows from the store, and nothing else. */
export function kernelAsDesired({ store, hosts }: Look, { rules }: Baseline): string[] {
  const broken: string[] = [];
  const compare = (what: string, wanted: readonly string[], found: readonly string[]) => {
    const missing = wanted.filter((each) => !found.includes(each));
    const extra = found.filter((each) => !wanted.includes(each));
    if (missing.length > 0) broken.push(`4: ${what} lacks ${missing.join('; ')}`);
    if (extra.length > 0) broken.push(`4: ${what} has besides ${extra.join('; ')}`);
  };
  for (const [host, reading] of hosts) {
    const wanted = desiredOf(store, host);
    compare(`links of ${host}`, wanted.links, reading.links);
    compare(`FDB of ${host}`, wanted.fdb, reading.fdb);
    compare(`neighbours of ${host}`, wanted.neighbours, reading.neighbours);
    for (const [set, elements] of Object.entries(wanted.sets)) {
      compare(`nft ${set} of ${host}`, elements, reading.sets.get(set) ?? []);
    }
    // What stands in readiness on a host without a network is the agent's affair, as long as it is nothing else.
    const needed = wanted.links.length > 0 ? rules : rules.filter((each) => reading.rules.includes(each));
    compare(`rules of ${host}`, needed, reading.rules);
  }
  return broken;
}

interface Desired {
  readonly links: string[];
  readonly fdb: string[];
  readonly neighbours: string[];
  readonly sets: Readonly<Record<string, string[]>>;
}

/** Only of networks of driver overlay with the registry: there are no others on this walk. */
function desiredOf(store: StoreReading, host: HostName): Desired {
  const here = store.networks.flatMap((network) => {
    const endpoints = store.endpoints.filter((each) => each.network === network.id);
    const gateway = endpoints.find(({ kind, node }) => kind === 'gateway' && node === host);
    return gateway === undefined ? [] : [{ network, endpoints, gateway }];
  });
  const parts = here.map(({ network, endpoints, gateway }) => segmentOf(store, host, network, endpoints, gateway));
  const all = <K extends keyof Segment>(key: K) => parts.flatMap((part) => part[key]);
  return {
    links: all('links'),
    fdb: all('fdb'),
    neighbours: all('neighbours'),
    sets: {
      ports: all('ports'),
      vteps: all('vteps'),
      published: all('published'),
      vnis: here.map(({ network }) => `${network.port} ${network.vni}`),
      addresses: here.map(({ gateway }) => gateway.address),
      gateways: here.map(({ network, gateway }) => `trg${network.vni} ${gateway.address}`),
      subnets: here.map(({ network }) => network.subnet),
      homes: here.map(({ network, gateway }) => `${gateway.mac} ${network.subnet}`),
      outgoing: here.map(({ network }) => network.subnet),
    },
  };
}

type Segment = Record<'links' | 'fdb' | 'neighbours' | 'ports' | 'vteps' | 'published', string[]>;

function segmentOf(
  store: StoreReading,
  host: HostName,
  { vni, mtu, port }: StoredNetwork,
  endpoints: readonly StoredEndpoint[],
  gateway: StoredEndpoint,
): Segment {
  const local = endpoints.filter(({ kind, node }) => kind === 'container' && node === host);
  const remote = endpoints.flatMap((endpoint) => {
    const node = store.nodes.find(({ name }) => name === endpoint.node);
    return endpoint.node === host || node === undefined || node.fenced ? [] : [{ endpoint, vtep: node.address }];
  });
  const gateways = remote.filter(({ endpoint }) => endpoint.kind === 'gateway');
  const veth = ({ id }: StoredEndpoint) => `trv${id.slice(0, 10)}`;
  const names = [`- trg${vni}`, ...['b', 'x'].map((letter) => `trama tr${letter}${vni}`)];
  return {
    links: [...names, ...local.map((each) => `trama ${veth(each)}`)].map((name) => `${name} ${mtu} up`),
    fdb: [
      ...remote.flatMap(({ endpoint: { mac }, vtep }) => [`trx${vni} ${mac} ${vtep}`, `trx${vni} ${mac} master`]),
      ...gateways.map(({ vtep }) => `trx${vni} 00:00:00:00:00:00 ${vtep}`),
      ...local.map((each) => `${veth(each)} ${each.mac} master`),
      `trb${vni} ${gateway.mac} self`,
    ],
    neighbours: [
      ...[...remote.map(({ endpoint }) => endpoint), ...local, gateway].map(
        ({ address, mac }) => `trb${vni} ${address} ${mac}`,
      ),
      ...remote.map(({ endpoint: { address, mac } }) => `trg${vni} ${address} ${mac}`),
    ],
    ports: local.map((each) => `${veth(each)} ${each.mac} ${each.address}`),
    vteps: gateways.map(({ vtep }) => `${port} ${vni} ${vtep}`),
    published: local.flatMap(({ address, ports = [] }) =>
      ports.map((each) => `${each.protocol} ${each.hostPort} ${address} ${each.containerPort}`),
    ),
  };
}

/** 6: what Trama did not make is what it was. */
export function belongingsUntouched({ hosts }: Look, baseline: Baseline): string[] {
  return [...hosts].flatMap(([host, { belongings }]) => {
    const before = (baseline.belongings.get(host) ?? '').split('\n');
    const now = belongings.split('\n');
    const lost = before.filter((line) => !now.includes(line));
    const added = now.filter((line) => !before.includes(line));
    return lost.length + added.length === 0
      ? []
      : [`6: on ${host} what is not Trama's changed: -[${lost.join(' | ')}] +[${added.join(' | ')}]`];
  });
}

/** 7: what was acknowledged is there, runs or not as asked, and nothing else does. */
export function promisesKept({ store, hosts }: Look, book: Book): string[] {
  const broken: string[] = [];
  const differ = (what: string, wanted: Iterable<string>, found: Iterable<string>) => {
    const [left, right] = [[...wanted].sort(), [...found].sort()];
    if (`${left}` !== `${right}`) broken.push(`7: ${what}: acknowledged [${left}], found [${right}]`);
  };
  differ(
    'networks in the store',
    book.networks.keys(),
    store.networks.map(({ name }) => name),
  );
  const byTrama = [...book.containers].filter(([, { by }]) => by === 'trama');
  differ(
    'workloads in the store',
    byTrama.map(([name, { running }]) => `${name} ${running ? 'running' : 'stopped'}`),
    store.workloads.map(({ name, desired }) => `${name} ${desired}`),
  );
  differ(
    'nodes that are heard',
    hostNames,
    store.nodes.filter((n) => !n.health && !n.fenced).map(({ name }) => name),
  );
  for (const host of hostNames) {
    const reading = hosts.get(host);
    if (reading === undefined) continue;
    const promised = [...book.containers].filter(([name, each]) => hostOf(store, name, each.host) === host);
    const told = (name: string, running: boolean, networks: readonly string[]) =>
      `${name} ${running ? `running in ${networks}` : 'stopped'}`;
    differ(
      `containers of ${host}`,
      promised.map(([name, { running, network }]) => told(name, running, [network])),
      reading.containers
        .filter(({ name }) => name !== 'neighbour')
        .map(({ name, running, networks }) =>
          told(
            name,
            running,
            networks.map((each) => each.name),
          ),
        ),
    );
    const dockers = ['bridge', 'host', 'none', 'theirs'];
    differ(`Docker's networks of ${host}`, [...dockers, ...book.networks.keys()], reading.dockerNetworks);
  }
  return [...broken, ...endpointsOfContainers(store, hosts)];
}

/** One that was moved is where its record says. */
const hostOf = (store: StoreReading, name: string, host: HostName | undefined) =>
  host ?? store.workloads.find((each) => each.name === name)?.node;

/** The store has an endpoint for each container that runs, with what Docker gave it, and for no other. */
function endpointsOfContainers(store: StoreReading, hosts: Look['hosts']): string[] {
  const told = (host: string, id: string, address: string, mac: string) =>
    `${host} ${id.slice(0, 12)} ${address} ${mac}`;
  const found = [...hosts].flatMap(([host, { containers }]) =>
    containers
      .filter(({ running }) => running)
      .flatMap(({ networks }) => networks.filter(({ name }) => name !== 'theirs'))
      .map(({ endpoint, address, mac }) => told(host, endpoint, address, mac)),
  );
  const stored = store.endpoints
    .filter(({ kind }) => kind === 'container')
    .map(({ node, id, address, mac }) => told(node, id, address, mac));
  const missing = found.filter((each) => !stored.includes(each));
  const extra = stored.filter((each) => !found.includes(each));
  return [
    ...(missing.length > 0 ? [`7: the store lacks the endpoints ${missing.join('; ')}`] : []),
    ...(extra.length > 0 ? [`7: the store has endpoints of nobody: ${extra.join('; ')}`] : []),
  ];
}
