import { describe, expect, test } from 'vitest';
import { Cluster, refusal, spec, storeKinds } from '../../test/server/cluster.ts';
import { Failure } from '../domain/domain.ts';
import { ask, type Params } from '../protocol/protocol.ts';

describe('making a network', () => {
  test('what is left open is chosen, and the network is found by name and by id', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await cluster.node(server, 'h1', '10.0.0.1', { facts: { underlayMtu: 1400 } });
    const made = await ask(server, 'network.create', { name: 'app' });
    expect(made).toMatchObject({
      name: 'app',
      driver: 'overlay',
      subnet: '10.64.0.0/16',
      mtu: 1350,
      discovery: 'registry',
      port: 4789,
      internal: false,
      nodes: [],
      containers: [],
    });
    expect(made.id).toMatch(/^[0-9a-f]{12}$/);
    expect(await ask(server, 'network.inspect', { name: 'app' })).toEqual(made);
    expect(await ask(server, 'network.inspect', { name: made.id })).toEqual(made);
    const second = await ask(server, 'network.create', { name: 'db', discovery: 'multicast', internal: true });
    expect(second).toMatchObject({ subnet: '10.65.0.0/16', vni: made.vni + 1, internal: true });
    expect(second.group).toMatch(/^239\./);
  });

  test('answers once the engines of the nodes have it; one that fails holds up nobody', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const events: string[] = [];
    const free = Promise.withResolvers<void>();
    const node = (name: string, address: string, ensure: () => Promise<unknown>) =>
      cluster.node(server, name, address, {
        handler: {
          call: async (method, params) => {
            events.push(`${name} ${method} ${Object.keys(params as object)}`);
            return ensure();
          },
          open: () => Promise.reject(new Failure('invalid', 'nothing is opened')),
        },
      });
    await node('h1', '10.0.0.1', async () => {
      await free.promise;
      events.push('h1 has it');
      return {};
    });
    await node('h2', '10.0.0.2', async () => {
      throw new Failure('unavailable', 'Docker is not running');
    });
    const made = ask(server, 'network.create', { name: 'app' }).then(() => events.push('made'));
    while (events.length < 2) await new Promise(setImmediate);
    free.resolve();
    await made;
    expect(events.slice(0, 2).sort()).toEqual(['h1 network.ensure network', 'h2 network.ensure network']);
    expect(events.slice(2)).toEqual(['h1 has it', 'made']);
    await ask(server, 'network.create', { name: 'other', dryRun: true });
    expect(events.length).toBe(4);
  });

  test('a removal that is refused keeps nobody from using the network meanwhile; one that cannot look leaves no mark', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await cluster.node(server, 'h1', '10.0.0.1');
    await ask(server, 'network.create', { name: 'app' });
    await ask(server, 'workload.run', { name: 'web', spec: spec(['app']) });
    const marks = async () =>
      (await cluster.store.range({ start: '/trama/removing/', end: '/trama/removing0' })).entries;
    const before = await cluster.store.revision();
    expect(await refusal(ask(server, 'network.remove', { name: 'app' }))).toMatch(/^conflict: .*web \(on h1\)/);
    expect(await cluster.store.revision()).toBe(before);
    let looks = 0;
    const blind = new Proxy(cluster.store, {
      get(target, property) {
        const value = Reflect.get(target, property);
        if (property === Symbol.asyncDispose) return async () => {};
        if (property !== 'range') return typeof value === 'function' ? value.bind(target) : value;
        return async (range: Parameters<typeof target.range>[0]) => {
          if (range.start.startsWith('/trama/workloads') && looks++ > 0)
            throw new Failure('unavailable', 'etcd does not answer');
          return target.range(range);
        };
      },
    });
    await ask(server, 'network.create', { name: 'idle' });
    const half = await cluster.server(blind);
    looks = 0;
    expect(await refusal(ask(half, 'network.remove', { name: 'idle' }))).toMatch(/etcd does not answer/);
    expect(looks).toBe(2);
    expect(await marks()).toEqual([]);
  });

  test('a dry run answers what would be made, and makes nothing', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const before = await cluster.store.revision();
    expect(await ask(server, 'network.create', { name: 'app', dryRun: true })).toMatchObject({ name: 'app' });
    expect(await cluster.store.revision()).toBe(before);
  });

  const rejections: [Partial<Params<'network.create'>>, string][] = [
    [{ subnet: '10.42.128.0/17' }, 'conflict: subnet 10.42.128.0/17 overlaps network app (10.42.0.0/16)'],
    [{ subnet: '10.0.0.0/8' }, 'conflict: subnet 10.0.0.0/8 overlaps network app (10.42.0.0/16)'],
    [{ subnet: '192.168.7.0/25' }, 'conflict: subnet 192.168.7.0/25 overlaps the route 192.168.7.0/24 of node h1'],
    [{ name: 'app' }, 'conflict: there is a network app already: choose another name'],
    [{ vni: 77 }, 'conflict: VNI 77 belongs to network app: choose another'],
    [{ mtu: 1460 }, 'conflict: MTU 1460 does not fit node h1, whose underlay carries 1500: choose at most 1450'],
    [{ mtu: 10 }, 'invalid: 10 is not a usable MTU'],
    [{ vni: 0 }, 'invalid: 0 is not a VNI'],
    [{ vni: 16_777_216 }, 'invalid: 16777216 is not a VNI'],
    [{ subnet: '10.9.0.0/31' }, 'invalid: 10.9.0.0/31 leaves no addresses for containers'],
    [{ subnet: '10.9.0.0/33' }, 'invalid: "10.9.0.0/33" has no valid prefix length'],
    [{ subnet: '10.9.0.1/24' }, 'invalid: 10.9.0.1/24 has host bits set'],
    [{ subnet: '010.9.0.0/24' }, 'invalid: "010.9.0.0/24" is not a subnet'],
    [{ driver: 'magic' }, 'invalid: "magic" is not a driver'],
    [{ discovery: 'gossip' }, 'invalid: "gossip" is not a way of discovery'],
    [{ name: '-x' }, 'invalid: "-x" cannot be a network\'s name'],
    [{ name: 'a;b' }, 'invalid: "a;b" cannot be a network\'s name'],
    [{ name: '../x' }, 'invalid: "../x" cannot be a network\'s name'],
    [{ name: 'n'.repeat(300) }, 'invalid: '],
    [{ options: { foo: 'bar' } }, 'invalid: "foo" is not an option of driver overlay: it has none'],
  ];
  test.each(rejections)('%j is refused: %s', async (asked, sentence) => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await cluster.node(server, 'h1', '10.0.0.1', { facts: { routes: ['192.168.7.0/24'] } });
    await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16', vni: 77 });
    const before = await cluster.store.revision();
    const said = await refusal(ask(server, 'network.create', { name: 'new', ...asked }));
    expect(said.slice(0, sentence.length)).toBe(sentence);
    expect(await cluster.store.revision()).toBe(before);
  });

  test.each(storeKinds)('of overlapping networks made at once at two servers, one comes to be (%s)', async (kind) => {
    await using cluster = await Cluster.create(kind);
    const servers = [await cluster.server(), await cluster.server()];
    const tries = Array.from({ length: 16 }, (_, i) =>
      ask(servers[i % 2] as never, 'network.create', { name: `n${i}`, subnet: `10.42.${i}.0/24` }).then(() =>
        ask(servers[(i + 1) % 2] as never, 'network.create', { name: `w${i}`, subnet: '10.50.0.0/16' }),
      ),
    );
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const networks = await ask(servers[0] as never, 'network.list', {});
    expect(networks).toHaveLength(17);
    expect(new Set(networks.map(({ vni }) => vni)).size).toBe(17);
  });
});

