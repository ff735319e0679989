import { describe, expect, test } from 'vitest';
import { Cluster, refusal, spec } from '../../test/server/cluster.ts';
import { contains, parseAddress, parseSubnet } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';

const eth1 = (address: string) => ({
  ...{ name: 'eth1', mac: '02:aa:00:00:00:01', mtu: 1400, up: true },
  ...{ addresses: address === '' ? [] : [`${address}/24`], gateway: '192.168.1.1' },
});

/** h1 and h2 are in the LAN, h3 is not. */
async function office(range?: string) {
  const cluster = await Cluster.create();
  const server = await cluster.server();
  const facts = (address: string) => ({ routes: ['192.168.1.0/24'], interfaces: [eth1(address)] });
  const h1 = await cluster.node(server, 'h1', '10.0.0.1', { facts: facts('192.168.1.11') });
  const h2 = await cluster.node(server, 'h2', '10.0.0.2', { facts: facts('') });
  const h3 = await cluster.node(server, 'h3', '10.0.0.3');
  const options = { parent: 'eth1', ...(range === undefined ? {} : { range }) };
  const made = await ask(server, 'network.create', { name: 'office', driver: 'lan', options });
  return { cluster, server, h1, h2, h3, made };
}

describe('a network in the hosts’ LAN', () => {
  test('has the parent’s subnet, router and MTU, which its hosts’ own route to it does not hinder', async () => {
    const { cluster, server, made } = await office();
    await using _ = cluster;
    expect(made).toMatchObject({
      driver: 'lan',
      subnet: '192.168.1.0/24',
      mtu: 1400,
      options: { parent: 'eth1', gateway: '192.168.1.1' },
    });
    const other = ask(server, 'network.create', { name: 'app', subnet: '192.168.1.0/24' });
    expect(await refusal(other)).toContain('overlaps network office');
  });

  test('goes where its hosts are, with or without being told', async () => {
    const { cluster, server } = await office();
    await using _ = cluster;
    const run = (name: string, node?: string) =>
      ask(server, 'workload.run', {
        name,
        spec: spec(['office']),
        ...(node === undefined ? {} : { node }),
      });
    const nodes = [];
    for (let i = 0; i < 4; i++) nodes.push((await run(`c${i}`)).node);
    expect(new Set(nodes)).toEqual(new Set(['h1', 'h2']));
    expect(await refusal(run('wrong', 'h3'))).toBe(
      'conflict: network office is not to be had there: node h3 has no interface eth1',
    );
    for (const name of ['h1', 'h2']) await ask(server, 'node.drain', { name, drained: true });
    expect(await refusal(run('wrong'))).toContain('no node is ready to take a container');
  });

  test('publishes nothing', async () => {
    const { cluster, server } = await office();
    await using _ = cluster;
    const ports = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] as const;
    const asked = { ...spec(['office']), ports: [...ports] };
    expect(await refusal(ask(server, 'workload.run', { name: 'web', spec: asked }))).toContain('leave out -p');
  });

  test('leases no address outside its range, until it is full', async () => {
    const { cluster, server, h1, h2, made } = await office('192.168.1.128/27');
    await using _ = cluster;
    const range = parseSubnet('192.168.1.128/27');
    await h1.ask('address.reserve', { network: made.id, address: '192.168.1.5' });
    let leased = 0;
    for (const node of [h1, h2, h1, h2, h1, h2, h1, h2, h1, h2, h1, h2, h1, h2, h1, h2]) {
      const block = await node.ask('block.lease', { network: made.id }).catch(() => undefined);
      if (block === undefined) break;
      expect(contains(range, parseAddress(block.cidr.split('/')[0] ?? '')), block.cidr).toBe(true);
      leased += 2 ** (32 - Number(block.cidr.split('/')[1]));
    }
    expect(leased).toBeLessThanOrEqual(32);
    expect(leased).toBeGreaterThan(24);
    void server;
  });
});
