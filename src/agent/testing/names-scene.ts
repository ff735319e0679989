/** A node's names as tests make them up: two networks, two nodes, and whoever is told of. */
import type { EndpointRecord, NetworkRecord, NodeRecord } from '../../domain/domain.ts';
import type { TopicValue } from '../../protocol/protocol.ts';
import { ClusterView } from '../cluster-view.ts';
import type { LocalEndpoint } from '../local-state.ts';
import { Names } from '../names.ts';

export const app = { id: 'n1', name: 'app', subnet: '10.42.0.0/16', vni: 42, internal: false } as NetworkRecord;
export const db = { id: 'n2', name: 'db', subnet: '10.43.0.0/16', vni: 43, internal: true } as NetworkRecord;

export const record = (
  id: string,
  network: NetworkRecord,
  address: string,
  name?: string,
  more = {},
): EndpointRecord => ({
  ...{ id, network: network.id, node: 'h1', kind: 'container', address, mac: '02:00:00:00:00:01' },
  ...(name === undefined ? {} : { container: { id: `${id}aabbccddeeff0011`, name } }),
  ...more,
});

let age = 0;
export function local(each: EndpointRecord, path?: string): LocalEndpoint {
  age += 1;
  return { record: each, createdAt: age, ...(path === undefined ? {} : { sandbox: { path, interface: 'eth0' } }) };
}

export function scene(heard = true) {
  const view = new ClusterView();
  for (const network of [app, db])
    view.apply([{ key: `network/${network.id}`, value: { kind: 'network', network }, previous: undefined }]);
  for (const [name, address] of Object.entries({ h1: '192.0.2.1', h2: '192.0.2.2' })) {
    const node = { name, address } as NodeRecord;
    view.apply([{ key: `node/${name}`, value: { kind: 'node', node }, previous: undefined }]);
  }
  const state = { heard, now: 0, waited: new Promise<void>(() => {}) };
  const left: string[] = [];
  const names = new Names({
    node: 'h1',
    view,
    heard: () => state.heard,
    hostServers: () => ['192.0.2.53'],
    networkOf: (id) => (id.startsWith('e') ? 'n1' : undefined),
    onAsksItself: (ids) => void left.push(...ids),
    clock: { now: () => state.now, sleep: () => state.waited },
  });
  names.local(undefined, local({ ...record('gateway-h1', app, '10.42.0.2'), kind: 'gateway' }));
  names.local(undefined, local({ ...record('gateway-h1', db, '10.43.0.2'), kind: 'gateway' }));
  const remote = (endpoint: EndpointRecord, network = app) => {
    const value: TopicValue = { kind: 'endpoint', endpoint: { ...endpoint, node: 'h2' } };
    names.remote(network.id, [{ key: endpoint.address, value, previous: undefined }]);
    return () => names.remote(network.id, [{ key: endpoint.address, value: undefined, previous: value }]);
  };
  /** From a container of app's, unless said otherwise. */
  const find = (name: string, address = '10.42.0.10', server = '10.42.0.2') =>
    names.find({ address, server }, name)?.addresses.toSorted();
  const reverse = (of: string, address = '10.42.0.10', server = '10.42.0.2') => names.reverse({ address, server }, of);
  /** A node is silent, or heard again, as the feed tells it. */
  const fence = (node: string, fenced: boolean, itsEndpoints: readonly EndpointRecord[]) => {
    const known = { name: node, address: '192.0.2.2', ...(fenced ? { fenced } : {}) } as NodeRecord;
    view.apply([{ key: `node/${node}`, value: { kind: 'node', node: known }, previous: undefined }]);
    names.outdated();
    names.remote(
      app.id,
      itsEndpoints.map((endpoint) => {
        const value: TopicValue = { kind: 'endpoint', endpoint: { ...endpoint, node } };
        return { key: endpoint.address, value, previous: value };
      }),
    );
  };
  return { names, remote, find, reverse, state, left, fence };
}
