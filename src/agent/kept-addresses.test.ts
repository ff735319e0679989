import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure, type NetworkRecord, type WorkloadRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { Api } from '../protocol/protocol.ts';
import { Addresses } from './addresses.ts';
import { ClusterView } from './cluster-view.ts';
import { FormerAddresses } from './former-addresses.ts';
import { KeptAddresses } from './kept-addresses.ts';
import { openLocalState } from './local-state.ts';
import { createNetworkPlugin } from './network-plugin.ts';
import type { Ports } from './ports.ts';
import type { Wiring } from './wiring.ts';
import { workloadLabel } from './workloads.ts';

const network = { id: 'n1', name: 'app', subnet: '10.42.0.0/24', vni: 1 } as NetworkRecord;
/** All that this node has of it: eight addresses. */
const block = '10.42.0.32/29';
const everything = Array.from({ length: 8 }, (_, i) => `10.42.0.${32 + i}`);

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kept-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

const workload = (id: string, address?: string): WorkloadRecord =>
  ({
    id,
    name: `name-of-${id}`,
    spec: { networks: [{ network: 'app', aliases: [], ...(address === undefined ? {} : { address }) }] },
  }) as unknown as WorkloadRecord;

/** A node as its disk has it; made again, it is one that was restarted. */
async function scene() {
  const clock = { time: 0 };
  const view = new ClusterView();
  view.apply([{ key: 'network/n1', value: { kind: 'network', network }, previous: undefined }]);
  const state = await openLocalState(directory, () => {});
  const returned: string[] = [];
  const api: Api = {
    async call(method, params) {
      if (method === 'block.lease') throw new Failure('exhausted', 'network app is full');
      if (method === 'address.release') returned.push((params as { address: string }).address);
      return {};
    },
    open: () => Promise.reject(new Error('no streams here')),
  };
  const now = () => clock.time;
  const never = { now, sleep: () => new Promise<void>(() => {}) };
  const addresses = new Addresses({ node: 'h1', api, view, state, clock: never, log: silentLog });
  addresses.apply(
    [
      {
        key: 'block',
        value: { kind: 'block', block: { network: 'n1', cidr: block, node: 'h1' } },
        previous: undefined,
      },
    ],
    false,
  );
  const kept = new KeptAddresses({ addresses, state, network: (name) => view.networkNamed(name) });
  const keep = async (each: WorkloadRecord) => (await kept.keep(each))[0]?.address ?? '';
  /** As many as there are to give. */
  const assignAll = async () => {
    const got: string[] = [];
    for (;;) {
      const address = await addresses.assign(network).catch(() => undefined);
      if (address === undefined) return got;
      got.push(address);
    }
  };
  return { addresses, kept, keep, assignAll, state, view, clock, returned };
}

/** Docker's part: endpoints that the plugin makes are on disk, and nowhere else. */
async function docker({ state, view, addresses, kept }: Awaited<ReturnType<typeof scene>>) {
  await state.dockerNetworks.set('d1', { dockerId: 'd1', network: 'n1' });
  const wiring = {
    endpoint: (id: string) => state.endpoints.get(id),
    containersIn: () => [...state.endpoints.values()],
    gatewayOf: () => undefined,
    addEndpoint: async (_: unknown, record: Parameters<Wiring['addEndpoint']>[1]) => {
      await state.endpoints.set(record.id, { record, createdAt: 0 });
      addresses.claim('n1', record.address);
    },
    removeEndpoint: (id: string) => state.endpoints.delete(id),
  } as unknown as Wiring;
  const clock = { now: () => 0, sleep: async () => {} };
  const former = new FormerAddresses({
    runtime: { list: async () => [], inspect: () => Promise.reject() },
    engine: { onEvent: () => {}, isMute: async () => false, startedIn: async () => [] },
    ...{ addresses, state, clock, log: silentLog },
  });
  const plugin = createNetworkPlugin({
    ...{ node: 'h1', view, wiring, addresses, kept, former, state, clock, log: silentLog },
    settle: async () => {},
    // No server is asked.
    claim: async () => false,
    abandon: () => {},
    heard: async () => {},
    endGone: async () => false,
    attached: async () => new Set(),
    refusedForNow: () => {},
    // Nobody publishes here.
    ports: {} as Ports,
  });
  const request = (address: string) => plugin.requestAddress({ poolId: 'n1', address, gateway: false });
  const connect = (endpointId: string, address: string, owner?: string) =>
    plugin.createEndpoint({
      ...{ dockerNetworkId: 'd1', endpointId, address: `${address}/24` },
      options: owner === undefined ? {} : { [workloadLabel]: owner },
    });
  const start = async (endpointId: string, address: string, owner?: string) => {
    await request(address);
    await connect(endpointId, address, owner);
  };
  const end = async (endpointId: string, address: string) => {
    await plugin.deleteEndpoint({ dockerNetworkId: 'd1', endpointId });
    await plugin.releaseAddress({ poolId: 'n1', address });
  };
  return { plugin, request, connect, start, end };
}

