/** Tells a segment behind which port an address is, and at which MAC, before anybody asks. */
import { output, type Spawn } from '../platform/platform.ts';
import { readJson } from './observe.ts';
import { switching } from './print.ts';

interface Listed {
  readonly ifname: string;
  readonly address?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** What stands, or is to stand, on an interface of the namespace at the path. */
export interface Announced {
  readonly path: string;
  readonly mac: string;
  readonly address: string;
}

/**
 * Has the kernel announce it (RFC 5227 §2.3), by letting it ask who has the address: three times, a second apart, since nobody answers.
 * A bridge may not yet forward the first.
 * @returns the interface's name; undefined when there is none yet that is up and has the address
 * @throws Failure, CommandFailed: the namespace is gone, or `ip` refused
 */
export async function announce(spawn: Spawn, { path, mac, address }: Announced): Promise<string | undefined> {
  const links = (await readJson(spawn, switching('ip', path, ['-j', 'addr', 'show']))) as readonly Listed[];
  const name = links.find(
    (link) =>
      link.address?.toLowerCase() === mac &&
      link.flags?.includes('UP') &&
      link.addr_info?.some(({ local }) => local === address),
  )?.ifname;
  if (name !== undefined) {
    const asked = ['neigh', 'replace', address, 'dev', name, 'nud', 'none', 'use'];
    await output(spawn, { argv: switching('ip', path, asked) });
  }
  return name;
}

/** Afterwards: the question that nobody answered would stand among the neighbours. No error when it does not. */
export async function announced(spawn: Spawn, { path, address }: Announced, name: string): Promise<void> {
  await spawn({ argv: switching('ip', path, ['neigh', 'del', address, 'dev', name]) });
}
