/**
 * Forgets what connection tracking knows of datagrams to ports of the host, see `NftMapElementObject`; of those that pass through
 * the host to the same port of somebody else, nothing: a container that waits for an answer from a name server goes on waiting.
 *
 * `conntrack` has no range of ports, and each run reads the whole table. So that thousands of ports take few runs, one
 * listing tells what there is, and what is to go is named by what it, and nothing else, has in common.
 */
import { type Address, contains, parseAddress, parseSubnet } from '../domain/domain.ts';
import { CommandFailed, output, type Spawn } from '../platform/platform.ts';
import type { UdpPort } from './commands.ts';
import { readJson } from './observe.ts';
import { inside, switching } from './print.ts';

/** What a datagram that made an entry was sent by and to, and who answers it: after a translation not `destination`. */
interface Entry {
  readonly source: string;
  readonly destination: string;
  readonly port: string;
  readonly answers: string;
}

/** Long lists take long. */
const timeoutMs = 60_000;
/** Each ends with an entry that has just ended: of thousands, few do so while they are read. */
const mostTries = 20;

/** @throws CommandFailed, Failure: what a tool said against it. */
export async function forget(ns: string, ports: readonly UdpPort[], spawn: Spawn): Promise<void> {
  const [first] = ports;
  // A single one need not know of the others' entries.
  const scope = ['-p', 'udp', ...(first && ports.length === 1 ? ['--orig-port-dst', first[0]] : [])];
  const listing = inside(ns, ['conntrack', '-L', '-f', 'ipv4', ...scope]);
  const entries = readEntries(await output(spawn, { argv: listing, timeoutMs }));
  const anywhere = new Set(ports.flatMap(([port, address]) => (address === undefined ? [port] : [])));
  const exact = new Set(ports.map(([port, address]) => `${address} ${port}`));
  const isLocal = entries.some(({ port }) => anywhere.has(port)) ? await localAddresses(ns, spawn) : () => false;
  const stale = entries.filter(
    ({ destination, port }) => exact.has(`${destination} ${port}`) || (anywhere.has(port) && isLocal(destination)),
  );
  const failed: unknown[] = [];
  for (const common of inCommon(entries, new Set(stale))) {
    // The others' are forgotten all the same.
    await forgetOne(inside(ns, ['conntrack', '-D', ...scope, ...common]), spawn).catch((error) => {
      // One that hung would hang for each.
      if (error instanceof CommandFailed && error.result.code === -1) throw error;
      failed.push(error);
    });
  }
  if (failed.length > 0) throw failed[0];
}

/** It reads the table, then deletes one by one, and gives up at one that has ended by itself meanwhile. */
async function forgetOne(argv: readonly [string, ...string[]], spawn: Spawn): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const finished = await spawn({ argv, timeoutMs });
    // To conntrack it is an error that there was nothing to delete.
    if (finished.code === 0 || / 0 flow entries have been deleted/.test(finished.stderr)) return;
    if (tries < mostTries && /such conntrack doesn't exist/.test(finished.stderr)) continue;
    throw new CommandFailed(argv, finished, `ended with code ${finished.code}`);
  }
}

function readEntries(text: string): Entry[] {
  const entry = /src=(\S+) dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) /g;
  return [...text.matchAll(entry)].map(([, source = '', destination = '', port = '', answers = '']) => {
    return { source, destination, port, answers };
  });
}

/** From the coarsest: a container's, a client's, a port's. Of the last, all are stale that are of the host's. */
const shapes: readonly ((entry: Entry) => readonly string[])[] = [
  ({ destination, answers }) => ['--orig-dst', destination, '--reply-src', answers],
  ({ source, destination }) => ['--orig-src', source, '--orig-dst', destination],
  ({ destination, port }) => ['--orig-dst', destination, '--orig-port-dst', port],
];

/** @returns options of conntrack, which together mean all that is stale and nothing else. */
function inCommon(entries: readonly Entry[], stale: ReadonlySet<Entry>): (readonly string[])[] {
  const left = new Set(stale);
  const found: (readonly string[])[] = [];
  for (const shape of shapes) {
    if (left.size === 0) break;
    for (const alike of Map.groupBy(entries, (entry) => shape(entry).join(' ')).values()) {
      const [one] = alike;
      if (one === undefined || !alike.some((entry) => left.has(entry)) || !alike.every((entry) => stale.has(entry)))
        continue;
      found.push(shape(one));
      for (const entry of alike) left.delete(entry);
    }
  }
  return found;
}

/** What the kernel takes for itself, as `fib daddr type local` does: also whole subnets, such as 127.0.0.0/8. */
async function localAddresses(ns: string, spawn: Spawn): Promise<(address: string) => boolean> {
  const argv = switching('ip', ns, ['-j', '-4', 'route', 'show', 'table', 'local', 'type', 'local']);
  const routes = await readJson(spawn, argv);
  const subnets = (routes as readonly { readonly dst: string }[]).map(({ dst }) =>
    parseSubnet(dst.includes('/') ? dst : `${dst}/32`),
  );
  const isLocal = (address: Address) => subnets.some((subnet) => contains(subnet, address));
  const known = new Map<string, boolean>();
  return (text) => {
    const local = known.get(text) ?? isLocal(parseAddress(text));
    known.set(text, local);
    return local;
  };
}
