/** Where records are in the store. Keys that sort by address have it padded, so that a range of them is a subnet. */
import { parseAddress } from '../domain/address.ts';
import { parseSubnet } from '../domain/subnet.ts';
import { type KeyRange, prefixRange } from '../store/store.ts';

export const root = '/trama/';

/** Collections: the key is `<root><collection>/<rest>`. */
const collections = [
  'nodes',
  'node-keys',
  'node-addresses',
  'tokens',
  'users',
  'networks',
  'network-names',
  'vnis',
  'blocks',
  'reservations',
  'endpoints',
  'macs',
  'workloads',
  'statuses',
  'removing',
  'unclaimed',
  'servers',
] as const;
export type Collection = (typeof collections)[number];

export const clusterKey = `${root}cluster`;
/** Which life of the cluster this is, and how its revisions are counted (docs/adr/0011-store-epochs.md). Absent: the first. */
export const epochKey = `${root}epoch`;
/** The form of what is in the store (docs/adr/0014-versions.md). Absent: the first. */
export const schemaKey = `${root}schema`;
/** Stands while the store is being filled by a restore or a migration, and after one that was interrupted. */
export const transferKey = `${root}transfer`;
/** The cluster has moved to another store: what is here is old. */
export const movedKey = `${root}moved`;
/** Leased by a command that needs the store for itself. */
export const heldKey = `${root}held`;
/** Leased by every running server, where several processes can open the store. */
export const servingKey = (server: string): string => `${root}serving/${server}`;
export const servingRange: KeyRange = prefixRange(`${root}serving/`);
/** The servers' key pair, where several servers stand over one store. */
export const sharedKeysKey = `${root}keys`;
/** Leased by a server that is there for agents. */
export const serverKey = (id: string): string => `${root}servers/${id}`;
/** Leased, not by its server's life but for some minutes: a request that has changed something. */
export const requestKey = (name: string): string => `${root}requests/${name}`;
/** Leased by the one server that does what is to be done once. */
export const keeperKey = `${root}keeper`;
/** Written at the end of a backup that saw changes, so that its watch has an end. */
export const backupKey = `${root}backup`;
/** Written by every change to the set of networks: whoever judged the whole set does so on condition of it. */
export const networkSetKey = `${root}network-set`;
/** Written by every lease and release of a block in the network, likewise. */
export const blockSetKey = (network: string): string => `${root}block-sets/${network}`;

export const nodeKey = (name: string): string => `${root}nodes/${name}`;
/** Z85 contains slashes, so keys stand there in hexadecimal. */
export const nodeKeyKey = (publicKey: string): string => `${root}node-keys/${hex(publicKey)}`;
export const nodeAddressKey = (address: string): string => `${root}node-addresses/${address}`;
export const tokenKey = (publicKey: string): string => `${root}tokens/${hex(publicKey)}`;
export const userKey = (name: string): string => `${root}users/${name}`;
export const networkKey = (id: string): string => `${root}networks/${id}`;
export const networkNameKey = (name: string): string => `${root}network-names/${name}`;
export const vniKey = (vni: number): string => `${root}vnis/${vni}`;
export const blockKey = (network: string, cidr: string): string => `${root}blocks/${network}/${paddedSubnet(cidr)}`;
export const reservationKey = (network: string, address: string): string =>
  `${root}reservations/${network}/${paddedAddress(address)}`;
export const endpointKey = (network: string, address: string): string =>
  `${root}endpoints/${network}/${paddedAddress(address)}`;
export const macKey = (network: string, mac: string): string => `${root}macs/${network}/${mac}`;
export const workloadKey = (name: string): string => `${root}workloads/${name}`;
export const statusKey = (name: string): string => `${root}statuses/${name}`;
/** While it exists, nothing new may come to refer to the network or node: it is on its way out. */
export const removingKey = (kind: 'network' | 'node', name: string): string => `${root}removing/${kind}/${name}`;
/** The node has not told yet, since the store was restored, what it has. */
export const unclaimedKey = (node: string): string => `${root}unclaimed/${node}`;

export const allOf = (collection: Collection, within = ''): KeyRange => prefixRange(`${root}${collection}/${within}`);
export const ofNetwork = (collection: Collection, network: string): KeyRange => allOf(collection, `${network}/`);

/** A key's collection and what follows it; undefined for keys outside collections. */
export function splitKey(key: string): { collection: Collection; rest: string } | undefined {
  const [name, ...rest] = key.slice(root.length).split('/');
  const collection = collections.find((known) => known === name);
  return collection && rest.length > 0 ? { collection, rest: rest.join('/') } : undefined;
}

/** `010.042.000.005`; IPv6 as 32 hexadecimal digits. */
function paddedAddress(text: string): string {
  const { family, value } = parseAddress(text);
  if (family === 6) return value.toString(16).padStart(32, '0');
  return text
    .split('.')
    .map((part) => part.padStart(3, '0'))
    .join('.');
}

/** `010.042.000.000-26` */
function paddedSubnet(cidr: string): string {
  const { prefix } = parseSubnet(cidr);
  return `${paddedAddress(cidr.slice(0, cidr.indexOf('/')))}-${String(prefix).padStart(2, '0')}`;
}

/** Keys of the collection whose address lies in the subnet. */
export function withinSubnet(collection: 'endpoints' | 'reservations', network: string, cidr: string): KeyRange {
  const { family, base, prefix } = parseSubnet(cidr);
  const last = base + (1n << BigInt((family === 4 ? 32 : 128) - prefix)) - 1n;
  const padded = (value: bigint) => (family === 6 ? value.toString(16).padStart(32, '0') : paddedV4(value));
  const prefixText = `${root}${collection}/${network}/`;
  // No key has a longer text that begins with the last address, so one character more ends the range just after it.
  return { start: prefixText + padded(base), end: `${prefixText}${padded(last)}!` };
}

function paddedV4(value: bigint): string {
  const number = Number(value);
  return [24, 16, 8, 0].map((shift) => String((number >>> shift) & 255).padStart(3, '0')).join('.');
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
