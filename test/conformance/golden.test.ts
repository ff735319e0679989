/** What earlier releases said and kept (`test/golden/<release>`), read by this one. */
import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClusterView } from '../../src/agent/cluster-view.ts';
import { createAgent } from '../../src/agent/create-agent.ts';
import { TopicMirror } from '../../src/agent/mirror.ts';
import type { FeedMessage } from '../../src/bus/bus.ts';
import { commonVersion, spokenVersions } from '../../src/bus/session/versions.ts';
import { decodeHeader } from '../../src/bus/session/wire.ts';
import { hello } from '../../src/bus/zeromq/frames.ts';
import { silentLog, systemClock } from '../../src/platform/platform.ts';
import { ask, clusterTopic, methods, type TopicSnapshot } from '../../src/protocol/protocol.ts';
import { startServing } from '../../src/server/backup/serving.ts';
import type { Store } from '../../src/store/store.ts';
import { agentOptions, FakeEngine } from '../server/agent-host.ts';
import { Cluster } from '../server/cluster.ts';

const golden = join(import.meta.dirname, '..', 'golden');
const releases = readdirSync(golden).filter((name) => /^\d+\.\d+$/.test(name));

/**
 * What releases said and this one has let go of: the port that servers had for metrics
 * (docs/adr/0024-metrics-in-the-session.md); and how many containers a node has, which it told itself then, and is counted now.
 */
const letGo = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (key, each) =>
    (key === 'metrics' || key === 'containers') && typeof each === 'number' ? undefined : each,
  );

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'golden-'));
});
// What an agent leaves going may still be writing.
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

describe.each(releases)('of release %s', (release) => {
  const text = (file: string) => readFileSync(join(golden, release, file), 'utf8');
  const lines = <T>(file: string) =>
    text(file)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as T);

  const fill = async (store: Store) => {
    const writes = lines<{ k: string; v: string }>('store.jsonl').map(({ k: key, v: value }) => ({ key, value }));
    await store.transact(
      [],
      writes.map((each) => ({ op: 'put', ...each })),
    );
    const how = { clock: systemClock, log: silentLog, id: 'one', trama: '9.9.9', onLost: () => {} };
    return startServing(store, { ...how, exclusive: true });
  };

  test('the store: people are told the same of it, and can go on with it', async () => {
    await using cluster = await Cluster.create();
    await using _serving = await fill(cluster.store);
    const server = await cluster.server();
    for (const [method, answer] of Object.entries(JSON.parse(text('answers.json'))))
      expect({ method, answer: await server.call(method, {}) }).toMatchObject({ method, answer: letGo(answer) });
    expect(await ask(server, 'node.inspect', { name: 'h3' })).toMatchObject({
      status: 'down',
      reason: expect.stringMatching(/does not answer/),
    });
    await ask(server, 'node.drain', { name: 'h2', drained: false });
    await ask(server, 'workload.stop', { name: 'web' });
    await ask(server, 'network.create', { name: 'more', subnet: '10.45.0.0/16' });
    await expect(ask(server, 'network.create', { name: 'clash', subnet: '10.42.0.0/24' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await ask(server, 'network.remove', { name: 'all' });
    await ask(server, 'node.remove', { name: 'h3', force: true });
    expect((await ask(server, 'node.list', {})).map(({ name }) => name)).toEqual(['h1', 'h2']);
  });

  test('what agents and people ask means the same, nothing of it is lost but what was let go of', () => {
    const calls = lines<{ method: keyof typeof methods; params: object; result: object }>('calls.jsonl');
    expect(calls.length).toBeGreaterThan(10);
    for (const { method, params, result } of calls) {
      expect({ method, params: methods[method].params.parse(params) }).toMatchObject({ method, params });
      const read = methods[method].result.parse(result);
      expect({ method, result: read }).toMatchObject({ method, result: letGo(result) });
    }
  });

  test('messages are read', () => {
    const [first, ...headers] = lines<Record<string, unknown>>('wire.jsonl');
    const said = hello.parse(first);
    expect(
      commonVersion(spokenVersions, { lowest: said.version, highest: said.highest ?? said.version }),
    ).toBeDefined();
    for (const header of headers) expect(decodeHeader(Buffer.from(JSON.stringify(header)))).toEqual(header);
  });

  test('the feed is followed', () => {
    const calls = lines<{ method: string; params: { topic: string }; result: TopicSnapshot }>('calls.jsonl');
    const snapshots = calls.filter(({ method }) => method === 'feed.snapshot').map(({ result }) => result);
    const view = new ClusterView();
    const mirrors = new Map<string, TopicMirror>();
    for (const snapshot of snapshots) {
      const mirror = mirrors.get(snapshot.topic) ?? new TopicMirror(snapshot.topic);
      mirrors.set(snapshot.topic, mirror);
      const changes = mirror.applySnapshot(snapshot);
      if (snapshot.topic === clusterTopic) view.apply(changes);
    }
    for (const message of lines<FeedMessage>('feed.jsonl')) {
      const result = mirrors.get(message.topic)?.applyDelta(message);
      expect(result?.outcome).not.toBe('gap');
      if (message.topic === clusterTopic) view.apply(result?.changes ?? []);
    }
    expect([...view.networks()].map(({ name }) => name).sort()).toEqual(['all', 'app', 'local']);
    expect([view.node('h2')?.address, view.isFenced('h3')]).toEqual(['10.0.0.2', true]);
  });

  test('a host goes on with what its disk has', async () => {
    const own = join(directory, 'agent');
    await cp(join(golden, release, 'agent'), own, { recursive: true });
    await using cluster = await Cluster.create();
    await using agent = await createAgent(agentOptions(own, cluster.bus, new FakeEngine()));
    expect(agent.node).toBe('h1');
    const [network] = JSON.parse(text('answers.json'))['network.list'].filter(
      ({ name }: { name: string }) => name === 'app',
    );
    const endpoint = { dockerNetworkId: 'docker-app', endpointId: 'e'.repeat(64) };
    const { address } = network.containers.find(({ node }: { node: string }) => node === 'h1');
    expect(await agent.plugin.endpointInfo(endpoint)).toMatchObject({ 'trama.address': address });
    // Nobody answers: the block that it has must do, and gives nothing twice.
    const another = await agent.plugin.createEndpoint({ ...endpoint, endpointId: 'f'.repeat(64), options: {} });
    expect(another.address?.split('/')[0]).not.toBe(address);
  });
});
