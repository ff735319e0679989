import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EndpointRecord } from '../domain/domain.ts';
import { openLocalState } from './local-state.ts';

test('of two containers’ endpoints at one address the newer one is known after a restart, in whatever order they lie', async () => {
  for (const [older, newer] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const directory = await mkdtemp(join(tmpdir(), 'local-state-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const state = await openLocalState(directory, () => {});
    const put = (id: string, createdAt: number, rest: Partial<EndpointRecord> = {}) => {
      const record = {
        id,
        network: 'n1',
        node: 'h1',
        kind: 'container',
        address: '10.42.0.2',
        mac: '',
        ...rest,
      } as const;
      return state.endpoints.set(id, { record, createdAt });
    };
    await put(older, 1);
    await put(newer, 2);
    await put('elsewhere', 0, { network: 'n2' });
    await put('gateway', 0, { kind: 'gateway' });
    const again = await openLocalState(directory, () => {});
    const known = [newer, 'elsewhere', 'gateway'].sort();
    expect([...again.endpoints.values()].map(({ record }) => record.id).sort()).toEqual(known);
    expect(await readdir(join(directory, 'endpoints'))).toHaveLength(3);
  }
});
