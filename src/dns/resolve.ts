/** What is answered from the zone, and what is not for it to answer. */
import { type Family, readAddress, width } from '../domain/domain.ts';
import type { Client, Zone } from './dns.ts';
import type { Reply } from './message/answer.ts';
import { timeToLive } from './message/answer.ts';
import type { Question } from './message/question.ts';
import { addressOfReverseName } from './message/reverse-names.ts';
import { classes, encodeName, headerSize, rcodes, types } from './message/wire.ts';

export type Resolved = Reply | 'refused' | 'pass on';

export function resolve(zone: Zone, client: Client, question: Question): Resolved {
  const { name, type } = question;
  if (question.class !== classes.internet && question.class !== classes.any) return 'refused';
  // Nobody is given a zone as a whole, and a transfer cannot be passed on.
  if (type === types.axfr || type === types.ixfr) return 'refused';
  // The root, and there is nothing before it.
  if (name === '') return 'pass on';
  const found = zone.find(client, name);
  if (found !== undefined) return ofName(zone, question, found.addresses);
  const address = addressOfReverseName(name);
  const names = address === undefined ? undefined : zone.reverse(client, address);
  if (names !== undefined) return ofAddress(zone, question, names);
  if (name === zone.suffix) return ofSuffix(zone, question);
  if (isUnder(zone, name)) return nothing(zone, rcodes.nameError, ownerOf(zone, question));
  return 'pass on';
}

function ofName(zone: Zone, question: Question, addresses: readonly string[]): Resolved {
  const family = families[question.type];
  const data = family === undefined ? [] : addresses.flatMap((address) => bytesOf(address, family));
  if (data.length === 0) return nothing(zone, rcodes.noError, ownerOf(zone, question));
  return { rcode: rcodes.noError, type: family === 4 ? types.a : types.aaaa, data, rotated: true };
}

/** Who asks for anything gets A records; RFC 8482 leaves the choice. */
const families: Readonly<Record<number, Family | undefined>> = { [types.a]: 4, [types.any]: 4, [types.aaaa]: 6 };

function ofAddress(zone: Zone, question: Question, names: readonly string[]): Resolved {
  // The name without its first label: what delegates reverse names is not known here.
  const owner = headerSize + question.name.indexOf('.') + 1;
  if (names.length === 0) return nothing(zone, rcodes.nameError, owner);
  if (question.type !== types.ptr && question.type !== types.any) return nothing(zone, rcodes.noError, owner);
  return { rcode: rcodes.noError, type: types.ptr, data: names.map(encodeName) };
}

function ofSuffix(zone: Zone, question: Question): Resolved {
  if (question.type !== types.soa) return nothing(zone, rcodes.noError, headerSize);
  return { rcode: rcodes.noError, type: types.soa, data: [startOfAuthority(zone)] };
}

/** The name does not exist, or has nothing of the type: who asked may keep that, too, since it is told by whom. */
function nothing(zone: Zone, rcode: number, owner: number): Resolved {
  return { rcode, type: types.soa, data: [], authority: { at: owner, data: startOfAuthority(zone) } };
}

/** RFC 1035 §3.3.13; its last number is how long the absence of something may be kept (RFC 2308 §4). */
function startOfAuthority(zone: Zone): Buffer {
  const names = [encodeName(zone.suffix), encodeName(`hostmaster.${zone.suffix}`)];
  const numbers = Buffer.alloc(20);
  const [refresh, retry, expire] = [3600, 600, 86_400];
  for (const [i, each] of [zone.version >>> 0, refresh, retry, expire, timeToLive].entries()) {
    numbers.writeUInt32BE(each, 4 * i);
  }
  return Buffer.concat([...names, numbers]);
}

/** Where the name of the SOA begins: resolvers ignore one that is not an end of the name that they asked for. */
function ownerOf(zone: Zone, question: Question): number {
  const { name, end } = question;
  if (name !== zone.suffix && !isUnder(zone, name)) return headerSize;
  // Before type and class; a name on the wire has a length before each label, and the root's after the last.
  return end - 4 - (zone.suffix.length + 2);
}

function isUnder(zone: Zone, name: string): boolean {
  return name.endsWith(zone.suffix) && name.charAt(name.length - zone.suffix.length - 1) === '.';
}

/** Network order; none when it is of the other family. */
function bytesOf(text: string, family: Family): Buffer[] {
  const address = readAddress(text);
  if (address?.family !== family) return [];
  return [Buffer.from(address.value.toString(16).padStart(width(family) / 4, '0'), 'hex')];
}
