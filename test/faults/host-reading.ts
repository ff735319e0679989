/** What the kernel and Docker of a host say, read in one go by the machine's own tools. */
import type { LabHost } from '../../src/lab/lab.ts';
import { belongingsScript } from './belongings.ts';

export interface Container {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
  readonly networks: readonly {
    readonly name: string;
    readonly endpoint: string;
    readonly address: string;
    readonly mac: string;
  }[];
  /** Addresses and MACs that stand in its network namespace. */
  readonly inside: readonly { readonly address: string; readonly mac: string }[];
}

export interface HostReading {
  /** Of Trama's names, `<namespace> <name> <mtu> <up|down>`. */
  readonly links: readonly string[];
  /** `<device> <mac> <destination | master | self>` */
  readonly fdb: readonly string[];
  /** `<device> <address> <mac>` */
  readonly neighbours: readonly string[];
  /** Set or map → elements, their parts joined by blanks. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** `<namespace> <chain> <marks of its rules>`, and iptables rules: the same whatever runs. */
  readonly rules: readonly string[];
  readonly containers: readonly Container[];
  readonly dockerNetworks: readonly string[];
  readonly belongings: string;
}

const separator = '@@@@';
const script = `
  cut() { echo '${separator}'; }
  ip -j link
  cut; ip -n trama -j link 2>/dev/null
  cut; bridge -n trama -j fdb show 2>/dev/null
  cut; ip -n trama -j neigh show nud permanent 2>/dev/null
  cut; ip -j neigh show nud permanent
  cut; nft -j list table inet trama 2>/dev/null
  cut; nsenter --net=/run/netns/trama nft -j list table bridge trama 2>/dev/null
  cut; iptables-save -t filter | grep 'trama\\|trg+' | sed 's/\\[[0-9:]*\\]//'
  cut; ids=$(docker ps -aq); [ -z "$ids" ] || docker inspect $ids
  cut; docker network ls --format '{{.Name}}'
  cut; for each in $(docker ps -q | xargs -r docker inspect -f '{{.State.Pid}}'); do
    echo "$each $(nsenter --net=/proc/$each/ns/net ip -j address)"
  done
  cut; ${belongingsScript}`;

const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };

export async function readHost(host: LabHost): Promise<HostReading> {
  const parts = (await host.output(['sh', '-c', script], { env, timeoutMs: 30_000 })).split(`${separator}\n`);
  const [
    links,
    dataLinks,
    fdb,
    neighbours,
    hostNeighbours,
    nft,
    dataNft,
    iptables,
    containers,
    networks,
    inside,
    belongings,
  ] = parts;
  const tables = [...parsed<Nft>(nft, { nftables: [] }).nftables, ...parsed<Nft>(dataNft, { nftables: [] }).nftables];
  return {
    links: [...ownLinks('-', links), ...ownLinks('trama', dataLinks)],
    fdb: parsed<Fdb[]>(fdb, []).flatMap(forwarding),
    neighbours: [...neighboursOf(neighbours), ...neighboursOf(hostNeighbours).filter((each) => /^trg\d/.test(each))],
    sets: new Map(tables.flatMap(elementsOf)),
    rules: [
      ...rulesOf(tables),
      ...(iptables ?? '')
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => `iptables ${line.trim()}`),
    ],
    containers: containersOf(parsed<Inspected[]>(containers, []), inside ?? ''),
    dockerNetworks: (networks ?? '').trim().split('\n'),
    belongings: belongings ?? '',
  };
}

function parsed<T>(text: string | undefined, otherwise: T): T {
  return text === undefined || text.trim() === '' ? otherwise : (JSON.parse(text) as T);
}

interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
}
const ownLinks = (namespace: string, text: string | undefined) =>
  parsed<Link[]>(text, [])
    .filter(({ ifname }) => /^tr[bxghvp][0-9a-f]/.test(ifname))
    .map(({ ifname, flags, mtu }) => `${namespace} ${ifname} ${mtu} ${flags.includes('UP') ? 'up' : 'down'}`);

interface Fdb {
  readonly mac: string;
  readonly ifname: string;
  readonly dst?: string;
  readonly master?: string;
  readonly state: string;
}
/** Not the kernel's own: those of ports' own MACs and of multicast groups. A bridge’s own is not among them: frames for it depend on it. */
function forwarding({ mac, ifname, dst, master, state }: Fdb): string[] {
  if (dst !== undefined) return [`${ifname} ${mac} ${dst}`];
  if (master === ifname) return [`${ifname} ${mac} self`];
  return master !== undefined && state !== 'permanent'
    ? [`${ifname} ${mac} master${state === 'static' ? '' : ` ${state}`}`]
    : [];
}

interface Neighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr: string;
}

const neighboursOf = (text: string | undefined) =>
  parsed<Neighbour[]>(text, []).map(({ dev, dst, lladdr }) => `${dev} ${dst} ${lladdr}`);

interface Nft {
  readonly nftables: readonly NftItem[];
}
interface NftItem {
  readonly set?: NftSet;
  readonly map?: NftSet;
  readonly chain?: { readonly family: string; readonly name: string; readonly hook?: string; readonly prio?: number };
  readonly rule?: { readonly family: string; readonly chain: string; readonly comment?: string };
}
interface NftSet {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

function elementsOf({ set, map }: NftItem): [string, string[]][] {
  const found = set ?? map;
  return found === undefined ? [] : [[found.name, (found.elem ?? []).map(words)]];
}

function words(element: unknown): string {
  if (Array.isArray(element)) return element.map(words).join(' ');
  if (typeof element !== 'object' || element === null) return `${element}`;
  if ('concat' in element) return words(element.concat);
  if ('prefix' in element) {
    const { addr, len } = element.prefix as { addr: string; len: number };
    return `${addr}/${len}`;
  }
  return JSON.stringify(element);
}

function rulesOf(items: readonly NftItem[]): string[] {
  const chains = items.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  return chains.map(({ family, name, hook = '', prio = '' }) => {
    const own = items.filter(({ rule }) => rule?.chain === name && rule.family === family);
    return `${family} ${name} ${hook} ${prio} ${own.map(({ rule }) => rule?.comment ?? 'foreign').join(' ')}`;
  });
}

interface Inspected {
  readonly Name: string;
  readonly State: { readonly Running: boolean; readonly Pid: number };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { EndpointID: string; IPAddress: string; MacAddress: string }>>;
  };
}
interface Inside {
  readonly ifname: string;
  readonly address: string;
  readonly addr_info: readonly { readonly family: string; readonly local: string }[];
}

function containersOf(inspected: readonly Inspected[], text: string): Container[] {
  const inside = new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [
        Number(line.slice(0, line.indexOf(' '))),
        parsed<Inside[]>(line.slice(line.indexOf(' ') + 1), []),
      ]),
  );
  return inspected.map(({ Name: name, State: state, NetworkSettings: { Networks: networks } }) => ({
    name: name.slice(1),
    pid: state.Pid,
    running: state.Running,
    networks: Object.entries(networks).map(([network, { EndpointID, IPAddress, MacAddress }]) => ({
      name: network,
      endpoint: EndpointID,
      address: IPAddress,
      mac: MacAddress,
    })),
    inside: (inside.get(state.Pid) ?? [])
      .filter(({ ifname }) => ifname !== 'lo')
      .flatMap(({ address: mac, addr_info }) =>
        addr_info.filter(({ family }) => family === 'inet').map(({ local }) => ({ address: local, mac })),
      ),
  }));
}
