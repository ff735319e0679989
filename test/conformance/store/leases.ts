import { describe, expect, test } from 'vitest';
import { prefixRange } from '../../../src/store/store.ts';
import { expectFailure, keysIn, lines, type MakeStore, put, putAll, take } from './fixture.ts';

const all = prefixRange('');
const ttlMs = 2000;
/** What any store may be late by. */
const slackMs = 1500;

export function leases(makeStore: MakeStore): void {
  describe('leases', () => {
    test('one that is not renewed ends, and its keys with it, in one revision', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const lease = await store.grantLease(ttlMs);
      expect(lease.ttlMs).toBeGreaterThanOrEqual(ttlMs);
      const base = await putAll(store, ['free']);
      const watching = take(store, all, base + 1, 2);
      await store.transact(
        [],
        ['held2', 'held1'].map((key) => ({ op: 'put', key, value: 'x', lease: lease.id })),
      );
      expect((await store.get('held1'))?.lease).toBe(lease.id);
      await subject.elapse(ttlMs / 2);
      expect(await keysIn(store, all)).toEqual(['free', 'held1', 'held2']);
      await subject.elapse(ttlMs / 2 + slackMs);
      expect(lines(await watching, base)).toEqual(['1: +held2 +held1', '2: -held1 -held2']);
      expect(await keysIn(store, all)).toEqual(['free']);
      await expectFailure(lease.renew(), 'not-found', /lease/);
      await lease.revoke();
    }, 20_000);

    test('renewals keep it', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const lease = await store.grantLease(ttlMs);
      await store.transact([], [{ op: 'put', key: 'held', value: 'x', lease: lease.id }]);
      for (let index = 0; index < 4; index += 1) {
        await subject.elapse(ttlMs / 2);
        await lease.renew();
      }
      expect(await keysIn(store, all)).toEqual(['held']);
      await subject.elapse(ttlMs + slackMs);
      expect(await keysIn(store, all)).toEqual([]);
    }, 20_000);

    test('revoked: its keys go at once, twice is no error, and it is unknown from then on', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const lease = await store.grantLease(ttlMs);
      const { revision } = await store.transact([], [{ op: 'put', key: 'held', value: 'x', lease: lease.id }]);
      const watching = take(store, all, revision + 1, 1);
      await lease.revoke();
      expect(lines(await watching, revision)).toEqual(['1: -held']);
      await lease.revoke();
      await expectFailure(lease.renew(), 'not-found');
      await expectFailure(
        store.transact([], [{ op: 'put', key: 'held', value: 'x', lease: lease.id }]),
        'not-found',
        /lease/,
      );
      expect(await store.revision()).toBe(revision + 1);
    });

    test('an unknown lease fails its transaction as a whole, and no other', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const failing = store.transact([], [put('a'), { op: 'put', key: 'b', value: 'x', lease: '7fffffffffffffff' }]);
      const beside = store.transact([], [put('c')]);
      await expectFailure(failing, 'not-found');
      expect((await beside).succeeded).toBe(true);
      expect(await keysIn(store, all)).toEqual(['c']);
    });

    test('a key put again without its lease outlives it; one put with another follows that', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const [first, second] = [await store.grantLease(ttlMs), await store.grantLease(60_000)];
      const held = (key: string, lease: string) => ({ op: 'put', key, value: 'x', lease }) as const;
      await store.transact([], [held('freed', first.id), held('moved', first.id), held('stays', first.id)]);
      await store.transact([], [put('freed'), held('moved', second.id)]);
      await first.revoke();
      expect(await keysIn(store, all)).toEqual(['freed', 'moved']);
      expect(await store.get('freed')).not.toHaveProperty('lease');
      await second.revoke();
      expect(await keysIn(store, all)).toEqual(['freed']);
    });

    test('ids are not given twice', async () => {
      await using subject = await makeStore();
      const { store } = subject;
      const first = await store.grantLease(ttlMs);
      await first.revoke();
      const more = await Promise.all([store.grantLease(ttlMs), store.grantLease(ttlMs)]);
      expect(new Set([first, ...more].map((lease) => lease.id)).size).toBe(3);
    });

    test.each([0, 999, Number.NaN, 2 ** 31])('a time to live of %s ms is refused', async (wrong) => {
      await using subject = await makeStore();
      await expectFailure(subject.store.grantLease(wrong), 'invalid', /refused/);
    });
  });
}
