import { expect, test } from 'vitest';
import type { WorkloadSpec } from '../domain/domain.ts';
import { resolveJoined } from './joined.ts';

const spec = { image: 'tools', networks: [] } as unknown as WorkloadSpec;
const ids = async (name: string) => `id-of-${name}`;

test('containers that are joined are named by the id that the engine has for them now', async () => {
  expect(await resolveJoined({ ...spec, networkMode: { container: 'web' }, pid: { container: 'db' } }, ids)).toEqual({
    ...spec,
    networkMode: { container: 'id-of-web' },
    pid: { container: 'id-of-db' },
  });
  const host = { ...spec, networkMode: 'host', pid: 'host' } as const;
  expect(await resolveJoined(host, ids)).toEqual(host);
  const missing = async () => {
    throw new Error('no such container');
  };
  await expect(resolveJoined({ ...spec, pid: { container: 'web' } }, missing)).rejects.toThrow('no such container');
  expect(await resolveJoined(spec, missing)).toEqual(spec);
});