describe('a workload’s address', () => {
  test('stays its own over any number of starts, and nobody else gets it', async () => {
    const here = await scene();
    const { start, end } = await docker(here);
    const address = await here.keep(workload('w1'));
    for (const endpoint of ['e1', 'e2']) {
      await start(endpoint, address, 'w1');
      await end(endpoint, address);
    }
    here.clock.time = 3_600_000;
    here.addresses.maintain();
    const others = await here.assignAll();
    expect(others).not.toContain(address);
    expect([...others, address].sort()).toEqual(everything);
    expect(await here.keep(workload('w1'))).toBe(address);
    await start('e3', address, 'w1');
    expect(here.state.endpoints.get('e3')?.record.address).toBe(address);
  });

  test('is refused to the endpoint of anybody else, and stays the workload’s after that', async () => {
    const here = await scene();
    const { start, plugin } = await docker(here);
    const address = await here.keep(workload('w1'));
    for (const owner of [undefined, 'w2']) {
      await expect(start('e1', address, owner)).rejects.toThrow(
        `address ${address} of network app belongs to the container name-of-w1, also while that does not run`,
      );
      await plugin.releaseAddress({ poolId: 'n1', address });
    }
    expect(here.addresses.isTaken('n1', address)).toBe(true);
    await start('e2', address, 'w1');
  });

  test('is refused to another workload that names it, and stays with the first, also when both ask at once', async () => {
    const here = await scene();
    const wanted = '10.42.0.35';
    const first = await Promise.allSettled(['w1', 'w2'].map((id) => here.keep(workload(id, wanted))));
    expect(first.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [owner, other] = first[0]?.status === 'fulfilled' ? ['w1', 'w2'] : ['w2', 'w1'];
    await expect(here.keep(workload(other, wanted))).rejects.toThrow(
      `address ${wanted} of network app belongs to the container name-of-${owner}, also while that does not run`,
    );
    expect(here.kept.keeper('n1', wanted)?.workload).toBe(owner);
    expect(await here.keep(workload(owner, wanted))).toBe(wanted);
  });

  test('takes the place of an endpoint whose end nobody told', async () => {
    const here = await scene();
    const { start } = await docker(here);
    const address = await here.keep(workload('w1'));
    await start('e1', address, 'w1');
    await start('e2', address, 'w1');
    expect([...here.state.endpoints.values()].map(({ record }) => record.id)).toEqual(['e2']);
  });

  test('is known after a restart', async () => {
    const before = await scene();
    const address = await before.keep(workload('w1'));
    const after = await scene();
    expect(await after.assignAll()).not.toContain(address);
    expect(await after.keep(workload('w1'))).toBe(address);
    expect(await after.addresses.returnBlocks(new Set())).toBeUndefined();
    expect(after.addresses.isTaken('n1', address)).toBe(true);
  });

  test('that was chosen, outside the node’s blocks, is reserved for as long as the workload exists', async () => {
    const here = await scene();
    const { start, end } = await docker(here);
    const reservation = { network: 'n1', address: '10.42.0.200', node: 'h1' };
    expect(await here.keep(workload('w1', '10.42.0.200'))).toBe('10.42.0.200');
    here.addresses.apply([{ key: 'r', value: { kind: 'reservation', reservation }, previous: undefined }], false);
    await start('e1', '10.42.0.200', 'w1');
    await end('e1', '10.42.0.200');
    here.addresses.maintain();
    here.addresses.maintain();
    expect(here.returned).toEqual([]);
    await here.kept.release(() => false);
    expect(here.returned).toEqual(['10.42.0.200']);
  });

  test('rests once the workload is gone, on disk too', async () => {
    const here = await scene();
    const [mine, theirs] = [await here.keep(workload('w1')), await here.keep(workload('w2'))];
    await here.kept.release((id) => id !== 'w1');
    expect(await here.assignAll()).not.toContain(mine);
    here.clock.time = 60_000;
    expect(await here.assignAll()).toEqual([mine]);
    const after = await scene();
    expect([...after.state.kept.values()].map(({ address }) => address)).toEqual([theirs]);
  });

  test('is the endpoint’s, or that of a start under way, until these end too', async () => {
    const here = await scene();
    const { start, request, connect, end } = await docker(here);
    const [runs, starts] = [await here.keep(workload('w1')), await here.keep(workload('w2'))];
    await start('e1', runs, 'w1');
    await request(starts);
    await here.kept.release(() => false);
    expect([runs, starts].map((each) => here.addresses.isTaken('n1', each))).toEqual([true, true]);
    await connect('e2', starts, 'w2');
    here.clock.time = 60_000;
    here.addresses.maintain();
    expect(here.addresses.isTaken('n1', starts)).toBe(true);
    await end('e1', runs);
    await end('e2', starts);
    expect([runs, starts].map((each) => here.addresses.isTaken('n1', each))).toEqual([false, false]);
  });

  test('goes with its network', async () => {
    const here = await scene();
    await here.keep(workload('w1'));
    await here.kept.forget('n1');
    expect(here.state.kept.size).toBe(0);
  });

  test('is none when there is none: who asks hears so, and keeps nothing', async () => {
    const here = await scene();
    const { length } = await here.assignAll();
    expect(length).toBe(everything.length);
    await expect(here.keep(workload('w1'))).rejects.toMatchObject({ code: 'exhausted' });
    expect(here.state.kept.size).toBe(0);
  });
});
