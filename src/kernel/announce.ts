/** Tells a segment behind which port an address is, and at which MAC, before anybody asks. */
import { output, type Spawn } from '../platform/platform.ts';
import { readJson } from './observe.ts';
import { inside, switching } from './print.ts';

interface Listed {
  readonly ifname: string;
  readonly address?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly family: string }[];
}

/**
 * Has the kernel announce the interface that has this MAC, in the namespace at this path (RFC 5227 §2.3): with `arp_notify` it does so
 * whenever a MAC is set, also to what it is.
 * @returns false when there is none yet that is up and has an address
 * @throws Failure, CommandFailed: the namespace is gone, or a tool refused
 */
export async function announce(spawn: Spawn, path: string, mac: string): Promise<boolean> {
  const links = (await readJson(spawn, switching('ip', path, ['-j', 'addr', 'show']))) as readonly Listed[];
  const link = links.find(({ address }) => address?.toLowerCase() === mac);
  const has = link?.addr_info?.some(({ family }) => family === 'inet');
  if (link === undefined || !has || !link.flags?.includes('UP')) return false;
  const { ifname: name } = link;
  await output(spawn, { argv: inside(path, ['sysctl', '-qw', `net/ipv4/conf/${name}/arp_notify=1`]) });
  await output(spawn, { argv: switching('ip', path, ['link', 'set', 'dev', name, 'address', mac]) });
  return true;
}
