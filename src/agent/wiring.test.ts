import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type EndpointRecord,
  endpointPortName,
  macOf,
  type NetworkRecord,
  type NodeRecord,
  parseAddress,
} from '../domain/domain.ts';
import type { Driver } from '../drivers/drivers.ts';
import type { VethLink } from '../kernel/kernel.ts';
import { type Spawn, silentLog } from '../platform/platform.ts';
import { networkTopic, type TopicValue } from '../protocol/protocol.ts';
import type { Addresses } from './addresses.ts';
import { ClusterView } from './cluster-view.ts';
import { type LocalEndpoint, openLocalState } from './local-state.ts';
import { TopicMirror } from './mirror.ts';
import { Wiring } from './wiring.ts';

const network = {
  id: 'n1',
  name: 'app',
  subnet: '10.42.0.0/24',
  vni: 42,
  mtu: 1450,
  driver: 'overlay',
  discovery: 'registry',
} as NetworkRecord;
const endpoint = (id: string, node: string, address: string): EndpointRecord => ({
  id,
  network: 'n1',
  node,
  kind: 'container',
  address,
  mac: '02:00:00:00:00:01',
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wiring-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

/** A host h1 beside h2, with owners of desired things in place of a kernel. */
async function scene() {
  const state = await openLocalState(directory, () => {});
  const view = new ClusterView();
  const nodes = [{ name: 'h2', address: '192.0.2.2' } as NodeRecord];
  view.apply([{ key: 'network/n1', value: { kind: 'network', network }, previous: undefined }]);
  view.apply(nodes.map((node) => ({ key: `node/${node.name}`, value: { kind: 'node', node }, previous: undefined })));
  const desired = new Set<string>();
  const told: (readonly [LocalEndpoint | undefined, LocalEndpoint | undefined])[] = [];
  const topics = new Map<string, TopicMirror>();
  let last = 10;
  const addresses = {
    assignOwn: async () => `10.42.0.${last++}`,
    claim: () => {},
    release: () => {},
    macOf: ({ vni }: NetworkRecord, address: string) => macOf(vni, parseAddress(address)),
  } as unknown as Addresses;
  const nothing: Driver = {
    network: () => [],
    localEndpoint: () => [],
    restoredEndpoint: (_host, _network, { mac }, _own, { path: ns, interface: name }) => [
      { kind: 'link', type: 'bridge', ns, name, mac, mtu: 1450, up: true },
    ],
    remoteEndpoint: () => [],
  };
  const wiring = new Wiring(
    {
      node: 'h1',
      kernel: { desire: (owner) => void desired.add(owner), release: (owner) => void desired.delete(owner) },
      drivers: { overlay: nothing, routed: nothing, lan: nothing, bridge: nothing },
      base: () => [],
      view,
      addresses,
      state,
      follow: (topic) => void topics.set(topic, topics.get(topic) ?? new TopicMirror(topic)),
      unfollow: (topic) => void topics.delete(topic),
      known: (id) => topics.get(networkTopic(id))?.items.values() ?? [],
      onEndpoint: () => {},
      onLocal: (before, after) => void told.push([before, after]),
      clock: { now: () => 0, sleep: async () => {} },
      log: silentLog,
    },
    { node: 'h1', address: '192.0.2.1', interface: 'eth0', dockerUser: false },
    1500,
  );
  const hear = (address: string, value: TopicValue | null) => {
    const mirror = topics.get(networkTopic('n1'));
    const data = JSON.stringify([{ key: `endpoint/${address}`, value }]);
    const before = mirror?.revision ?? 0;
    if (mirror?.revision === undefined) mirror?.applySnapshot({ topic: networkTopic('n1'), revision: 0, items: [] });
    const message = { topic: networkTopic('n1'), previous: before, revision: before + 1, data };
    wiring.applyRemote('n1', mirror?.applyDelta(message).changes ?? []);
  };
  const remove = () => view.apply([{ key: 'network/n1', value: undefined, previous: { kind: 'network', network } }]);
  return { wiring, state, view, desired, told, topics, hear, remove };
}

describe('wiring', () => {
  test('of a network that goes nothing stays desired, in whatever order its parts are heard to go', async () => {
    const { wiring, desired, hear, remove } = await scene();
    await wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2'));
    hear('10.42.0.3', { kind: 'endpoint', endpoint: endpoint('e2', 'h2', '10.42.0.3') });
    hear('10.42.0.4', { kind: 'endpoint', endpoint: endpoint('e3', 'h2', '10.42.0.4') });
    expect([...desired].sort()).toEqual(['local/e1', 'network/n1', 'remote/n1/10.42.0.3', 'remote/n1/10.42.0.4']);
    remove();
    hear('10.42.0.3', null);
    const gone = wiring.detach('n1');
    await Promise.resolve();
    hear('10.42.0.4', null);
    await gone;
    expect([...desired]).toEqual([]);
  });

  test('changes of an endpoint that overlap are told as one after the other', async () => {
    const { wiring, told } = await scene();
    await wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2'));
    const sandbox = { path: '/run/docker/netns/e1', interface: 'eth0' };
    await wiring.updateEndpoint('e1', (each) => ({ ...each, sandbox }));
    await Promise.all([wiring.left('e1'), wiring.removeEndpoint('e1')]);
    const ofIt = told.filter((pair) => pair.some((each) => each?.record.id === 'e1'));
    expect(ofIt.map((pair) => pair.map((each) => each && (each.sandbox?.path ?? 'nowhere')))).toEqual([
      [undefined, 'nowhere'],
      ['nowhere', sandbox.path],
      [sandbox.path, undefined],
    ]);
  });

  test('a network is attached once its gateway is on disk and desired, to whoever asks', async () => {
    const { wiring, desired, state } = await scene();
    const written = Promise.withResolvers<void>();
    const set = state.endpoints.set.bind(state.endpoints);
    state.endpoints.set = async (key, value) => {
      await Promise.all([set(key, value), written.promise]);
    };
    const one = wiring.attach(network);
    await expect.poll(() => wiring.gatewayOf('n1')).toBeDefined();
    const other = wiring.attach(network);
    const first = await Promise.race([one, other, new Promise((resolve) => setTimeout(resolve, 20, 'nobody'))]);
    expect([first, ...desired]).toEqual(['nobody']);
    written.resolve();
    expect(await other).toEqual(await one);
    expect([...desired]).toEqual(['network/n1']);
  });

  test('of a network that stays on each host nothing of other hosts is asked for', async () => {
    const { wiring, desired, topics } = await scene();
    await wiring.attach({ ...network, driver: 'bridge' });
    expect([...desired]).toEqual(['network/n1']);
    expect([...topics.keys()]).toEqual([]);
  });

  test.each([{ driver: 'mesh' }, { discovery: 'gossip' }, { needs: ['encryption'] }])(
    'a network with %j, of a newer Trama, is stayed out of',
    async (more) => {
      const { wiring, desired, state } = await scene();
      const newer = { ...network, ...more } as NetworkRecord;
      await expect(wiring.attach(newer)).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringMatching(
          /^network app has .*"(mesh|gossip|encryption)", which Trama on this host is too old/,
        ),
      });
      expect([...state.endpoints.values()]).toEqual([]);
      expect([...desired]).toEqual([]);
    },
  );

  test('one that this host was in before its Trama was replaced by an older one keeps it from nothing else', async () => {
    const { wiring, desired, view } = await scene();
    await wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2'));
    const newer = { ...network, driver: 'mesh' } as never;
    view.apply([{ key: 'network/n1', value: { kind: 'network', network: newer }, previous: undefined }]);
    desired.clear();
    wiring.restore();
    expect([...desired]).toEqual(['base']);
  });

  test('an address that comes from another node is no longer wired as the other node’s', async () => {
    const { wiring, desired, hear } = await scene();
    await wiring.attach(network);
    hear('10.42.0.3', { kind: 'endpoint', endpoint: endpoint('e2', 'h2', '10.42.0.3') });
    hear('10.42.0.3', { kind: 'endpoint', endpoint: endpoint('e4', 'h1', '10.42.0.3') });
    expect([...desired]).toEqual(['network/n1']);
  });

  test('an endpoint that comes while its idle network is left finds it attached', async () => {
    const { wiring, desired, state } = await scene();
    await wiring.attach(network);
    const [, left] = await Promise.all([
      wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2')),
      wiring.detachIfIdle('n1'),
    ]);
    expect(left).toBe(false);
    const [late] = await Promise.all([
      wiring.removeEndpoint('e1').then(() => wiring.detachIfIdle('n1')),
      wiring.removeEndpoint('e1').then(() => wiring.addEndpoint(network, endpoint('e2', 'h1', '10.42.0.3'))),
    ]);
    expect(typeof late).toBe('boolean');
    expect([...desired].sort()).toEqual(['local/e2', 'network/n1']);
    expect([...state.endpoints.values()].map(({ record }) => record.kind).sort()).toEqual(['container', 'gateway']);
  });

  test('an endpoint that the disk cannot forget is unwired all the same', async () => {
    const { wiring, desired } = await scene();
    await wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2'));
    const file = join(directory, 'endpoints', 'e1.json');
    await rm(file);
    await mkdir(join(file, 'kept'), { recursive: true });
    await expect(wiring.removeEndpoint('e1')).rejects.toThrow();
    expect([...desired]).toEqual(['network/n1']);
    expect(wiring.endpoint('e1')).toBeUndefined();
  });

  test('a network that was removed is not attached again by who still had its record', async () => {
    const { wiring, state, remove } = await scene();
    remove();
    await expect(wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2'))).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(state.endpoints.size).toBe(0);
  });

  test('two endpoints that ask for one address at once: one has it', async () => {
    const { wiring, state } = await scene();
    const asked = ['e1', 'e2'].map((id) => wiring.addEndpoint(network, endpoint(id, 'h1', '10.42.0.2')));
    const outcomes = (await Promise.allSettled(asked)).map(({ status }) => status);
    expect(outcomes.sort()).toEqual(['fulfilled', 'rejected']);
    expect([...state.endpoints.values()].filter(({ record }) => record.kind === 'container')).toHaveLength(1);
  });

  test('a lost interface comes back under a name that is free, and later ones know it; not while nobody can look there', async () => {
    const { wiring, state } = await scene();
    const sandbox = { path: '/proc/self/ns/net', interface: 'eth0' };
    for (const id of ['e1', 'e2']) {
      const mac = `02:00:00:00:00:0${id.slice(1)}`;
      await wiring.addEndpoint(network, { ...endpoint(id, 'h1', `10.42.0.${id.slice(1)}`), mac });
      await wiring.updateEndpoint(id, (each) => ({ ...each, sandbox }));
    }
    const answering = (code: number): Spawn => {
      const links = JSON.stringify([{ ifname: 'eth0', address: '02:42:ac:11:00:02' }]);
      return async ({ argv }) => ({ code, stdout: argv.includes('link') ? links : '[]', stderr: '' });
    };
    const again = (id: string, code = 0) =>
      wiring.restored({ name: endpointPortName(id) } as VethLink, { spawn: answering(code), log: silentLog });
    expect(await again('e1', 1)).toBe('later');
    expect(await again('e1')).toMatchObject([{ ns: sandbox.path, name: 'eth1' }]);
    expect(await again('e2')).toMatchObject([{ ns: sandbox.path, name: 'eth2' }]);
    expect([...state.endpoints.values()].flatMap((each) => each.sandbox?.interface ?? [])).toEqual(['eth1', 'eth2']);
  });

  test('of networks that nobody has told of, those with endpoints here are known', async () => {
    const { wiring, remove } = await scene();
    await wiring.addEndpoint(network, endpoint('e1', 'h1', '10.42.0.2'));
    expect([...wiring.unknownNetworks()]).toEqual([]);
    remove();
    expect([...wiring.unknownNetworks()]).toEqual(['n1']);
    await wiring.detach('n1');
    expect([...wiring.unknownNetworks()]).toEqual([]);
  });
});
