import { describe, expect, test } from 'vitest';
import { type Condition, transactionLimits, type Write } from '../../../src/store/store.ts';
import { expectFailure, keysIn, type MakeStore, put, putAll } from './fixture.ts';

const everything = { start: '', end: '\u{10FFFF}' };

export function transactions(makeStore: MakeStore): void {
  describe('transactions', () => {
    test('a new key has all its revisions, the next write keeps the creation', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const first = await store.transact([], [put('a', 'one')]);
      expect(await store.get('a')).toEqual({
        key: 'a',
        value: 'one',
        createRevision: first.revision,
        modRevision: first.revision,
        version: 1,
      });
      const second = await store.transact([], [put('a', 'two')]);
      expect(second.revision).toBeGreaterThan(first.revision);
      expect(await store.get('a')).toEqual({
        key: 'a',
        value: 'two',
        createRevision: first.revision,
        modRevision: second.revision,
        version: 2,
      });
      await store.transact([], [{ op: 'delete', key: 'a' }]);
      expect(await store.get('a')).toBeUndefined();
      const again = await store.transact([], [put('a', 'three')]);
      expect(await store.get('a')).toMatchObject({ createRevision: again.revision, version: 1 });
    });

    test('all writes of one transaction share one revision', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      await putAll(store, ['old']);
      const { revision } = await store.transact([], [put('a'), put('b'), { op: 'delete', key: 'old' }]);
      expect(await store.revision()).toBe(revision);
      expect((await store.range(everything)).entries.map((entry) => [entry.key, entry.modRevision])).toEqual([
        ['a', revision],
        ['b', revision],
      ]);
    });

    test.each<[string, Condition, boolean]>([
      ['absent of an absent key', { key: 'none', is: 'absent' }, true],
      ['absent of a present key', { key: 'here', is: 'absent' }, false],
      ['present of an absent key', { key: 'none', is: 'present' }, false],
      ['present of a present key', { key: 'here', is: 'present' }, true],
      ['unchanged since 0 of an absent key', { key: 'none', is: 'unchanged', since: 0 }, true],
      ['unchanged since another revision', { key: 'here', is: 'unchanged', since: 1_000_000 }, false],
      ['unchanged of an absent key', { key: 'none', is: 'unchanged', since: 1 }, false],
    ])('%s: %o holds %s', async (_name, condition, holds) => {
      await using subject = await makeStore();
      await putAll(subject.store, ['here']);
      expect((await subject.store.transact([condition], [put('result')])).succeeded).toBe(holds);
      expect(await keysIn(subject.store, everything)).toEqual(holds ? ['here', 'result'] : ['here']);
    });

    test('unchanged holds until the key is written', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const since = await putAll(store, ['a']);
      const condition: Condition = { key: 'a', is: 'unchanged', since };
      await putAll(store, ['elsewhere']);
      expect((await store.transact([condition], [put('a', 'mine')])).succeeded).toBe(true);
      expect((await store.transact([condition], [put('a', 'lost')])).succeeded).toBe(false);
      expect((await store.get('a'))?.value).toBe('mine');
    });

    test('one condition of several that fails: nothing is written, and it says what is there', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const revision = await putAll(store, ['b', 'a']);
      const result = await store.transact(
        [
          { key: 'a', is: 'present' },
          { key: 'new', is: 'absent' },
          { key: 'b', is: 'absent' },
        ],
        [put('new'), { op: 'delete', key: 'a' }],
      );
      expect(result).toMatchObject({ succeeded: false, revision });
      expect(result.current.map((entry) => entry.key)).toEqual(['a', 'b']);
      expect(result.current[0]).toEqual(await store.get('a'));
      expect(await keysIn(store, everything)).toEqual(['a', 'b']);
      expect(await store.revision()).toBe(revision);
    });

    test('what changes nothing takes no revision', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const revision = await putAll(store, ['a']);
      const removal: Write[] = [
        { op: 'delete', key: 'b' },
        { op: 'delete-range', range: { start: 'x', end: 'z' } },
      ];
      expect(await store.transact([], removal)).toMatchObject({ succeeded: true, revision });
      expect(await store.transact([{ key: 'a', is: 'present' }], [])).toMatchObject({ succeeded: true, revision });
      expect(await store.revision()).toBe(revision);
    });

    test('a range is deleted from its start to before its end', async () => {
      await using subject = await makeStore();
      await putAll(subject.store, ['a', 'b', 'ba', 'c', 'd']);
      await subject.store.transact([], [{ op: 'delete-range', range: { start: 'b', end: 'd' } }]);
      expect(await keysIn(subject.store, everything)).toEqual(['a', 'd']);
    });

    test('1000 concurrent increments by compare-and-set lose none', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      await store.transact([], [put('counter', '0')]);
      const increment = async () => {
        for (let entry = await store.get('counter'); ; ) {
          const result = await store.transact(
            [{ key: 'counter', is: 'unchanged', since: entry?.modRevision ?? 0 }],
            [put('counter', String(Number(entry?.value) + 1))],
          );
          if (result.succeeded) return;
          entry = result.current[0];
        }
      };
      const worker = async () => {
        for (let index = 0; index < 100; index += 1) await increment();
      };
      await Promise.all(Array.from({ length: 10 }, worker));
      expect((await store.get('counter'))?.value).toBe('1000');
      expect((await store.get('counter'))?.version).toBe(1001);
    }, 20_000);

    test('of 1000 at once that claim the same key, one wins', async () => {
      await using subject = await makeStore();
      const claims = Array.from({ length: 1000 }, (_, index) =>
        subject.store.transact([{ key: 'claim', is: 'absent' }], [put('claim', String(index))]),
      );
      const results = await Promise.all(claims);
      expect(results.filter((result) => result.succeeded)).toHaveLength(1);
      expect((await subject.store.get('claim'))?.version).toBe(1);
    });

    refusals(makeStore);
  });
}

