/** A process with some hundred members of the cluster in it. It does what it is told over its channel, and ends with it. */
import { readFile } from 'node:fs/promises';
import { createZeroMqBus } from '../../src/bus/zeromq/zeromq.ts';
import { type Log, silentLog, systemClock } from '../../src/platform/platform.ts';
import { type Endpoint, Member } from './member.ts';
import { type Asked, type Crew, now, type Order, type Orders, type Reply } from './orders.ts';

/** Of ZeroMQ's, with what watches them. All members share one thread that sends and receives: on a host each has one alone. */
const socketsPerMember = 30;
const atOnce = 4;
/** Figures of this host are read anew for all members together. */
const rereadMs = 5000;

type Asking = { -readonly [K in keyof Asked]: Asked[K][number][] };

const members: Member[] = [];
/** Measured ones that are there, the oldest first. */
const present: { readonly member: Member; readonly endpoint: Endpoint }[] = [];
let heard = new Map<string, number[]>();
const counts: Record<string, number> = {};
const troubles: string[] = [];

const log: Log = {
  ...silentLog,
  warn: (message, fields) => trouble(`${message} ${JSON.stringify(fields ?? {})}`),
  error: (message, fields) => trouble(`${message} ${JSON.stringify(fields ?? {})}`),
  with: () => log,
};

function trouble(what: string): void {
  counts.troubles = (counts.troubles ?? 0) + 1;
  if (troubles.length < 20) troubles.push(what);
}

const work: { readonly [K in keyof Orders]: (order: Orders[K]['order']) => Promise<Orders[K]['result']> } = {
  async join(crew) {
    const bus = createZeroMqBus({ log, maxSockets: socketsPerMember * (crew.count + 1) });
    const options = (index: number) => ({
      ...{ number: crew.first + index, crew, bus, log },
      ...{ readFile: readSometimes, onHeard, count, trouble },
    });
    await eachOf(numbers(crew), async (index) => void members.push(await Member.join(options(index))));
    return null;
  },

  async populate() {
    let endpoints = 0;
    await eachOf(members, async (member) => {
      const told = await member.populate();
      endpoints += told;
    });
    return { endpoints };
  },

  async follow() {
    await eachOf(members, (member) => member.follow());
    return null;
  },

  async change({ perSecond, seconds }) {
    const asked: Asking = { changes: [], answered: [], failures: [] };
    const pending: Promise<void>[] = [];
    const began = performance.now();
    for (let at = 0; at < perSecond * seconds; at += 1) {
      // By the clock: what is late is made up for.
      const left = began + (at * 1000) / perSecond - performance.now();
      if (left > 0) await systemClock.sleep(left);
      pending.push(changeOne(at, asked));
    }
    await Promise.all(pending);
    return asked;
  },

  async heard() {
    const changes = [...heard];
    heard = new Map();
    return { changes, counts, troubles };
  },
};

/** One comes, one goes, in turns: the oldest, when there are some. */
function changeOne(at: number, asked: Asking): Promise<void> {
  const leaving = at % 2 === 1 && present.length > 20 ? present.shift() : undefined;
  if (leaving !== undefined)
    return timed(`-${leaving.endpoint.address}`, asked, () => leaving.member.go(leaving.endpoint));
  // Each has several to spare, and all of them together more than any run takes.
  const able = members.filter((member) => member.hasNext);
  const member = able[Math.floor(Math.random() * able.length)];
  const endpoint = member?.next();
  if (member === undefined || endpoint === undefined) throw new Error('no simulated agent has an address left');
  return timed(`+${endpoint.address}`, asked, async () => {
    await member.come(endpoint);
    present.push({ member, endpoint });
  });
}

async function timed(change: string, asked: Asking, request: () => Promise<void>): Promise<void> {
  const at = now();
  asked.changes.push([change, at]);
  try {
    await request();
    asked.answered.push((now() - at) / 1000);
  } catch (error) {
    asked.failures.push((error as Error).message);
  }
}

function onHeard(change: string): void {
  const at = now();
  const times = heard.get(change);
  if (times === undefined) heard.set(change, [at]);
  else times.push(at);
}

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

const numbers = ({ count }: Crew): number[] => Array.from({ length: count }, (_, index) => index);

async function eachOf<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const one = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await each(item);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

const read = new Map<string, { readonly at: number; readonly text: Promise<string> }>();

function readSometimes(path: string): Promise<string> {
  const known = read.get(path);
  if (known !== undefined && performance.now() - known.at < rereadMs) return known.text;
  const text = readFile(path, 'utf8');
  read.set(path, { at: performance.now(), text });
  return text;
}

async function obey({ kind, order }: Order): Promise<Reply> {
  try {
    return { result: await (work[kind] as (order: unknown) => Promise<unknown>)(order) };
  } catch (error) {
    return { failed: (error as Error).message };
  }
}

process.on('message', (order: Order) => void obey(order).then((reply) => process.send?.(reply)));
process.on('disconnect', () => process.exit(0));
