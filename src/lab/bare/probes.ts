/** Single questions that are asked from a namespace: a page, a number of hops, the MACs that a bridge has learned. */
import type { Spawn } from '../../platform/platform.ts';
import { type LabModel, type LabNode, nodeOf } from '../topology/model.ts';
import { inNamespace } from './plan.ts';

/** How the script ends when a server has answered with a status that says that there is no such page. */
const refused = 2;

/**
 * Node.js is there whatever else is; a page that does not come at once is tried again, since servers take a moment to listen. Not by
 * `fetch`, which asks nobody at ports that are no browser's, as 22 and 6000.
 */
const fetchScript = `
import { once } from 'node:events';
import { get } from 'node:http';
const [url] = process.argv.slice(1);
const refused = ${refused};
// An exit does not wait for what is written still.
const tell = (text) => new Promise((resolve) => process.stdout.write(text, resolve));
const ask = async (url, signal, redirects) => {
  const [answer] = await once(get(url, { signal }), 'response');
  const text = (await answer.setEncoding('utf8').toArray()).join('');
  const { statusCode, statusMessage, headers } = answer;
  if (statusCode >= 400) return { exit: refused, text: statusCode + ' ' + statusMessage };
  if (statusCode < 300 || headers.location === undefined || redirects === 0) return { exit: 0, text };
  return ask(new URL(headers.location, url), signal, redirects - 1);
};
const end = Date.now() + 3000;
for (;;) {
  const signal = AbortSignal.timeout(1000);
  try {
    const { exit, text } = await ask(url, signal, 5);
    await tell(text);
    process.exit(exit);
  } catch (error) {
    if (Date.now() > end || signal.aborted || !/ECONNREFUSED|ECONNRESET/.test(error.code)) {
      await tell((signal.reason ?? error).message);
      process.exit(1);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}`;

export interface Fetched {
  /** Whether there is a page: a server has answered with a status below 400. */
  readonly ok: boolean;
  /** Whether a server has answered at all. */
  readonly answered: boolean;
  /** The page, or why there is none. */
  readonly text: string;
}

export async function fetchFrom(from: LabNode, url: string, spawn: Spawn): Promise<Fetched> {
  const argv = [...inNamespace(from), process.execPath, '--input-type=module', '-e', fetchScript, url] as const;
  const { code, stdout } = await spawn({ argv: [...argv] as [string, ...string[]] });
  return { ok: code === 0, answered: code === 0 || code === refused, text: stdout.trim() };
}

/** As a program in the container would: by the servers of its /etc/resolv.conf, and not by its own list of hosts. */
const resolveScript = `
const { Resolver } = await import('node:dns/promises');
const [name, ...servers] = process.argv.slice(1);
const resolver = new Resolver({ timeout: 1000, tries: 2 });
try {
  resolver.setServers(servers);
  process.stdout.write((await resolver.resolve4(name)).join(' '));
} catch (error) {
  process.stdout.write(error.code ?? error.message);
  process.exit(1);
}`;

/** @returns the addresses that a name stands for there, or why there are none */
export async function addressesOf(
  model: LabModel,
  from: LabNode,
  name: string,
  spawn: Spawn,
): Promise<{ ok: boolean; text: string }> {
  const [{ resolverOf }, { runningMachine }] = await Promise.all([
    import('../machines/observed.ts'),
    import('../machines/places.ts'),
  ]);
  const host = nodeOf(model, from.host ?? '');
  if (host === undefined) return { ok: false, text: 'it has no host' };
  const configuration = await resolverOf(await runningMachine(model.name, host, spawn), from.name);
  const servers = [...configuration.matchAll(/^nameserver\s+(\S+)/gm)].map(([, server]) => server ?? '');
  const argv = [...inNamespace(from), process.execPath, '--input-type=module', '-e', resolveScript, name, ...servers];
  const { code, stdout } = await spawn({ argv: argv as [string, ...string[]] });
  return { ok: code === 0, text: stdout.trim() };
}

const mostHops = 30;

/** The least time to live with which a ping is answered, as traceroute counts; undefined: with none. */
export async function hopsTo(from: LabNode, address: string, spawn: Spawn): Promise<number | undefined> {
  if (!(await answers(from, address, spawn))) return undefined;
  for (let hops = 1; hops <= mostHops; hops += 1) {
    if (await answers(from, address, spawn, ['-t', String(hops)])) return hops;
  }
  return undefined;
}

/**
 * Silence is asked again, since a frame may have been lost, and then taken for a router that says nothing: Linux tells each peer
 * only six times, and then once a second, that a time to live was exceeded (icmp(7), icmp_ratelimit).
 */
async function answers(from: LabNode, address: string, spawn: Spawn, flags: readonly string[] = []): Promise<boolean> {
  for (let tries = 2; tries > 0; tries -= 1) {
    const ping = ['ping', '-n', '-c', '1', '-W', '1', ...flags, address];
    const { code, stdout } = await spawn({ argv: [...inNamespace(from), ...ping] });
    if (code === 0) return true;
    if (/Time to live exceeded/.test(stdout)) return false;
  }
  return false;
}

/** What its bridge has learned from frames, not what it was told. */
export async function learnedMacs(node: LabNode, spawn: Spawn): Promise<Set<string>> {
  const { stdout } = await spawn({
    argv: ['bridge', '-n', node.namespace, '-j', 'fdb', 'show', 'br', node.bridge?.name ?? 'br0'],
  });
  const entries: readonly { mac: string; state?: string }[] = stdout.trim() === '' ? [] : JSON.parse(stdout);
  return new Set(entries.filter(({ state = '' }) => state !== 'permanent' && state !== 'static').map(({ mac }) => mac));
}
