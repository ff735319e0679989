import { expect, test } from 'vitest';
import type { KnownServer } from './identity.ts';
import { afterListing, type ListedServer, placeOf } from './known-servers.ts';

const ports = { requests: 4701, feed: 4702 };
const day = 24 * 60 * 60 * 1000;
const at = (host: string, more: Partial<KnownServer> = {}): KnownServer => ({ host, ports, key: 'k', ...more });
const listed = (host: string, more: Partial<ListedServer> = {}): ListedServer => ({
  ...{ id: `${host}:4701`, host, ports },
  ...more,
});
const hosts = (servers: readonly KnownServer[]) => servers.map(({ host }) => host);

test('those that are new come along, with the key of the cluster', () => {
  const after = afterListing([at('10.0.0.1')], [listed('10.0.0.1'), listed('10.0.0.2')], 0);
  expect(after).toEqual([at('10.0.0.1', { id: '10.0.0.1:4701' }), at('10.0.0.2', { id: '10.0.0.2:4701' })]);
  expect(afterListing(after, [listed('10.0.0.1'), listed('10.0.0.2')], 5)).toEqual(after);
});

test('nothing listed says nothing', () => {
  const known = [at('10.0.0.1')];
  expect(afterListing(known, [], day * 9)).toBe(known);
});

test('one that is gone is kept for a day, also over a clock that was set back; back again it is as before', () => {
  const others = [listed('10.0.0.2')];
  const gone = afterListing([at('10.0.0.1'), at('10.0.0.2')], others, 1000);
  expect(gone[0]).toMatchObject({ host: '10.0.0.1', goneSince: 1000 });
  expect(hosts(afterListing(gone, others, day))).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(hosts(afterListing(gone, others, 1000 + day))).toEqual(['10.0.0.2']);
  expect(afterListing(gone, others, 500)[0]).toMatchObject({ goneSince: 500 });
  expect(afterListing(gone, [listed('10.0.0.1'), ...others], day)[0]).toEqual(at('10.0.0.1', { id: '10.0.0.1:4701' }));
});

test('a server that is reached by another address than the listed one is not reached twice', () => {
  const local = at('127.0.0.1', { id: '10.0.0.1:4701' });
  const after = afterListing([local, at('10.0.0.1')], [listed('10.0.0.1'), listed('10.0.0.2')], 0);
  expect(hosts(after)).toEqual(['127.0.0.1', '10.0.0.2']);
  // Restarted with other ports for the feed; behind the same forwarding.
  const forwarded = at('nat.example', { id: '10.0.0.1:4701', ports: { ...ports, requests: 9000 } });
  const [same] = afterListing([forwarded], [listed('10.0.0.1', { ports: { ...ports, feed: 5000 } })], 0);
  expect(same?.ports).toEqual({ requests: 9000, feed: 5000 });
});

test('IPv6 addresses are written as ids are', () => {
  expect(placeOf(at('fd00::1'))).toBe('[fd00::1]:4701');
});
