import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import type { Api } from '../protocol/protocol.ts';
import { addressesOf, books, held, network, told } from './testing/address-books.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'addresses-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

const node = (name: string, api: Api, clock?: { time: number }) => addressesOf(directory, name, api, clock);

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