describe('removing a network', () => {
  test('everything of it goes, gateways do not hinder', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/24' });
    const other = await ask(server, 'network.create', { name: 'other', subnet: '10.43.0.0/24' });
    const { cidr } = await h1.ask('block.lease', { network: network.id });
    await h1.ask('block.lease', { network: other.id });
    const address = cidr.replace(/\d+\/\d+$/, (end) => `${Number.parseInt(end, 10) + 1}`);
    await h1.ask('endpoint.put', { endpoint: { ...h1.endpoint(network, address, 'gateway-h1'), kind: 'gateway' } });
    expect((await ask(server, 'network.inspect', { name: 'app' })).nodes).toEqual([
      { node: 'h1', gateway: address, blocks: [cidr] },
    ]);
    await ask(server, 'network.remove', { name: 'app' });
    const { entries } = await cluster.store.range({ start: '/trama/', end: '/trama0' });
    // What was answered to whom goes by itself.
    const kept = entries.filter(({ key, lease }) => lease === undefined && !key.endsWith('-set'));
    expect(kept.filter(({ key, value }) => (key + value).includes(network.id))).toEqual([]);
    expect((await ask(server, 'network.list', {})).map(({ name }) => name)).toEqual(['other']);
    await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/24' });
  });

  test('it is refused while containers use it, naming three and where they are', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    await cluster.node(server, 'h1', '10.0.0.1');
    await ask(server, 'network.create', { name: 'app' });
    for (const name of ['aa', 'bb', 'cc', 'dd']) {
      await ask(server, 'workload.run', { name, node: 'h1', spec: spec(['app']) });
    }
    expect(await refusal(ask(server, 'network.remove', { name: 'app' }))).toBe(
      'conflict: network app is in use by the containers aa (on h1), bb (on h1), cc (on h1) and 1 more: remove what uses it first',
    );
    await ask(server, 'workload.run', { name: 'ee', spec: spec(['app']) });
    expect(await refusal(ask(server, 'network.remove', { name: 'nope' }))).toBe(
      'not-found: there is no network "nope": `trama network ls` shows those there are',
    );
  });

  test('a plain docker container’s endpoint hinders too', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    const network = await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/24' });
    await h1.ask('address.reserve', { network: network.id, address: '10.42.0.9' });
    await h1.ask('endpoint.put', { endpoint: h1.endpoint(network, '10.42.0.9') });
    expect(await refusal(ask(server, 'network.remove', { name: 'app' }))).toBe(
      'conflict: network app is in use by the container on-10.42.0.9 (on h1): remove what uses it first',
    );
  });

  test('removals racing with new users leave no user without a network', async () => {
    await using cluster = await Cluster.create();
    const servers = [await cluster.server(), await cluster.server()] as const;
    await cluster.node(servers[0], 'h1', '10.0.0.1');
    await cluster.node(servers[1], 'h2', '10.0.0.2');
    for (let i = 0; i < 20; i++) {
      const name = `n${i}`;
      await ask(servers[0], 'network.create', { name });
      const [removed, run] = await Promise.allSettled([
        ask(servers[0], 'network.remove', { name }),
        ask(servers[1], 'workload.run', { name: `w${i}`, node: 'h2', spec: spec([name]) }),
      ]);
      expect(removed.status === 'fulfilled' && run.status === 'fulfilled').toBe(false);
    }
  });
});
