/** What our rules have dropped: read from their counters, and only when somebody wants to know. */
import type { Spawn } from '../platform/platform.ts';
import { ownTable } from './names.ts';
import type { NftFamily } from './objects.ts';
import { inside } from './print.ts';

/** Of one chain, all its rules together, since it was last written. */
export interface Drops {
  readonly chain: string;
  readonly packets: number;
}

interface Listed {
  readonly rule?: {
    readonly chain: string;
    readonly expr?: readonly { readonly counter?: { readonly packets: number } }[];
  };
}

/**
 * Chains of our table that count, without its sets' elements: it costs the same with many endpoints as with few.
 * @returns nothing where there is no such table
 */
export async function readDrops(spawn: Spawn, ns: string, family: NftFamily): Promise<readonly Drops[]> {
  const argv = inside(ns, ['nft', '--terse', '--json', 'list', 'table', family, ownTable]);
  const { code, stdout } = await spawn({ argv });
  if (code !== 0) return [];
  const counts = new Map<string, number>();
  for (const { rule } of (JSON.parse(stdout) as { nftables: readonly Listed[] }).nftables) {
    for (const { counter } of rule?.expr ?? []) {
      if (rule !== undefined && counter !== undefined)
        counts.set(rule.chain, (counts.get(rule.chain) ?? 0) + counter.packets);
    }
  }
  return [...counts].map(([chain, packets]) => ({ chain, packets }));
}
