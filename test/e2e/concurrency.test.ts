/** Two agents, 200 starts at once, as Docker would ask for them: no address twice, in the store and in the kernel. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, type LabHost, startCluster } from '../../src/lab/lab.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  const ports = ['--requests-port', '5701', '--feed-port', '5812'];
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'], serverArguments: ports, requestsPort: 5701 });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/22');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

/** Speaks to the plugin's socket of a host, which is reached through the root of the host's first process. */
function ask<T>(host: LabHost, path: string, body: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const socketPath = `/proc/${host.init}/root/run/docker/plugins/trama.sock`;
    const text = JSON.stringify(body);
    const outgoing = request(
      { socketPath, path: `/${path}`, method: 'POST', headers: { 'Content-Length': Buffer.byteLength(text) } },
      (answer) => {
        let said = '';
        answer.on('data', (chunk: Buffer) => {
          said += chunk.toString();
        });
        answer.on('end', () => {
          const parsed = JSON.parse(said) as T & { Err?: string };
          if (parsed.Err) reject(new Error(parsed.Err));
          else resolve(parsed);
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

async function start(host: LabHost, dockerNetwork: string, pool: string, number: number): Promise<string> {
  const { Address } = await ask<{ Address: string }>(host, 'IpamDriver.RequestAddress', {
    PoolID: pool,
    Address: '',
    Options: null,
  });
  const EndpointID = `${host.name === 'h1' ? 'a' : 'b'}${number.toString(16).padStart(63, '0')}`
    .split('')
    .reverse()
    .join('');
  await ask(host, 'NetworkDriver.CreateEndpoint', {
    NetworkID: dockerNetwork,
    EndpointID,
    Interface: { Address, AddressIPv6: '', MacAddress: '' },
    Options: {},
  });
  return Address.split('/')[0] ?? '';
}

test('the server is reached at the ports that it was given', async () => {
  const listening = (await cluster.host('h1').run(['ss', '-Hltn'])).stdout;
  for (const port of [5701, 5812]) expect(listening).toContain(`:${port} `);
  expect(listening).not.toMatch(/:470[123] /);
  const cpu = async () => (await cluster.json<{ cpu: number | null }[]>('node', 'ls')).map((node) => node.cpu);
  await eventually('figures of both hosts', async () => (await cpu()).every((share) => share !== null));
});

test('200 concurrent starts on two hosts', async () => {
  const [network] = await cluster.json<{ id: string; name: string }[]>('network', 'ls');
  const addresses = await Promise.all(
    cluster.hosts.flatMap((host) => {
      const id = (async () => {
        await eventually('network app in Docker', async () => (await host.docker('network', 'ls')).includes(' app '));
        return host.docker('network', 'inspect', '-f', '{{.Id}}', 'app');
      })();
      return Array.from({ length: 100 }, async (_, i) => start(host, await id, network?.id ?? '', i));
    }),
  );
  expect(new Set(addresses).size).toBe(200);
  type Shown = { containers: { address: string; mac: string }[]; nodes: { gateway: string }[] };
  const shown = () => cluster.json<Shown>('network', 'inspect', 'app');
  await eventually('the server knows all', async () => (await shown()).containers.length === 200);
  const { containers, nodes } = await shown();
  const all = [...containers.map((each) => each.address), ...nodes.map((each) => each.gateway)];
  expect(new Set(all).size).toBe(202);
  expect(new Set(containers.map((each) => each.mac)).size).toBe(200);
  expect(containers.map((each) => each.address).sort()).toEqual(addresses.sort());
  for (const host of cluster.hosts) {
    await eventually(`the filter of ${host.name} knows its 100 and the table all 202 neighbours`, async () => {
      const ports = (await host.run(['ip', '-n', 'trama', '-o', 'link', 'show', 'type', 'veth'])).stdout
        .split('\n')
        .filter((line) => line.includes(': trv'));
      const neighbours = (await host.run(['ip', '-n', 'trama', 'neigh', 'show', 'nud', 'permanent'])).stdout
        .trim()
        .split('\n');
      return ports.length === 100 && neighbours.length === 202;
    });
  }
});
