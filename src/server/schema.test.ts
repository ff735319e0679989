/** Servers of this Trama and of later ones over one store. */
import { expect, test } from 'vitest';
import { Interrupted, refusal } from '../../test/server/cluster.ts';
import { silentLog, systemClock } from '../platform/platform.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { startServing } from './backup/serving.ts';
import { allOf, nodeKey, schemaKey } from './keys.ts';
import { ownSchema, type Schema, type SchemaStep } from './schema.ts';

const step = (to: number, needs: number, field: string): SchemaStep => ({
  to,
  needs,
  range: allOf('nodes'),
  convert: (record) => ({ ...(record as object), [field]: true }),
});
/** Adds what an older server passes over. */
const adding: Schema = { version: 2, steps: [step(2, 1, 'added')] };
/** What only servers of `adding` and later can read. */
const breaking: Schema = { version: 3, steps: [...adding.steps, step(3, 2, 'turned')] };

const start = (store: Store, id: string, schema: Schema, exclusive = false) =>
  startServing(store, {
    ...{ clock: systemClock, log: silentLog, id, exclusive, schema, onLost: () => {} },
    trama: `0.${schema.version}.0`,
  });

async function storeOf(nodes: number): Promise<Store & AsyncDisposable> {
  const store = createMemoryStore({ clock: systemClock });
  for (let n = 0; n < nodes; n++)
    await store.transact([], [{ op: 'put', key: nodeKey(`h${n}`), value: JSON.stringify({ name: `h${n}` }) }]);
  return store;
}
const nodesOf = async (store: Store) =>
  (await store.range(allOf('nodes'))).entries.map(({ value }) => JSON.parse(value) as Record<string, unknown>);
const schemaOf = async (store: Store) => JSON.parse((await store.get(schemaKey))?.value ?? 'null');

test('a store says its form; who finds it so writes nothing', async () => {
  await using store = await storeOf(1);
  await using _first = await start(store, 'a', ownSchema, true);
  expect(await schemaOf(store)).toEqual({ version: 1, needs: 1, trama: '0.1.0' });
  const revision = await store.revision();
  await using _second = await start(store, 'b', ownSchema, true);
  expect(await store.revision()).toBe(revision);
});

test('servers are replaced one after the other while the others serve', async () => {
  await using store = await storeOf(250);
  await using _old = await start(store, 'a', ownSchema);
  await using _new = await start(store, 'b', adding);
  expect(await schemaOf(store)).toEqual({ version: 2, needs: 1, trama: '0.2.0' });
  expect((await nodesOf(store)).every(({ added }) => added === true)).toBe(true);
  // The older one is restarted before it is replaced.
  await using _again = await start(store, 'c', ownSchema);
  expect(await schemaOf(store)).toMatchObject({ version: 2 });
});

test('a form that older servers cannot read waits until none is there; after it they are refused', async () => {
  await using store = await storeOf(3);
  const old = await start(store, 'a', ownSchema);
  await using _next = await start(store, 'b', adding);
  const before = await schemaOf(store);
  expect(await refusal(start(store, 'c', breaking))).toMatch(
    /^conflict: .*that servers of an older Trama cannot read, and .* \(process \d+\) runs one: upgrade or stop it first/,
  );
  expect(await schemaOf(store)).toEqual(before);
  expect((await nodesOf(store)).some((node) => 'turned' in node)).toBe(false);
  await old[Symbol.asyncDispose]();
  // The one of the release before stays.
  await using _breaking = await start(store, 'c', breaking);
  expect(await schemaOf(store)).toEqual({ version: 3, needs: 2, trama: '0.3.0' });
  expect((await nodesOf(store)).every(({ turned }) => turned === true)).toBe(true);
  for (const exclusive of [true, false])
    expect(await refusal(start(store, 'd', ownSchema, exclusive))).toMatch(
      /^conflict: the store was brought to schema 2 by Trama 0.3.0, and Trama 0.1.0 on this host reads up to schema 1: install 0.3.0 or newer/,
    );
  await using _again = await start(store, 'e', adding);
});

test('one that was killed half-way is gone on with', async () => {
  await using store = await storeOf(450);
  let left = 3;
  const dying = new Proxy(store, {
    get: (target, property) => {
      const value = Reflect.get(target, property);
      if (property !== 'transact') return typeof value === 'function' ? value.bind(target) : value;
      return async (...args: Parameters<Store['transact']>) => {
        left -= 1;
        if (left < 0) throw new Error('killed');
        return target.transact(...args);
      };
    },
  });
  await expect(start(dying, 'a', adding, true)).rejects.toThrow('killed');
  const converted = (await nodesOf(store)).filter(({ added }) => added === true).length;
  expect([converted > 0, converted < 450]).toEqual([true, true]);
  expect((await schemaOf(store))?.version ?? 1).toBe(1);
  await using _again = await start(store, 'b', adding, true);
  expect((await nodesOf(store)).every(({ added }) => added === true)).toBe(true);
});

test('several do it at once, and no change that somebody makes meanwhile is lost', async () => {
  await using store = await storeOf(250);
  const interrupted = new Interrupted(store);
  const renamed = JSON.stringify({ name: 'h7', drained: true });
  interrupted.before(/nodes\/h7$/, () => store.transact([], [{ op: 'put', key: nodeKey('h7'), value: renamed }]));
  const all = await Promise.all(['a', 'b', 'c'].map((id) => start(interrupted.store, id, adding)));
  expect(interrupted.happened).toBe(true);
  const nodes = await nodesOf(store);
  expect(nodes.every(({ added }) => added === true)).toBe(true);
  expect(nodes.find(({ name }) => name === 'h7')).toEqual({ name: 'h7', drained: true, added: true });
  expect(await schemaOf(store)).toMatchObject({ version: 2 });
  for (const each of all) await each[Symbol.asyncDispose]();
});
