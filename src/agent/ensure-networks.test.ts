import { expect, test } from 'vitest';
import type { NetworkRecord } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { ContainerRuntime } from '../runtimes/runtimes.ts';
import { ClusterView } from './cluster-view.ts';
import { DockerSide } from './docker-side.ts';
import type { LocalState } from './local-state.ts';

const bridge = { id: 'n1', name: 'bridge', driver: 'bridge' } as NetworkRecord;

/** @param look what happens whenever the cluster's word is waited for */
function scene(view: ClusterView, look = () => {}) {
  const made: string[] = [];
  const links = new Map<string, { network: string }>();
  const runtime = {
    networks: async () => [],
    createNetwork: async ({ name, options }: { name: string; options: { network: string } }) => {
      made.push(name);
      links.set(`docker-${name}`, options);
    },
  } as unknown as ContainerRuntime;
  const side = new DockerSide({
    ...{ runtime, view, wiring: undefined as never, log: silentLog },
    state: { dockerNetworks: links } as unknown as LocalState,
    names: undefined as never,
    complete: () => true,
    releaseAddress: () => {},
    report: () => {},
    clock: { now: () => 0, sleep: async () => look() },
  });
  return { side, made };
}

test('a network that a workload needs may be heard of after the workload', async () => {
  const view = new ClusterView();
  let looks = 0;
  const { side, made } = scene(view, () => {
    looks += 1;
    if (looks === 3)
      view.apply([{ key: 'network/n1', value: { kind: 'network', network: bridge }, previous: undefined }]);
  });
  await side.ensureNetworks(['bridge']);
  expect(looks).toBe(3);
  expect(made).toEqual(['trama-bridge']);
});

test('one that is not heard of in a while is not there', async () => {
  const { side } = scene(new ClusterView());
  await expect(side.ensureNetworks(['bridge'])).rejects.toMatchObject({ code: 'not-found' });
});
