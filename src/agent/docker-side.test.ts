import { describe, expect, test, vi } from 'vitest';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import { DockerSide } from './docker-side.ts';
import { EngineNames } from './engine-names.ts';
import type { LocalEndpoint, LocalState } from './local-state.ts';
import type { Wiring } from './wiring.ts';

const withoutAliases = ({ aliases: _, ...rest }: ContainerInfo['networks'][number]) => rest;

/** Docker's containers beside this node's endpoints. */
function scene(containers: ContainerInfo[], ...ids: string[]) {
  const endpoints = new Map<string, LocalEndpoint>(
    ids.map((id) => {
      const record = { id, network: 'n1', node: 'h1', kind: 'container', address: id, mac: '' } as const;
      return [id, { record, createdAt: 0 }];
    }),
  );
  let updates = 0;
  let inspections = 0;
  const names = new EngineNames();
  const wiring = {
    endpoint: (id: string) => endpoints.get(id),
    removeEndpoint: async (id: string) => void endpoints.delete(id),
    updateEndpoint: async (id: string, change: (endpoint: LocalEndpoint) => LocalEndpoint) => {
      updates += 1;
      order.push('written');
      const before = endpoints.get(id);
      if (before !== undefined) endpoints.set(id, change(before));
    },
  } as unknown as Wiring;
  const released: string[] = [];
  const order: string[] = [];
  const side = new DockerSide({
    runtime: {
      list: async () =>
        containers.map(({ networks, ...rest }) => ({ ...rest, networks: networks.map(withoutAliases) })),
      inspect: async (id: string) => {
        inspections += 1;
        return containers.find((each) => each.id === id);
      },
    } as unknown as ContainerRuntime,
    view: undefined as never,
    wiring,
    state: { endpoints } as unknown as LocalState,
    complete: () => true,
    names: {
      container: (info) => {
        order.push('named');
        names.put(info, (id) => endpoints.get(id)?.record.network);
      },
      containerGone: (id) => void names.delete(id),
      known: () => names.ids(),
      containers: (ids) => ids.filter((id) => !names.knows(id)),
      onForeign: (id) => names.networksOf(id).length > 0,
    },
    releaseAddress: (_, address) => void released.push(address),
    report: () => {},
    clock: { now: () => 3_600_000, sleep: async () => {} },
    log: silentLog,
  });
  return { side, endpoints, released, order, updates: () => updates, inspections: () => inspections };
}

const web = {
  id: 'c1',
  name: 'web',
  state: 'running',
  networks: [{ name: 'app', endpointId: 'e1', address: '', mac: '', aliases: ['www'] }],
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
    const { side, endpoints, updates, inspections } = scene([web], 'e1');
    await side.collectEndpoints();
    expect(endpoints.get('e1')?.record).toMatchObject({ container: { id: 'c1', name: 'web' }, aliases: ['www'] });
    await side.collectEndpoints();
    expect([updates(), inspections()]).toEqual([1, 1]);
  });

  test('what the engine knows of a container answers its first questions: no disk is waited for', async () => {
    const { side, order } = scene([web], 'e1');
    await side.nameEndpoints('c1');
    expect(order).toEqual(['named', 'written']);
  });

  test('a container that is renamed is found by its new name; one without aliases keeps none', async () => {
    const containers = [web];
    const { side, endpoints } = scene(containers, 'e1');
    await side.nameAll();
    containers[0] = { ...web, name: 'shop', networks: web.networks.map((each) => ({ ...each, aliases: [] })) };
    side.followNames({ type: 'container', action: 'rename', id: 'c1', attributes: {}, time: 0 });
    await vi.waitFor(() => expect(endpoints.get('e1')?.record.container?.name).toBe('shop'));
    expect(endpoints.get('e1')?.record).not.toHaveProperty('aliases');
  });
});
