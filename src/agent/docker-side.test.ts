import { describe, expect, test } from 'vitest';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import { DockerSide } from './docker-side.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';
import type { Wiring } from './wiring.ts';

/** Docker's containers beside this node's endpoints. */
function scene(containers: ContainerInfo[], ...ids: string[]) {
  const endpoints = new Map<string, LocalEndpoint>(
    ids.map((id) => {
      const record = { id, network: 'n1', node: 'h1', kind: 'container', address: id, mac: '' } as const;
      return [id, { record, createdAt: 0 }];
    }),
  );
  let updates = 0;
  const wiring = {
    endpoint: (id: string) => endpoints.get(id),
    removeEndpoint: async (id: string) => void endpoints.delete(id),
    updateEndpoint: async (id: string, change: (endpoint: LocalEndpoint) => LocalEndpoint) => {
      updates += 1;
      const before = endpoints.get(id);
      if (before !== undefined) endpoints.set(id, change(before));
    },
  } as unknown as Wiring;
  const released: string[] = [];
  const side = new DockerSide({
    runtime: { list: async () => containers } as unknown as ContainerRuntime,
    view: undefined as never,
    wiring,
    state: { endpoints } as unknown as LocalState,
    complete: () => true,
    releaseAddress: (_, address) => void released.push(address),
    report: () => {},
    clock: { now: () => 3_600_000, sleep: async () => {} },
    log: silentLog,
  });
  return { side, endpoints, released, updates: () => updates };
}

const web = {
  id: 'c1',
  name: 'web',
  networks: [{ name: 'app', endpointId: 'e1', address: '', mac: '' }],
} as unknown as ContainerInfo;

describe('Docker beside this node’s endpoints', () => {
  test('an endpoint that Docker has not had at two looks is gone, one that it has stays', async () => {
    const { side, endpoints, released } = scene([web], 'e1', 'e2');
    await side.collectEndpoints();
    expect(released).toEqual([]);
    await side.collectEndpoints();
    expect(released).toEqual(['e2']);
    expect([...endpoints.keys()]).toEqual(['e1']);
  });

  test('an endpoint whose connection was not heard of gets its name at the next look, once', async () => {
    const { side, endpoints, updates } = scene([web], 'e1');
    await side.collectEndpoints();
    expect(endpoints.get('e1')?.record.container).toEqual({ id: 'c1', name: 'web' });
    await side.collectEndpoints();
    expect(updates()).toBe(1);
  });
});
