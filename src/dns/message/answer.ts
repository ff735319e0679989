/**
 * Answers as bytes. One is built once and sent often: only the id and the order of its records differ, so it is kept in
 * parts that are copied behind one another.
 */
import type { Question } from './question.ts';
import { datagram, flags, headerSize, lowerFlags, rcodes, types } from './wire.ts';

/** What is to be said of a name. */
export interface Reply {
  readonly rcode: number;
  /** Records of one type, all of the name that was asked for. */
  readonly type: number;
  readonly data: readonly Buffer[];
  /** None of them is better than another: each comes first in turn. */
  readonly rotated?: boolean;
  /** From the SOA record for negative caching (RFC 2308): where in the message its owner's name begins, and its data. */
  readonly authority?: { readonly at: number; readonly data: Buffer };
}

export interface Answer {
  /** Header, whose id is left open, and question. */
  readonly head: Buffer;
  /** Whole records, of which `fit` are sent: those that have their turn, or the first. */
  readonly records: readonly Buffer[];
  readonly rotated: boolean;
  readonly fit: number;
  /** Authority and OPT. */
  readonly tail: Buffer;
  /** Bytes of an answer: of its `fit` largest records. */
  readonly size: number;
}

/**
 * Seconds that anybody may keep an answer. A container's name must be gone within 2 s of its end, also where a stub
 * resolver caches; a second of these belongs to the news' way here. 0 is taken for "not at all usable" by some.
 */
export const timeToLive = 1;

/** Bytes that fit into an answer over UDP. */
export function sizeOver(question: Question): number {
  return Math.min(Math.max(question.edns?.size ?? 0, datagram.least), datagram.most);
}

/**
 * @param message what was asked; its question comes back byte by byte, since some mix the case of letters to tell forgeries
 * @param limit bytes. When not all records fit, some do, and TC says so: not everybody asks again over TCP
 */
export function buildAnswer(message: Buffer, question: Question, reply: Reply, limit: number): Answer {
  const head = Buffer.from(message.subarray(0, question.end));
  const records = reply.data.map((data) => record(headerSize, reply.type, data));
  const authority = reply.authority;
  const soa = authority === undefined ? [] : [record(authority.at, types.soa, authority.data)];
  const tail = Buffer.concat([...soa, ...opt(question, reply.rcode)]);
  const sizes = records.map((each) => each.length).sort((a, b) => b - a);
  const fit = fitting(sizes, limit - head.length - tail.length);
  writeHeader(head, message, reply.rcode, flags.authoritative | (fit < records.length ? flags.truncated : 0));
  writeCounts(head, { questions: 1, answers: fit, authorities: soa.length, additional: question.edns ? 1 : 0 });
  const size = sizes.slice(0, fit).reduce((sum, each) => sum + each, head.length + tail.length);
  return { head, records, rotated: reply.rotated === true, fit, tail, size };
}

/** @param turn which record is the first, of those that are rotated */
export function composeAnswer(answer: Answer, id: number, turn: number): Buffer {
  const { head, records, rotated, fit, tail } = answer;
  const first = rotated ? turn : 0;
  const bytes = Buffer.allocUnsafe(answer.size);
  bytes.set(head, 0);
  bytes[0] = id >>> 8;
  bytes[1] = id;
  let at = head.length;
  for (let i = 0; i < fit; i++) {
    const each = records[(first + i) % records.length] ?? tail;
    bytes.set(each, at);
    at += each.length;
  }
  if (tail.length > 0) bytes.set(tail, at);
  // A view of its own is dear beside the rest of this; it is needed only where names of different lengths were left out.
  return at + tail.length === bytes.length ? bytes : bytes.subarray(0, at + tail.length);
}

/** An answer that says no more than that: nothing was found out. */
export function bareAnswer(message: Buffer, question: Question, rcode: number, upperFlags = 0): Buffer {
  const bytes = Buffer.concat([message.subarray(0, question.end), ...opt(question, rcode)]);
  writeHeader(bytes, message, rcode, upperFlags);
  writeCounts(bytes, { questions: 1, answers: 0, authorities: 0, additional: question.edns ? 1 : 0 });
  return bytes;
}

/** For what could not be read as a question: a header, and the OPT that an unknown version of EDNS is told by. */
export function mistakeAnswer(message: Buffer, rcode: number): Buffer {
  const versioned = rcode === rcodes.badVersion;
  const bytes = Buffer.concat([message.subarray(0, headerSize), ...(versioned ? [optRecord(rcode, false)] : [])]);
  writeHeader(bytes, message, rcode, 0);
  writeCounts(bytes, { questions: 0, answers: 0, authorities: 0, additional: versioned ? 1 : 0 });
  return bytes;
}

/** How many of any of them fit. @param sizes the largest first */
function fitting(sizes: readonly number[], room: number): number {
  let left = room;
  for (const [i, size] of sizes.entries()) {
    left -= size;
    if (left < 0) return i;
  }
  return sizes.length;
}

/** @param owner where the owner's name begins; a pointer to it (RFC 1035 §4.1.4) is written */
function record(owner: number, type: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt16BE(0xc000 | owner, 0);
  bytes.writeUInt16BE(type, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt32BE(timeToLive, 6);
  bytes.writeUInt16BE(data.length, 10);
  bytes.set(data, 12);
  return bytes;
}

/** Whoever asked with EDNS, and nobody else, is answered with it. */
function opt(question: Question, rcode: number): Buffer[] {
  return question.edns === undefined ? [] : [optRecord(rcode, question.edns.dnssec)];
}

function optRecord(rcode: number, dnssec: boolean): Buffer {
  const bytes = Buffer.alloc(11);
  bytes.writeUInt16BE(types.opt, 1);
  bytes.writeUInt16BE(datagram.most, 3);
  bytes.writeUInt8(rcode >>> 4, 5);
  bytes.writeUInt8(dnssec ? 0x80 : 0, 7);
  return bytes;
}

function writeHeader(bytes: Buffer, asked: Buffer, rcode: number, upperFlags: number): void {
  const [upper, lower] = [asked.readUInt8(2), asked.readUInt8(3)];
  bytes[2] = flags.response | (upper & (flags.opcode | flags.recursionDesired)) | upperFlags;
  bytes[3] = lowerFlags.recursionAvailable | (lower & lowerFlags.checkingDisabled) | (rcode & lowerFlags.rcode);
}

interface Counts {
  readonly questions: number;
  readonly answers: number;
  readonly authorities: number;
  readonly additional: number;
}

function writeCounts(bytes: Buffer, counts: Counts): void {
  bytes.writeUInt16BE(counts.questions, 4);
  bytes.writeUInt16BE(counts.answers, 6);
  bytes.writeUInt16BE(counts.authorities, 8);
  bytes.writeUInt16BE(counts.additional, 10);
}
