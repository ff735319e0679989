import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { agentOptions, FakeEngine } from '../../test/server/agent-host.ts';
import { Cluster } from '../../test/server/cluster.ts';
import type { Bus, BusClientOptions } from '../bus/bus.ts';
import { Failure, parseJoin } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import { createAgent } from './create-agent.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'agent-'));
});
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

async function scene(change: (bus: Bus) => Bus = (bus) => bus) {
  const cluster = await Cluster.create();
  const server = await cluster.server();
  const engine = new FakeEngine();
  const { token } = await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
  const options = {
    ...agentOptions(join(directory, 'agent'), change(cluster.bus), engine),
    join: parseJoin(`${token}@10.255.0.1:${server.ports.requests}`, server.ports.requests),
  };
  const agent = await createAgent(options).catch(() => createAgent(options));
  engine.made = (dockerNetworkId, network) =>
    agent.plugin.createNetwork({ dockerNetworkId, network, internal: false, ipv6: false, options: {} });
  return { cluster, server, engine, agent, options };
}

describe('the running agent', () => {
  test('what it heard just before it stops in order, it knows after its restart', async () => {
    const { cluster, server, agent, options } = await scene();
    await using _cluster = cluster;
    agent.run();
    await ask(server, 'network.create', { name: 'app' });
    await vi.waitFor(() => agent.plugin.requestPool({ network: 'app', v6: false }), { interval: 1 });
    await agent[Symbol.asyncDispose]();
    await using again = await createAgent(options);
    await expect(again.plugin.requestPool({ network: 'app', v6: false })).resolves.toMatchObject({});
  });

  test('a registration that failed is made up for', async () => {
    const { cluster, server, engine, agent } = await scene();
    await using _cluster = cluster;
    await using _agent = agent;
    let failures = 2;
    engine.status = async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('not now');
      return { available: true, message: 'Docker 2' };
    };
    agent.run();
    const engineOf = async () => (await ask(server, 'node.inspect', { name: 'h1' })).engine;
    await vi.waitFor(async () => expect(await engineOf()).toBe('Docker 2'), { interval: 10, timeout: 2000 });
  });

  test('a host that has left has none of the networks again, and ends without a word', async () => {
    const { cluster, server, engine, agent, options } = await scene();
    await using _cluster = cluster;
    agent.run();
    await ask(server, 'network.create', { name: 'app' });
    await vi.waitFor(() => expect(engine.networks.size).toBe(1), { interval: 1 });
    await agent.call('agent.leave', { force: false, dryRun: false });
    // What the servers say of it now still arrives.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await ask(server, 'node.list', {})).toEqual([]);
    await agent[Symbol.asyncDispose]();
    expect(engine.networks.size).toBe(0);
    expect(existsSync(options.directory)).toBe(false);
  });

  test('a departure that failed half-way can be asked for again; with force it does without an engine', async () => {
    const { cluster, server, engine, agent, options } = await scene();
    await using _cluster = cluster;
    await using _agent = agent;
    agent.run();
    for (const name of ['app', 'db']) await ask(server, 'network.create', { name });
    await vi.waitFor(() => expect(engine.networks.size).toBe(2), { interval: 1 });
    const remove = engine.runtime.removeNetwork;
    engine.runtime.removeNetwork = async (id) => {
      if (id === 'docker-app') throw new Failure('conflict', 'network app has active endpoints');
      await remove(id);
    };
    await expect(agent.call('agent.leave', { force: false, dryRun: false })).rejects.toThrow('active endpoints');
    expect([...engine.networks.keys()]).toEqual(['docker-app']);
    expect(await ask(server, 'node.list', {})).toHaveLength(1);
    const late = { dockerNetworkId: 'docker-app', endpointId: 'e1', options: {} };
    await expect(agent.plugin.createEndpoint(late)).rejects.toThrow('leaving its cluster');
    const gone = async () => {
      throw new Failure('unavailable', 'Docker does not run');
    };
    Object.assign(engine.runtime, { list: gone, networks: gone });
    await expect(agent.call('agent.leave', { force: false, dryRun: false })).rejects.toThrow('Docker does not run');
    await agent.call('agent.leave', { force: true, dryRun: false });
    expect(await ask(server, 'node.list', {})).toEqual([]);
    expect(existsSync(options.directory)).toBe(false);
  });

  test('a person waits no longer for a stream than for an answer when no server is there', async () => {
    const { cluster, server, agent } = await scene();
    await using _cluster = cluster;
    await using _agent = agent;
    agent.run();
    await vi.waitFor(() => ask(agent, 'node.inspect', { name: 'h1' }), { interval: 1 });
    await server[Symbol.asyncDispose]();
    const gone = async () => expect((await ask(agent, 'agent.status', {})).link).toBe('connecting');
    await vi.waitFor(gone, { interval: 1 });
    const began = Date.now();
    const logs = agent.open('workload.logs', { name: 'web', follow: false, timestamps: false });
    await expect(logs).rejects.toMatchObject({ code: 'unavailable' });
    // Not the ten seconds that a stream may otherwise take to begin.
    expect(Date.now() - began).toBeLessThan(6000);
  });

  test('a host that the cluster has forgotten leaves without force, and is told to', async () => {
    const { cluster, server, agent, options } = await scene();
    await using _cluster = cluster;
    await using _agent = agent;
    agent.run();
    await vi.waitFor(() => ask(agent, 'node.inspect', { name: 'h1' }), { interval: 1 });
    await ask(server, 'node.remove', { name: 'h1', force: true });
    const told = () => expect(agent.call('node.list', {})).rejects.toThrow(/trama node leave/);
    await vi.waitFor(told, { interval: 1, timeout: 2000 });
    await agent.call('agent.leave', { force: false, dryRun: false });
    expect(existsSync(options.directory)).toBe(false);
  });

  test('a host that was let in and did not hear it joins with the same token as the same node', async () => {
    let lost = 0;
    const losing = (bus: Bus): Bus => ({
      ...bus,
      connect: async (options: BusClientOptions) => {
        const client = await bus.connect(options);
        const call = client.call.bind(client);
        client.call = async (method, params, callOptions) => {
          const answer = await call(method, params, callOptions);
          lost += 1;
          if (method === 'node.join' && lost === 1) throw new Failure('deadline', 'no answer');
          return answer;
        };
        return client;
      },
    });
    const { cluster, server, agent, options } = await scene(losing);
    await using _cluster = cluster;
    await using _agent = agent;
    expect(await ask(server, 'node.list', {})).toMatchObject([{ name: 'h1' }]);
    expect(existsSync(join(options.directory, 'joining.json'))).toBe(false);
  });
});
