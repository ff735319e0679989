import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chooseBlock, Failure, type NetworkRecord, parseSubnet } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { Api } from '../protocol/protocol.ts';
import { Addresses } from './addresses.ts';
import { ClusterView } from './cluster-view.ts';
import { openLocalState } from './local-state.ts';

const network = { id: 'n1', name: 'app', subnet: '10.42.0.0/24' } as NetworkRecord;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'addresses-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

/** One server's books, shared by any number of nodes. */
function books() {
  const leased: string[] = [];
  const reserved = new Map<string, string>();
  let answering = true;
  const api = (node: string): Api => ({
    async call(method, params) {
      if (!answering) throw new Failure('unavailable', 'no server');
      const { address } = params as { address: string };
      if (method === 'block.lease') {
        await new Promise((resolve) => setImmediate(resolve));
        const cidr = chooseBlock(parseSubnet(network.subnet), leased, reserved.keys(), node);
        if (cidr === undefined) throw new Failure('exhausted', 'network app is full');
        leased.push(cidr);
        return { network: network.id, cidr, node };
      }
      if (method === 'address.reserve') {
        if (reserved.has(address)) throw new Failure('conflict', `${address} is ${reserved.get(address)}'s`);
        reserved.set(address, node);
      }
      if (method === 'address.release') reserved.delete(address);
      if (method === 'block.release') leased.splice(leased.indexOf((params as { cidr: string }).cidr), 1);
      return {};
    },
    open: () => Promise.reject(new Error('no streams here')),
  });
  return { api, leased, reserved, silence: (silent = true) => (answering = !silent) };
}

async function node(name: string, api: Api, clock = { time: 0 }) {
  const view = new ClusterView();
  view.apply([{ key: 'network/n1', value: { kind: 'network', network }, previous: undefined }]);
  const state = await openLocalState(join(directory, name), () => {});
  const addresses = new Addresses({
    node: name,
    api,
    view,
    state,
    clock: { now: () => clock.time, sleep: () => new Promise(() => {}) },
    log: silentLog,
  });
  return { addresses, state, view, clock };
}

const told = (block: { network: string; cidr: string; node: string }) => [
  { key: `block/n1/${block.cidr}`, value: { kind: 'block', block } as const, previous: undefined },
];
const held = (reservation: { network: string; address: string; node: string }) => [
  {
    key: `reservation/n1/${reservation.address}`,
    value: { kind: 'reservation', reservation } as const,
    previous: undefined,
  },
];

