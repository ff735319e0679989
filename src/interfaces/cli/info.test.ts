import { expect, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { fakeCluster, now } from './testing/fake-cluster.ts';
import { trama } from './testing/fake-io.ts';

const server = (host: string, more = {}) => ({
  ...{ id: `${host}:4701`, host, ports: { requests: 4701, feed: 4702 } },
  ...{ version: '0.1.0', since: now - 300_000, keepsHouse: false, ...more },
});
const answer = {
  ...{ cluster: 'c0ffee', server: '10.0.0.2:4701', able: true },
  servers: [server('10.0.0.10'), server('10.0.0.2'), server('10.0.0.1', { keepsHouse: true })],
};

test('info shows the servers, and how many there are of what', async () => {
  const api = fakeCluster().on('cluster.servers', () => answer);
  expect((await trama('info', { api })).out).toBe(
    `Cluster:    c0ffee
Store:      answers
Servers:    10.0.0.1:4701, 0.1.0, for 5m, keeps house
            10.0.0.2:4701, 0.1.0, for 5m, has answered this
            10.0.0.10:4701, 0.1.0, for 5m
Nodes:      1 ready, 1 down
Networks:   1
Containers: 4
`,
  );
  const { out } = await trama('info -o json', { api });
  expect(JSON.parse(out)).toMatchObject({
    ...{ cluster: 'c0ffee', asked: '10.0.0.2:4701', able: true, nodes: { ready: 1, down: 1 }, networks: 1 },
    servers: [{ id: '10.0.0.1:4701', keepsHouse: true }, { id: '10.0.0.2:4701' }, { id: '10.0.0.10:4701' }],
  });
});

test('info of a server that has lost its store, or is older, tells what it can', async () => {
  const old = { id: '10.0.0.1:4701', host: '10.0.0.1', ports: { requests: 4701, feed: 4702 } };
  const gone = () => {
    throw new Failure('unavailable', 'The store does not answer');
  };
  const lost = fakeCluster()
    .on('cluster.servers', () => ({ cluster: 'c0ffee', able: false, servers: [old] }))
    .on('node.list', gone)
    .on('network.list', gone);
  const { out } = await trama('info', { api: lost });
  expect(out).toMatch(/\nNodes: +not known\nNetworks: +not known\nContainers: +not known\n$/);
  expect(out).toContain('Store:      does not answer the server that was asked\n');
  expect(out).toContain('Servers:    10.0.0.1:4701\n');
  const alone = fakeCluster().on('cluster.servers', () => ({ cluster: 'c0ffee', able: true, servers: [] }));
  expect((await trama('info', { api: alone })).out).toMatch(/\nServers: +none that tells .* --advertise`\n/);
});
