import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignableAddresses, leaseHolds } from './blocks.ts';
import { AddressPool, defaultRestMs } from './pool.ts';
import { parseSubnet } from './subnet.ts';

const subnet = '10.42.0.0/24';
const blocks = ['10.42.0.32/28', '10.42.0.64/28', '10.42.0.31/32'] as const;

type Act =
  | { readonly act: 'assign' | 'release' | 'yield' | 'wanted'; readonly pick: number }
  | { readonly act: 'pass'; readonly ms: number }
  | { readonly act: 'add' | 'remove' | 'give back' | 'keep'; readonly block: (typeof blocks)[number] }
  | { readonly act: 'restart' };

const acts = fc.array(
  fc.oneof(
    fc.record({ act: fc.constantFrom('assign' as const, 'release' as const), pick: fc.nat(40) }),
    fc.record({ act: fc.constantFrom('assign' as const, 'release' as const), pick: fc.nat(40) }),
    fc.record({ act: fc.constantFrom('yield' as const, 'wanted' as const), pick: fc.nat(40) }),
    fc.record({ act: fc.constant('pass' as const), ms: fc.nat(40_000) }),
    fc.record({ act: fc.constantFrom('add' as const, 'remove' as const), block: fc.constantFrom(...blocks) }),
    fc.record({ act: fc.constantFrom('give back' as const, 'keep' as const), block: fc.constantFrom(...blocks) }),
    fc.record({ act: fc.constant('restart' as const) }),
  ),
  { maxLength: 150 },
);

/** What the pool should know, kept the slow way. */
class Model {
  readonly blocks = new Set<string>();
  /** Of them. */
  readonly returning = new Set<string>();
  readonly taken = new Set<string>();
  readonly yielded = new Set<string>();
  readonly released = new Map<string, number>();

  holds(address: string): boolean {
    return [...this.blocks].some((block) => leaseHolds(block, address));
  }

  isReturning(address: string): boolean {
    return [...this.returning].some((block) => leaseHolds(block, address));
  }

  /** Addresses that may be assigned at `now`, with when they were released (never: -1). */
  candidates(now: number): Map<string, number> {
    const all = [...this.blocks]
      .filter((block) => !this.returning.has(block))
      .flatMap((block) => assignableAddresses(parseSubnet(subnet), block));
    const free = all.filter((address) => !this.taken.has(address) && !this.yielded.has(address));
    const when = (address: string) => this.released.get(address) ?? -1;
    return new Map(
      free.filter((each) => when(each) < 0 || now - when(each) >= defaultRestMs).map((each) => [each, when(each)]),
    );
  }
}

const universe = blocks.flatMap((block) => assignableAddresses(parseSubnet(subnet), block));
const at = (pick: number) => universe[pick % universe.length] ?? '';

function step(pool: AddressPool, model: Model, act: Act, now: number): void {
  if (act.act === 'assign') {
    const candidates = model.candidates(now);
    const address = pool.assign(now);
    const due = candidates.size === 0 ? undefined : Math.min(...candidates.values());
    expect(address === undefined ? undefined : candidates.get(address)).toBe(due);
    if (address !== undefined) model.taken.add(address);
  } else if (act.act === 'wanted') {
    const here = model.holds(at(act.pick)) && !model.isReturning(at(act.pick));
    const free = here && !model.taken.has(at(act.pick)) && !model.yielded.has(at(act.pick));
    expect(pool.assign(now, at(act.pick))).toBe(free ? at(act.pick) : undefined);
    if (free) model.taken.add(at(act.pick));
  } else if (act.act === 'release') {
    pool.release(at(act.pick), now);
    if (model.taken.delete(at(act.pick)) && model.holds(at(act.pick)) && !model.isReturning(at(act.pick)))
      model.released.set(at(act.pick), now);
  } else if (act.act === 'yield') {
    expect(pool.yield(at(act.pick))).toBe(!model.taken.has(at(act.pick)));
    if (model.holds(at(act.pick)) && !model.taken.has(at(act.pick))) model.yielded.add(at(act.pick));
  } else if (act.act === 'add') {
    pool.addBlock(act.block);
    model.blocks.add(act.block);
  } else if (act.act === 'remove') {
    const inside = universe.filter((address) => leaseHolds(act.block, address));
    const known = model.blocks.delete(act.block);
    model.returning.delete(act.block);
    expect(pool.removeBlock(act.block)).toEqual(known ? inside.filter((each) => model.taken.has(each)) : []);
    for (const address of inside) {
      model.yielded.delete(address);
      model.released.delete(address);
    }
  } else if (act.act === 'give back') {
    pool.giveBack(act.block);
    if (!model.blocks.has(act.block)) return;
    model.returning.add(act.block);
    for (const address of universe) if (leaseHolds(act.block, address)) model.released.delete(address);
  } else if (act.act === 'keep') {
    pool.keepBlock(act.block);
    model.returning.delete(act.block);
  }
}

