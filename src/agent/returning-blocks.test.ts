import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import type { Api } from '../protocol/protocol.ts';
import { addressesOf, books, network, told, whileReturned } from './testing/address-books.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'returning-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

const node = (name: string, api: Api, clock?: { time: number }) => addressesOf(directory, name, api, clock);

const noServer = new Failure('unavailable', 'no server');

describe('blocks that are given back', () => {
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

  test('an address of a block that is being given back is reserved once it is nobody’s, or of the block that stays', async () => {
    for (const goes of [true, false]) {
      const { api, leased, reserved } = books();
      const answer = Promise.withResolvers<void>();
      const happens = () => answer.promise.then(() => (goes ? {} : Promise.reject(noServer)));
      const { addresses, clock } = await node(`given-${goes}`, whileReturned(api('a'), happens));
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
    const happens = () => whileAsked().then(() => Promise.reject(noServer));
    const { addresses, clock, state } = await node('a', whileReturned(api('a'), happens));
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
      const { api, leased } = books();
      const answer = Promise.withResolvers<void>();
      const happens = () => answer.promise.then(() => (stays ? Promise.reject(noServer) : {}));
      const asked = whileReturned(api('a'), happens);
      let returned: Promise<void> | undefined;
      const { addresses, clock } = await node(`starts-${stays}`, {
        ...asked,
        call: async (method, params) => {
          // Asked for while the block goes, answered when that is over.
          if (method === 'block.lease') await returned;
          if (method === 'block.lease' && returned !== undefined && stays) throw noServer;
          return asked.call(method, params);
        },
      });
      const first = await addresses.assign(network);
      const block = { network: 'n1', cidr: leased[0] ?? '', node: 'a' };
      addresses.apply(told(block), true);
      addresses.release('n1', first);
      clock.time = 60_000;
      returned = addresses.returnBlocks(new Set());
      const starts = Promise.allSettled(Array.from({ length: 3 }, () => addresses.assign(network)));
      answer.resolve();
      const given = (await starts).flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      expect(new Set(given).size).toBe(stays ? 2 : 3);
      expect(leased).toHaveLength(1);
    }
  });

  test('a fixed address does not wait for other blocks to be given back', async () => {
    const { api, leased } = books();
    const answer = Promise.withResolvers<void>();
    const { addresses, clock } = await node(
      'a',
      whileReturned(api('a'), () => answer.promise),
    );
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
    const { addresses, clock } = await node(
      'a',
      whileReturned(api('a'), () => whileAsked()),
    );
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
});
