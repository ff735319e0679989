/** Which servers there are, as far as this host knows. Pure. A server that is gone is not forgotten soon: it may be back. */
import type { ServerRecord } from '../domain/domain.ts';
import type { KnownServer } from './identity.ts';

/** After this a server that is listed no more is gone for good. A day: its host may be under repair. */
const forgottenMs = 24 * 60 * 60 * 1000;

export type ListedServer = Pick<ServerRecord, 'id' | 'host' | 'ports'>;

/** An address and a port for requests, as ids of servers are written. */
export const placeOf = ({ host, ports }: Pick<KnownServer, 'host' | 'ports'>): string =>
  host.includes(':') ? `[${host}]:${ports.requests}` : `${host}:${ports.requests}`;

/**
 * What is known once the cluster has listed its servers. One that this host reaches by another address than the listed one
 * (`127.0.0.1`, a name) keeps that: it has proved to be good here.
 * @param known at least one; those that have said by which id they are listed have it
 * @param listed none: nothing is concluded from that
 */
export function afterListing(
  known: readonly KnownServer[],
  listed: readonly ListedServer[],
  now: number,
): readonly KnownServer[] {
  const [first] = known;
  if (first === undefined || listed.length === 0) return known;
  const kept = new Map<string, KnownServer>();
  for (const { goneSince, ...server } of known) {
    const id = server.id ?? placeOf(server);
    const same = listed.find((each) => each.id === id);
    if (kept.has(id)) continue;
    if (same !== undefined) kept.set(id, { ...server, id, ports: { ...same.ports, requests: server.ports.requests } });
    // A clock that was set back begins anew.
    else if (goneSince === undefined || now < goneSince) kept.set(id, { ...server, goneSince: now });
    else if (now - goneSince < forgottenMs) kept.set(id, { ...server, goneSince });
  }
  for (const { id, host, ports } of listed) if (!kept.has(id)) kept.set(id, { host, ports, key: first.key, id });
  return [...kept.values()];
}