describe('addresses of a node', () => {
  test('two nodes and 100 concurrent starts: no address twice', async () => {
    const { api } = books();
    const nodes = await Promise.all([node('a', api('a')), node('b', api('b'))]);
    const assigned = await Promise.all(
      nodes.flatMap(({ addresses }) => Array.from({ length: 50 }, () => addresses.assign(network))),
    );
    expect(new Set(assigned).size).toBe(100);
  });

  test('leased blocks serve while no server answers, and then the sentence says why not', async () => {
    const { api, silence } = books();
    const { addresses } = await node('a', api('a'));
    await addresses.assign(network);
    silence();
    const got: string[] = [];
    const full = await (async () => {
      for (;;) got.push(await addresses.assign(network));
    })().catch((error: unknown) => error as Failure);
    expect(got.length).toBeGreaterThan(5);
    expect(full).toMatchObject({ code: 'unavailable' });
    expect((full as Failure).message).toContain('no free address of network app left, and no server answers');
  });

  test('a fixed address outside the blocks is reserved and given back', async () => {
    const { api, reserved } = books();
    const { addresses } = await node('a', api('a'));
    await addresses.assignFixed(network, '10.42.0.5');
    expect([...reserved]).toEqual([['10.42.0.5', 'a']]);
    await expect(addresses.assignFixed(network, '10.42.0.5')).rejects.toMatchObject({ code: 'conflict' });
    const reservation = { network: 'n1', address: '10.42.0.5', node: 'a' };
    addresses.apply(held(reservation), false);
    addresses.release('n1', '10.42.0.5');
    await new Promise((resolve) => setImmediate(resolve));
    expect(reserved.size).toBe(0);
  });

  test('what no endpoint claims within a minute goes back; what one claims does not', async () => {
    const { api } = books();
    const { addresses, clock } = await node('a', api('a'));
    const lost = await addresses.assign(network);
    const kept = await addresses.assign(network);
    addresses.claim('n1', kept);
    clock.time = 60_000;
    addresses.maintain();
    expect(addresses.isTaken('n1', lost)).toBe(false);
    expect(addresses.isTaken('n1', kept)).toBe(true);
  });

  test('a yielded address is never assigned; one in use is not yielded', async () => {
    const { api } = books();
    const { addresses } = await node('a', api('a'));
    const first = await addresses.assign(network);
    await expect(addresses.yield('n1', first)).rejects.toMatchObject({ code: 'conflict' });
    const second = first.replace(/\d+$/, (last) => String(Number(last) + 1));
    await addresses.yield('n1', second);
    const rest = await Promise.all(Array.from({ length: 10 }, () => addresses.assign(network)));
    expect(rest).not.toContain(second);
  });

  test('after a restart, addresses of endpoints are in use, and what was in use without one rests first', async () => {
    const { api } = books();
    const before = await node('a', api('a'));
    const kept = await before.addresses.assign(network);
    const lost = await before.addresses.assign(network);
    await before.state.pools.set('n1', {
      blocks: [`${kept.replace(/\d+$/, '32')}/28`],
      taken: [kept, lost],
      resting: [],
      yielded: [],
    });
    await before.state.endpoints.set('e1', {
      createdAt: 0,
      record: { id: 'e1', network: 'n1', node: 'a', kind: 'container', address: kept, mac: '02:00:00:00:00:01' },
    });
    const { addresses } = await node('a', api('a'));
    const got = await Promise.all(Array.from({ length: 8 }, () => addresses.assign(network)));
    expect(got).not.toContain(kept);
    expect(got).not.toContain(lost);
  });

  test('a block goes back once its last address has rested, and stays this node’s while no server answers', async () => {
    const { api, leased, silence } = books();
    const { addresses, clock } = await node('a', api('a'));
    const address = await addresses.assign(network);
    const block = { network: 'n1', cidr: leased[0] ?? '', node: 'a' };
    addresses.apply(told(block), false);
    addresses.release('n1', address);
    await addresses.returnBlocks(new Set());
    expect(leased).toHaveLength(1);
    clock.time = 60_000;
    await addresses.returnBlocks(new Set(['n1']));
    expect(leased).toHaveLength(1);
    silence();
    await addresses.returnBlocks(new Set());
    await addresses.assign(network).then((again) => addresses.release('n1', again));
    silence(false);
    clock.time = 120_000;
    await addresses.returnBlocks(new Set());
    expect(leased).toEqual([]);
  });

  test('of a network in use a block goes back that was only needed for a rush', async () => {
    const { api, leased } = books();
    const { addresses, clock } = await node('a', api('a'));
    const got: string[] = [];
    while (leased.length < 2) got.push(await addresses.assign(network));
    const [stays, ...ends] = got;
    for (const address of ends) addresses.release('n1', address);
    const [first] = leased;
    await addresses.returnBlocks(new Set(['n1']));
    expect(leased).toHaveLength(2);
    clock.time = 60_000;
    await addresses.returnBlocks(new Set(['n1']));
    expect(leased).toEqual([first]);
    expect(stays).toBeDefined();
  });

  test('a block that is heard of before its network serves once that is known', async () => {
    const { api, silence } = books();
    const { addresses, view } = await node('a', api('a'));
    view.apply([{ key: 'network/n1', value: undefined, previous: { kind: 'network', network } }]);
    const block = { network: 'n1', cidr: '10.42.0.32/28', node: 'a' };
    addresses.apply(told(block), false);
    view.apply([{ key: 'network/n1', value: { kind: 'network', network }, previous: undefined }]);
    silence();
    expect(await addresses.assign(network)).toMatch(/^10\.42\.0\.(3[2-9]|4[0-7])$/);
  });

  test('an endpoint that goes does not take the address from another that has it by now, or is about to', async () => {
    const { api } = books();
    const { addresses, state, clock } = await node('a', api('a'));
    const address = await addresses.assign(network);
    addresses.releaseUnused('n1', address);
    expect(addresses.isTaken('n1', address)).toBe(true);
    const record = { id: 'e2', network: 'n1', node: 'a', kind: 'container', address, mac: '' } as const;
    await state.endpoints.set('e2', { record, createdAt: 0 });
    clock.time = 60_000;
    addresses.maintain();
    expect(addresses.isTaken('n1', address)).toBe(true);
    await state.endpoints.delete('e2');
    addresses.releaseUnused('n1', address);
    expect(addresses.isTaken('n1', address)).toBe(false);
  });

  test('an address of a block that is being given back is reserved once it is nobody’s, or of the block that stays', async () => {
    for (const goes of [true, false]) {
      const { api, leased, reserved } = books();
      const answer = Promise.withResolvers<void>();
      const { addresses, clock } = await node(`given-${goes}`, {
        ...api('a'),
        call: async (method, params) => {
          if (method !== 'block.release') return api('a').call(method, params);
          await answer.promise;
          if (!goes) throw new Failure('unavailable', 'no server');
          return api('a').call(method, params);
        },
      });
      const first = await addresses.assign(network);
      const [cidr = ''] = leased;
      addresses.apply(told({ network: 'n1', cidr, node: 'a' }), true);
      addresses.release('n1', first);
      clock.time = 60_000;
      const returned = addresses.returnBlocks(new Set());
      const fixed = addresses.assignFixed(network, first);
      await new Promise((resolve) => setImmediate(resolve));
      expect([...reserved]).toEqual([]);
      answer.resolve();
      await Promise.all([returned, fixed]);
      expect({ leased, reserved: [...reserved.keys()] }).toEqual({
        leased: goes ? [] : [cidr],
        reserved: goes ? [first] : [],
      });
    }
  });

  test('what was given up to another node of a block that does not go back after all stays the other’s', async () => {
    const { api, leased } = books();
    let whileAsked = async () => {};
    const { addresses, clock, state } = await node('a', {
      ...api('a'),
      call: async (method, params) => {
        if (method !== 'block.release') return api('a').call(method, params);
        await whileAsked();
        throw new Failure('unavailable', 'no server');
      },
    });
    const first = await addresses.assign(network);
    const [cidr = ''] = leased;
    const [before, meanwhile] = [3, 4].map((n) => first.replace(/\d+$/, (last) => String(Number(last) + n)));
    addresses.apply(told({ network: 'n1', cidr, node: 'a' }), true);
    await addresses.yield('n1', before ?? '');
    addresses.release('n1', first);
    clock.time = 60_000;
    whileAsked = async () => {
      await addresses.yield('n1', meanwhile ?? '');
      // And for a kill in this moment.
      expect(state.pools.get('n1')).toMatchObject({ blocks: [cidr], yielded: [before, meanwhile] });
    };
    await addresses.returnBlocks(new Set());
    const rest = await Promise.all(Array.from({ length: 14 }, () => addresses.assign(network)));
    expect(new Set(rest).size).toBe(14);
    expect(leased).toEqual([cidr]);
    expect(rest).not.toContain(before);
    expect(rest).not.toContain(meanwhile);
  });

  test('of a block that went without an answer, what has been assigned since is reserved', async () => {
    const { api, leased, reserved } = books();
    let deaf = 1;
    const { addresses, clock } = await node('a', {
      ...api('a'),
      call: async (method, params) => {
        if (method === 'address.reserve' && deaf-- > 0) throw new Failure('unavailable', 'no server');
        const answer = await api('a').call(method, params);
        if (method === 'block.release') throw new Failure('deadline', 'no answer');
        return answer;
      },
    });
    const first = await addresses.assign(network);
    const block = { network: 'n1', cidr: leased[0] ?? '', node: 'a' };
    addresses.apply(told(block), true);
    addresses.release('n1', first);
    clock.time = 60_000;
    await addresses.returnBlocks(new Set());
    const since = await addresses.assign(network);
    addresses.apply([{ key: 'block', value: undefined, previous: { kind: 'block', block } }], true);
    await expect.poll(() => deaf).toBe(0);
    expect([...reserved]).toEqual([]);
    addresses.maintain();
    await expect.poll(() => [...reserved]).toEqual([[since, 'a']]);
    addresses.maintain();
    expect(deaf).toBe(-1);
    expect(addresses.isTaken('n1', since)).toBe(true);
  });

  test('who starts while the last block goes, or stays after all, takes one block together', async () => {
    for (const stays of [false, true]) {
      const { api, leased, silence } = books();
      const answer = Promise.withResolvers<void>();
      const { addresses, clock } = await node(`starts-${stays}`, {
        ...api('a'),
        call: async (method, params) => {
          if (method !== 'block.release') return api('a').call(method, params);
          await answer.promise;
          if (stays) throw new Failure('unavailable', 'no server');
          return api('a').call(method, params);
        },
      });
      const first = await addresses.assign(network);
      const block = { network: 'n1', cidr: leased[0] ?? '', node: 'a' };
      addresses.apply(told(block), true);
      addresses.release('n1', first);
      clock.time = 60_000;
      const returned = addresses.returnBlocks(new Set());
      silence(stays);
      const starts = Promise.allSettled(Array.from({ length: 3 }, () => addresses.assign(network)));
      answer.resolve();
      await returned;
      const given = (await starts).flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(new Set(given).size).toBe(stays ? 2 : 3);
      expect(leased).toHaveLength(1);
    }
  });

  test('a fixed address does not wait for other blocks to be given back', async () => {
    const { api, leased } = books();
    const answer = Promise.withResolvers<void>();
    const { addresses, clock } = await node('a', {
      ...api('a'),
      call: async (method, params) => {
        if (method === 'block.release') await answer.promise;
        return api('a').call(method, params);
      },
    });
    const first = await addresses.assign(network);
    addresses.release('n1', first);
    clock.time = 60_000;
    const returned = addresses.returnBlocks(new Set());
    await addresses.assignFixed(network, '10.42.0.250');
    expect(leased).toHaveLength(1);
    answer.resolve();
    await returned;
    expect(leased).toEqual([]);
  });

  test('a block of which something was assigned while another was given back stays', async () => {
    const { api, leased } = books();
    let whileAsked = async () => {};
    const { addresses, clock } = await node('a', {
      ...api('a'),
      call: async (method, params) => {
        if (method === 'block.release') await whileAsked();
        return api('a').call(method, params);
      },
    });
    const got: string[] = [];
    while (leased.length < 2) got.push(await addresses.assign(network));
    const [first = '', second = ''] = leased;
    for (const address of got) addresses.release('n1', address);
    clock.time = 60_000;
    const wanted = first.replace(/\/.*/, '');
    whileAsked = async () => {
      whileAsked = async () => {};
      await addresses.assignFixed(network, wanted);
    };
    await addresses.returnBlocks(new Set());
    expect(leased).toEqual([first]);
    expect(second).not.toBe('');
    expect(addresses.isTaken('n1', wanted)).toBe(true);
  });

  test('what was given up to another node, and there too, is given out here again', async () => {
    const { api, leased } = books();
    const here = await node('a', api('a'));
    const first = await here.addresses.assign(network);
    const wanted = first.replace(/\d+$/, (last) => String(Number(last) + 3));
    await here.addresses.yield('n1', wanted);
    const there = api('b');
    await there.call('address.reserve', { address: wanted });
    await expect(here.addresses.assignFixed(network, wanted)).rejects.toMatchObject({ code: 'conflict' });
    await there.call('address.release', { address: wanted });
    await here.addresses.assignFixed(network, wanted);
    expect(here.addresses.isTaken('n1', wanted)).toBe(true);
    expect(leased).toHaveLength(1);
  });

  test('a reservation that goes back does so before it is asked for again, and stays when nobody answers', async () => {
    const asked: string[] = [];
    let answer: (() => Promise<unknown>) | undefined;
    const api: Api = {
      call: async (method) => {
        asked.push(method);
        return answer?.() ?? {};
      },
      open: () => Promise.reject(new Error('no streams here')),
    };
    const { addresses } = await node('a', api);
    const address = '10.42.0.5';
    await addresses.assignFixed(network, address);
    addresses.apply(held({ network: 'n1', address, node: 'a' }), false);
    const slow = Promise.withResolvers<unknown>();
    answer = () => slow.promise;
    addresses.release('n1', address);
    const again = addresses.assignFixed(network, address);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toEqual(['address.reserve', 'address.release']);
    answer = undefined;
    slow.resolve({});
    await again;
    expect(asked).toEqual(['address.reserve', 'address.release', 'address.reserve']);
    addresses.apply(held({ network: 'n1', address, node: 'a' }), false);
    answer = () => Promise.reject(new Failure('unavailable', 'no server'));
    addresses.release('n1', address);
    await addresses.assignFixed(network, address);
    expect(addresses.isTaken('n1', address)).toBe(true);
  });

  test('a block that was given back just before a kill is this node’s no more once a server has told', async () => {
    const { api, silence } = books();
    const before = await node('a', api('a'));
    const block = { network: 'n1', cidr: '10.42.0.64/28', node: 'a' };
    const saved = { blocks: ['10.42.0.32/28', block.cidr], taken: [], resting: [], yielded: [] };
    await before.state.pools.set('n1', saved);
    for (const early of [true, false]) {
      const { addresses } = await node('a', api('a'));
      silence();
      if (early) expect(await addresses.assign(network)).toMatch(/^10\.42\.0\.(3[2-9]|4[0-7])$/);
      addresses.apply(told(block), true);
      const rest = await Promise.all(Array.from({ length: 16 }, () => addresses.assign(network)));
      expect(rest.every((each) => /^10\.42\.0\.(6[4-9]|7[0-9])$/.test(each))).toBe(true);
      await expect(addresses.assign(network)).rejects.toMatchObject({ code: 'unavailable' });
      silence(false);
    }
  });

  test('a fixed one that nobody has come with is given again, and not while it may come', async () => {
    const clock = { time: 0 };
    const { addresses } = await node('h1', books().api('h1'), clock);
    // Of the node's block, and not.
    const wanted = [await addresses.assign(network), '10.42.0.250'];
    await addresses.assignFixed(network, '10.42.0.250');
    clock.time = 299;
    for (const each of wanted)
      await expect(addresses.assignFixed(network, each)).rejects.toThrow('in use on this node');
    clock.time = 300;
    for (const each of wanted) await addresses.assignFixed(network, each);
    clock.time = 5000;
    for (const each of wanted) {
      addresses.claim(network.id, each);
      await expect(addresses.assignFixed(network, each)).rejects.toThrow('in use on this node');
    }
  });

  test('one that somebody has come with is given to nobody else, however long the endpoint takes', async () => {
    const clock = { time: 0 };
    const { addresses } = await node('h1', books().api('h1'), clock);
    const wanted = await addresses.assign(network);
    addresses.coming(network.id, wanted);
    clock.time = 59_999;
    await expect(addresses.assignFixed(network, wanted)).rejects.toThrow('in use on this node');
    clock.time = 60_000;
    addresses.maintain();
    await addresses.assignFixed(network, wanted);
    // One that nobody has asked for is not kept for anybody.
    addresses.coming(network.id, '10.42.0.251');
    await addresses.assignFixed(network, '10.42.0.251');
  });

  test('two that ask for one fixed address at once: one has it', async () => {
    const { api } = books();
    // To a server a node that asks again is the one that has it.
    const { addresses } = await node('a', { ...api('a'), call: async () => ({}) });
    const asked = [1, 2].map(() => addresses.assignFixed(network, '10.42.0.5'));
    const outcomes = (await Promise.allSettled(asked)).map(({ status }) => status);
    expect(outcomes).toEqual(['fulfilled', 'rejected']);
  });
});