function refusals(makeStore: MakeStore): void {
  test.each<[string, Condition[], Write[]]>([
    ['an empty key', [], [put('')]],
    ['a key with NUL', [], [put('a\0b')]],
    ['a key that is half a character', [], [put('a\ud800')]],
    ['a value that is half a character', [], [put('a', '\udc00')]],
    ['an empty key in a condition', [{ key: '', is: 'absent' }], []],
    ['a key put twice', [], [put('a'), put('a', 'else')]],
    ['a key put and deleted', [], [put('a'), { op: 'delete', key: 'a' }]],
    ['a key put into a deleted range', [], [{ op: 'delete-range', range: { start: 'a', end: 'b' } }, put('ab')]],
    ['too many writes', [], Array.from({ length: transactionLimits.operations + 1 }, (_, index) => put(`k${index}`))],
    [
      'too many conditions',
      Array.from({ length: transactionLimits.operations + 1 }, (_, index) => ({ key: `k${index}`, is: 'absent' })),
      [],
    ],
    ['too many bytes', [], [put('a', 'é'.repeat(transactionLimits.bytes / 2 + 1))]],
  ])('%s is refused and takes nothing with it', async (_name, conditions, writes) => {
    await using subject = await makeStore();
    const refused = subject.store.transact(conditions, writes);
    const beside = subject.store.transact([], [put('beside')]);
    await expectFailure(refused, 'invalid', /refused/);
    expect((await beside).succeeded).toBe(true);
    expect(await keysIn(subject.store, everything)).toEqual(['beside']);
  });

  test('as much as a transaction may hold fits', async () => {
    await using subject = await makeStore();
    const keys = Array.from({ length: transactionLimits.operations }, (_, index) => `key${index}`);
    const value = 'x'.repeat(transactionLimits.bytes / transactionLimits.operations - 20);
    const result = await subject.store.transact(
      keys.map((key) => ({ key, is: 'absent' })),
      keys.map((key) => put(key, value)),
    );
    expect(result.succeeded).toBe(true);
    expect((await subject.store.get('key127'))?.value).toBe(value);
  });

  test('once closed, it says so', async () => {
    const subject = await makeStore();
    const watching = subject.store.watch(everything, 1, new AbortController().signal)[Symbol.asyncIterator]();
    const ended = expectFailure(watching.next(), 'unavailable', /closed/);
    await subject[Symbol.asyncDispose]();
    await ended;
    await expectFailure(subject.store.get('a'), 'unavailable');
    await expectFailure(subject.store.transact([], [put('a')]), 'unavailable');
    await subject[Symbol.asyncDispose]();
  });
}
