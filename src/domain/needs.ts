/**
 * What a record of a newer Trama asks of a node that an older one does not know (docs/adr/0014-versions.md). What may be passed
 * over is a field that nobody has to know; what may not is a driver, a way of discovery, or a word in `needs`: a node that
 * does not know it stays out, and says so.
 */
import { isDiscovery, isDriver } from './network-rules.ts';
import { quoted } from './quoted.ts';
import type { NetworkRecord } from './records.ts';

/** What `needs` may hold. */
const known: readonly string[] = [];

/** @returns undefined when a node of this Trama can be in the network; otherwise a sentence that says why it cannot */
export function whyTooNew(network: Pick<NetworkRecord, 'name' | 'driver' | 'discovery' | 'needs'>): string | undefined {
  const unknown = unknownOf(network);
  if (unknown === undefined) return undefined;
  return `network ${network.name} has ${unknown}, which Trama on this host is too old for: upgrade it to use the network here`;
}

function unknownOf(network: Pick<NetworkRecord, 'driver' | 'discovery' | 'needs'>): string | undefined {
  if (!isDriver(network.driver)) return `driver ${quoted(network.driver)}`;
  if (!isDiscovery(network.discovery)) return `discovery ${quoted(network.discovery)}`;
  return unknownNeed(network.needs);
}

/** @returns undefined when all are known; otherwise the first that is not, quoted */
export function unknownNeed(needs: readonly string[] = []): string | undefined {
  const unknown = needs.find((need) => !known.includes(need));
  return unknown === undefined ? undefined : quoted(unknown);
}
