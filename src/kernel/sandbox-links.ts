/** What stands in a container's namespace, whoever put it there: its engine gives interfaces their names, in its own way. */
import type { Spawn } from '../platform/platform.ts';
import { readJson } from './observe.ts';
import { switching } from './print.ts';

/** @returns MAC by name of every interface in the namespace at this path. @throws Failure when it cannot be read */
export async function sandboxLinks(spawn: Spawn, path: string): Promise<ReadonlyMap<string, string>> {
  const listing = await readJson(spawn, switching('ip', path, ['-j', 'link', 'show']));
  const links = listing as readonly { readonly ifname: string; readonly address?: string }[];
  return new Map(links.map(({ ifname, address = '' }) => [ifname, address.toLowerCase()]));
}

/** @returns names of the interfaces by which IPv4 packets for anywhere leave it. @throws Failure when it cannot be read */
export async function waysOut(spawn: Spawn, path: string): Promise<readonly string[]> {
  const listing = await readJson(spawn, switching('ip', path, ['-j', 'route', 'show', 'default']));
  return (listing as readonly { readonly dev?: string }[]).flatMap(({ dev }) => dev ?? []);
}