describe('the pool', () => {
  test('assigns from its blocks only, no address twice, rested, never-used and longest-free first; also after restarts', () => {
    fc.assert(
      fc.property(acts, (list) => {
        let pool = new AddressPool(subnet);
        const model = new Model();
        let now = 1_000_000;
        for (const act of list) {
          if (act.act === 'pass') now += act.ms;
          else if (act.act === 'restart') {
            pool = new AddressPool(subnet, JSON.parse(JSON.stringify(pool.state)));
            model.returning.clear();
          } else step(pool, model, act, now);
          expect(new Set(pool.taken)).toEqual(model.taken);
          expect(pool.free(now)).toBe(model.candidates(now).size);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a block that is leased anew before it is heard that it went stays', () => {
    const pool = new AddressPool(subnet);
    pool.addBlock(blocks[0]);
    pool.giveBack(blocks[0]);
    expect(pool.assign(0)).toBeUndefined();
    pool.removeBlock(blocks[0]);
    pool.addBlock(blocks[0]);
    pool.gaveBack(blocks[0]);
    expect(pool.assign(0)).toBeDefined();
    pool.giveBack(blocks[0]);
    pool.gaveBack(blocks[0]);
    expect(pool.blocks).toEqual([]);
  });

  test('200 concurrent starts get 200 addresses', async () => {
    const pool = new AddressPool('10.42.0.0/16');
    for (let i = 0; i < 4; i++) pool.addBlock(`10.42.64.${64 * i}/26`);
    const starts = Array.from({ length: 200 }, async () => {
      await Promise.resolve();
      return pool.assign(0);
    });
    const given = await Promise.all(starts);
    expect(given).not.toContain(undefined);
    expect(new Set(given).size).toBe(200);
  });

  test('says when it needs another block, and when waiting would help', () => {
    const pool = new AddressPool(subnet);
    expect(pool.needsBlock(0, 1)).toBe(true);
    expect(pool.nextRested()).toBeUndefined();
    pool.addBlock('10.42.0.32/28');
    expect(pool.needsBlock(0, 16)).toBe(false);
    pool.release(pool.assign(0) ?? '', 500);
    expect(pool.needsBlock(1000, 16)).toBe(true);
    expect(pool.nextRested()).toBe(500 + defaultRestMs);
    expect(pool.needsBlock(500 + defaultRestMs, 16)).toBe(false);
  });

  test('can spare a block while the others have half as many free', () => {
    const pool = new AddressPool(subnet, undefined, 1000);
    pool.addBlock('10.42.0.32/28');
    expect(pool.isSpare('10.42.0.32/28', 0)).toBe(false);
    pool.addBlock('10.42.0.48/28');
    for (let i = 0; i < 8; i++) pool.assign(0);
    expect(pool.isSpare('10.42.0.48/28', 0)).toBe(true);
    pool.assign(0);
    expect(pool.isSpare('10.42.0.48/28', 0)).toBe(false);
  });

  test('gives back a block only when nothing of it is taken or resting', () => {
    const pool = new AddressPool(subnet, undefined, 1000);
    pool.addBlock('10.42.0.31/32');
    pool.addBlock('10.42.0.32/28');
    expect(pool.assign(0)).toBe('10.42.0.31');
    expect(pool.idleBlocks(0)).toEqual(['10.42.0.32/28']);
    pool.release('10.42.0.31', 0);
    expect(pool.idleBlocks(999)).toEqual(['10.42.0.32/28']);
    expect(pool.idleBlocks(1000)).toEqual(['10.42.0.31/32', '10.42.0.32/28']);
    pool.yield('10.42.0.40');
    expect(pool.idleBlocks(1000)).toEqual(['10.42.0.31/32', '10.42.0.32/28']);
  });

  test('a clock that is set back prolongs a rest by one rest at most', () => {
    const pool = new AddressPool(subnet, undefined, 1000);
    pool.addBlock('10.42.0.31/32');
    pool.release(pool.assign(0) ?? '', 1_000_000);
    expect(pool.assign(5)).toBeUndefined();
    expect(pool.assign(1004)).toBeUndefined();
    expect(pool.assign(1005)).toBe('10.42.0.31');
  });

  test('what a running container was found to have is not assigned again', () => {
    const pool = new AddressPool(subnet);
    pool.take('10.42.0.31');
    pool.addBlock('10.42.0.31/32');
    expect(pool.assign(0)).toBeUndefined();
    expect(pool.holds('10.42.0.31')).toBe(true);
    expect(pool.blocks).toEqual(['10.42.0.31/32']);
  });
});
