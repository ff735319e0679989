import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failure, type NetworkRecord } from '../domain/domain.ts';
import type { KernelObject } from '../kernel/kernel.ts';
import { type Spawn, silentLog } from '../platform/platform.ts';
import type { Api } from '../protocol/protocol.ts';
import { Addresses } from './addresses.ts';
import { ClusterView } from './cluster-view.ts';
import { LanLeases } from './lan-leases.ts';
import { openLocalState } from './local-state.ts';

const network = {
  ...{ id: 'n1', name: 'office', driver: 'lan', subnet: '10.98.0.0/24', vni: 10_001, mtu: 1500 },
  options: { parent: 'eth1', dhcp: 'true' },
} as unknown as NetworkRecord;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lan-leases-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

/** The LAN's server: its addresses, in order, and under which MAC each is given. */
class Server {
  readonly free: string[];
  readonly given = new Map<string, string>();
  /** The interfaces that it is asked by, with what stands on them, by owner. */
  readonly at = new Map<string, readonly KernelObject[]>();
  /** Awaited after an address was given back, before the asking ends. */
  afterwards: () => Promise<unknown> = async () => {};

  constructor(...free: string[]) {
    this.free = free;
  }

  readonly spawn: Spawn = async ({ argv }) => {
    const device = argv[argv.indexOf('-i') + 1];
    const objects = [...this.at.values()].flat();
    const mac = objects
      .flatMap((each) => (each.kind === 'link' && each.name === device ? (each.mac ?? []) : []))
      .join();
    const [own] = [...this.given].find(([, whose]) => whose === mac) ?? [];
    const address = own ?? this.free.shift();
    if (address === undefined) return { code: 1, stdout: '', stderr: '' };
    this.given.set(address, mac);
    // The kernel sends for an address that stands there, and for no other.
    const stands = objects.some((each) => each.kind === 'address' && each.cidr === `${address}/24`);
    if (argv.includes('-R') && stands) {
      this.given.delete(address);
      this.free.push(address);
      await this.afterwards();
    }
    return { code: 0, stdout: '', stderr: `udhcpc: lease of ${address} obtained from 10.98.0.1, lease time 60\n` };
  };
}

async function host(server: Server) {
  const view = new ClusterView();
  const known = { key: 'network/n1', value: { kind: 'network', network } } as const;
  view.apply([{ ...known, previous: undefined }]);
  const state = await openLocalState(directory, () => {});
  const time = { now: 0 };
  const told: string[] = [];
  const clock = {
    now: () => time.now,
    sleep: async (_ms: number, signal?: AbortSignal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
  };
  const leases = new LanLeases({
    ...{ node: 'a', state, view, spawn: server.spawn, clock, log: silentLog },
    kernel: {
      desire: (owner, objects) => void server.at.set(owner, objects),
      release: (owner) => void server.at.delete(owner),
    },
    settle: async () => {},
    host: () => ({ node: 'a', address: '10.99.0.11', interface: 'eth0', dockerUser: false }),
    report: (message) => told.push(message),
  });
  const api: Api = { call: async () => ({}), open: () => Promise.reject(new Error('no streams here')) };
  const lan = { leases, attach: async () => {} };
  const addresses = new Addresses({ node: 'a', api, view, state, lan, clock, log: silentLog });
  const removed = () => view.apply([{ key: known.key, value: undefined, previous: known.value }]);
  return { addresses, leases, state, time, told, removed };
}

const until = (what: () => boolean) => expect.poll(what, { timeout: 2000, interval: 5 }).toBe(true);

test('what a full disk cannot keep is given back', async () => {
  const server = new Server('10.98.0.210', '10.98.0.211');
  const { addresses, state } = await host(server);
  state.leases.set = () => Promise.reject(new Failure('exhausted', 'the disk is full'));
  for (let i = 0; i < 5; i += 1)
    await expect(addresses.assign(network)).rejects.toMatchObject({ code: 'exhausted', message: 'the disk is full' });
  expect(server.given.size).toBe(0);
});

test('of a removed network the node’s own lease goes back, and a container’s that was just released', async () => {
  const server = new Server('10.98.0.210', '10.98.0.211');
  const { addresses, state, removed } = await host(server);
  const own = await addresses.assignOwn(network);
  const other = await addresses.assign(network);
  addresses.release('n1', other);
  removed();
  addresses.release('n1', own);
  await addresses.forget(network);
  await until(() => server.given.size === 0);
  await until(() => state.leases.size === 0);
});

test('what its server gives instead at a renewal goes back with the address that is in use', async () => {
  const server = new Server('10.98.0.210');
  const { addresses, leases, state, time, told } = await host(server);
  const address = await addresses.assign(network);
  // It has forgotten, and has others now.
  server.given.clear();
  server.free.push('10.98.0.230');
  time.now = 31_000;
  const end = new AbortController();
  const renewing = leases.renew(() => true, end.signal).catch(() => {});
  await until(() => told.length > 0);
  expect(told).toEqual([expect.stringContaining(`address ${address} of network office is not renewed`)]);
  expect([...server.given.keys()]).toEqual(['10.98.0.230']);
  end.abort();
  await renewing;
  addresses.release('n1', address);
  await until(() => state.leases.size === 0);
  expect([...server.given]).toEqual([]);
});

test('an address that is given again while it goes back is the new one’s, under its MAC', async () => {
  const server = new Server('10.98.0.210');
  const { addresses, leases, state } = await host(server);
  const address = await addresses.assign(network);
  const before = leases.macOf('n1', address);
  const done = Promise.withResolvers<void>();
  server.afterwards = async () => {
    server.afterwards = async () => {};
    expect(await addresses.assign(network)).toBe(address);
    done.resolve();
  };
  addresses.release('n1', address);
  await done.promise;
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(leases.macOf('n1', address)).toBe(server.given.get(address));
  expect(leases.macOf('n1', address)).not.toBe(before);
  expect(state.leases.size).toBe(1);
});

test('the node’s own is asked for anew only when the former one went back', async () => {
  const server = new Server('10.98.0.210', '10.98.0.211');
  const { addresses, state } = await host(server);
  const address = await addresses.assignOwn(network);
  addresses.release('n1', address);
  const again = await addresses.assignOwn(network);
  expect([...server.given.keys()]).toEqual([again]);
  expect([...state.leases.values()].map((lease) => lease.address)).toEqual([again]);
});

test('a lease in a network that nobody knows any more is forgotten when it has ended', async () => {
  const { addresses, leases, state, time, removed } = await host(new Server('10.98.0.210'));
  await addresses.assign(network);
  removed();
  const end = new AbortController();
  const renewing = leases.renew(() => false, end.signal).catch(() => {});
  time.now = 59_000;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(state.leases.size).toBe(1);
  time.now = 61_000;
  await until(() => state.leases.size === 0);
  end.abort();
  await renewing;
});
