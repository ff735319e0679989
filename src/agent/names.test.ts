import { describe, expect, test } from 'vitest';
import type { EndpointRecord } from '../domain/domain.ts';
import type { TopicValue } from '../protocol/protocol.ts';
import type { ContainerInfo } from '../runtimes/runtimes.ts';
import { app, db, local, record, scene } from './testing/names-scene.ts';

describe('a container asks for', () => {
  test('a name, an alias, twelve digits of an id, in any network’s form; whatever their letters', () => {
    const { names, remote, find } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'Web', { aliases: ['www', 'shop.front'] })));
    remote(record('e2', app, '10.42.1.10', 'api'));
    for (const name of [
      'web',
      'www',
      'e1aabbccddee',
      'shop.front',
      'web.app',
      'shop.front.app',
      'web.app.trama',
      'www.trama',
    ])
      expect(find(name), name).toEqual(['10.42.0.10']);
    expect(find('api')).toEqual(['10.42.1.10']);
    expect(find('web.shop_app')).toBeUndefined();
    const known = { name: 'Shop_app', endpointId: 'e1', address: '10.42.0.10', mac: '' };
    names.container({ id: 'e1', name: 'Web', networks: [known] } as unknown as ContainerInfo);
    expect(find('api.shop_app')).toEqual(['10.42.1.10']);
    for (const name of ['nobody', 'web.db', 'web.app.db', 'example.com']) expect(find(name), name).toBeUndefined();
    expect(find('nobody.trama')).toBeUndefined();
    for (const name of ['trama', 'app.trama', 'node.trama']) expect(find(name), name).toEqual([]);
  });

  test('an alias over several containers and nodes: all addresses', () => {
    const { names, remote, find } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web1', { aliases: ['web'] })));
    const gone = remote(record('e2', app, '10.42.1.10', 'web2', { aliases: ['web'] }));
    expect(find('web')).toEqual(['10.42.0.10', '10.42.1.10']);
    const version = names.version;
    gone();
    expect(find('web')).toEqual(['10.42.0.10']);
    expect(names.version).toBeGreaterThan(version);
  });

  test('what is on a network that it is not on: nothing, until it is on it, too, and no more afterwards', () => {
    const { names, find, reverse } = scene();
    const [inApp, inDb] = [
      local(record('e1', app, '10.42.0.10', 'web'), '/s/1'),
      local(record('e2', db, '10.43.0.10', 'web'), '/s/1'),
    ];
    names.local(undefined, inApp);
    names.local(undefined, local(record('e3', db, '10.43.0.11', 'store'), '/s/2'));
    expect(find('store')).toBeUndefined();
    expect(reverse('10.43.0.11')).toBeUndefined();
    names.local(undefined, inDb);
    expect(find('store')).toEqual(['10.43.0.11']);
    expect(find('store.db.trama')).toEqual(['10.43.0.11']);
    expect(find('web')).toEqual(['10.42.0.10']);
    expect(find('web.db')).toEqual(['10.43.0.10']);
    expect(find('web', '10.43.0.10', '10.43.0.2')).toEqual(['10.42.0.10']);
    names.local(inDb, undefined);
    expect(find('store')).toBeUndefined();
  });

  test('what it is on, also when the one that had its address before is told to go after it came', () => {
    const { names, find } = scene();
    const before = local(record('e1', app, '10.42.0.10', 'web'), '/s/1');
    names.local(undefined, before);
    names.local(undefined, local(record('e2', app, '10.42.0.10', 'web'), '/s/2'));
    names.local(undefined, local(record('e3', db, '10.43.0.10', 'web'), '/s/2'));
    names.local(undefined, local(record('e4', db, '10.43.0.11', 'store'), '/s/4'));
    names.local(before, undefined);
    expect(find('store')).toEqual(['10.43.0.11']);
  });

  test('a node: its address, behind every container of that name', () => {
    const { names, find } = scene();
    expect(find('h2')).toEqual(['192.0.2.2']);
    expect(find('h2.node.trama')).toEqual(['192.0.2.2']);
    names.local(undefined, local(record('e1', app, '10.42.0.11', 'h2')));
    expect(find('h2')).toEqual(['10.42.0.11']);
    expect(find('h2.node.trama')).toEqual(['192.0.2.2']);
    expect(find('h9.node.trama')).toBeUndefined();
  });

  test('an address’s names, the fullest first; one of its networks’ that nobody has is nobody’s', () => {
    const { remote, reverse } = scene();
    remote(record('e2', app, '10.42.1.10', 'api', { aliases: ['x'] }));
    expect(reverse('10.42.1.10')).toEqual(['api.app.trama', 'api.app', 'api']);
    expect(reverse('10.42.0.2')).toEqual(['h1.node.trama']);
    expect(reverse('10.42.9.9')).toEqual([]);
    expect(reverse('192.0.2.7')).toBeUndefined();
  });
});

describe('who asks', () => {
  test('from outside the network that it asks in, or a server that is none, learns nothing and is passed on nowhere', () => {
    const { names, find } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
    for (const [address, server] of [
      ['192.0.2.9', '10.42.0.2'],
      ['10.42.0.10', '10.44.0.2'],
      ['10.42.0.10', '10.43.0.2'],
    ] as const) {
      expect(find('web', address, server)).toBeUndefined();
      expect(names.upstreams({ address, server })).toEqual([]);
    }
  });

  test('with servers of its own is passed on to those, others to the host’s', () => {
    const { names } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
    const client = { address: '10.42.0.10', server: '10.42.0.2' };
    expect(names.upstreams(client)).toEqual(['192.0.2.53']);
    names.container({
      id: 'e1aabbccddeeff0011',
      name: 'web',
      networks: [],
      dns: ['9.9.9.9'],
    } as unknown as ContainerInfo);
    expect(names.upstreams(client)).toEqual(['9.9.9.9']);
  });

  test('with servers of its own loopback is passed on to others of its own only, never to what the host has there', () => {
    const { names, left } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
    const client = { address: '10.42.0.10', server: '10.42.0.2' };
    const given = (...dns: string[]) => {
      const networks = [{ name: 'app', endpointId: 'e1', address: '10.42.0.10', mac: '' }];
      names.container({ id: 'e1aabbccddeeff0011', name: 'web', networks, dns } as unknown as ContainerInfo);
      return names.upstreams(client);
    };
    for (const own of ['127.0.0.1', '127.0.0.53', '127.8.8.8', '::1', '::ffff:127.0.0.1', '0.0.0.0', '::']) {
      expect(given(own), own).toEqual([]);
      expect(names.asksItself('e1'), own).toBe(true);
      expect(left.splice(0), own).toEqual(['e1']);
    }
    expect(given('9.9.9.9', '127.0.0.1', '2001:db8::1')).toEqual(['9.9.9.9', '2001:db8::1']);
    expect(names.asksItself('e1')).toBe(false);
    expect(left).toEqual([]);
    expect(given()).toEqual(['192.0.2.53']);
  });

  test('with a server of its own in a network that it is not on is not passed on to it, though the host reaches it', () => {
    const { names } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web'), '/s/1'));
    const client = { address: '10.42.0.10', server: '10.42.0.2' };
    const dns = ['10.43.0.5', '10.42.0.5', '9.9.9.9', 'fe80::1%eth0'];
    names.container({ id: 'e1aabbccddeeff0011', name: 'web', networks: [], dns } as unknown as ContainerInfo);
    expect(names.upstreams(client)).toEqual(['10.42.0.5', '9.9.9.9', 'fe80::1%eth0']);
    names.local(undefined, local(record('e2', db, '10.43.0.10', 'web'), '/s/1'));
    expect(names.upstreams(client)).toEqual(dns);
  });

  test('on internal networks only is passed on nowhere; on another as well it is', () => {
    const { names } = scene();
    const inDb = local(record('e1', db, '10.43.0.10', 'web'), '/s/1');
    names.local(undefined, inDb);
    const client = { address: '10.43.0.10', server: '10.43.0.2' };
    expect(names.upstreams(client)).toEqual([]);
    const container = { id: 'e1aabbccddeeff0011', name: 'web' };
    const plain = { name: 'bridge', endpointId: 'x1', address: '172.17.0.2', mac: '' };
    names.container({ ...container, networks: [plain] } as unknown as ContainerInfo);
    expect(names.upstreams(client)).toEqual(['192.0.2.53']);
    names.container({ ...container, networks: [] } as unknown as ContainerInfo);
    expect(names.upstreams(client)).toEqual([]);
    names.local(undefined, local(record('e2', app, '10.42.0.10', 'web'), '/s/1'));
    expect(names.upstreams(client)).toEqual(['192.0.2.53']);
  });
});

describe('links', () => {
  const on = (id: string, name: string, endpointId: string, links: { container: string; alias: string }[] = []) => {
    const networks = [
      { name: name.startsWith('x') ? 'own' : 'app', endpointId, address: '172.18.0.9', mac: '', links },
    ];
    return { id, name, networks } as unknown as ContainerInfo;
  };
  const linked = [{ container: 'API', alias: 'Store' }];

  test('are names to who has them, of whatever node’s container, as long as it is on the network', () => {
    const { names, find, remote } = scene();
    const web = local(record('e1', app, '10.42.0.10', 'web'), '/s/1');
    names.local(undefined, web);
    names.local(undefined, local(record('e2', app, '10.42.0.11', 'other')));
    names.container(on('e2aabbccddeeff0011', 'other', 'e2'));
    const version = names.version;
    names.container(on('e1aabbccddeeff0011', 'web', 'e1', linked));
    expect(names.version).toBeGreaterThan(version);
    expect(find('store')).toBeUndefined();
    const gone = remote(record('e3', app, '10.42.1.10', 'api'));
    for (const name of ['store', 'store.app', 'store.app.trama', 'api'])
      expect(find(name), name).toEqual(['10.42.1.10']);
    expect(find('store', '10.42.0.11')).toBeUndefined();
    gone();
    expect(find('store')).toBeUndefined();
    remote(record('e3', app, '10.42.1.12', 'api'));
    expect(find('store')).toEqual(['10.42.1.12']);
    names.local(undefined, local(record('d1', db, '10.43.0.10', 'web'), '/s/1'));
    names.local(web, undefined);
    names.local(undefined, local(record('e9', app, '10.42.0.10', 'web'), '/s/1'));
    expect(find('store')).toBeUndefined();
  });

  test('come before names of containers, and are there before the endpoint has its own name on disk', () => {
    const { names, find, remote } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10')));
    remote(record('e2', app, '10.42.1.9', 'store'));
    remote(record('e3', app, '10.42.1.10', 'api'));
    expect(find('store')).toEqual(['10.42.1.9']);
    names.container(on('c1', 'web', 'e1', linked));
    expect(find('store')).toEqual(['10.42.1.10']);
    names.containerGone('c1');
    expect(find('store')).toEqual(['10.42.1.9']);
  });

  test('on a network of the engine’s own are answered, too', () => {
    const { names, find } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'xweb')));
    names.container(on('c2', 'xapi', 'x2'));
    names.container(on('e1aabbccddeeff0011', 'xweb', 'x1', [{ container: 'xapi', alias: 'store' }]));
    expect(find('store')).toEqual(['172.18.0.9']);
  });
});

describe('a container that has just begun', () => {
  const client = { address: '10.42.0.10', server: '10.42.0.2' };
  const networks = [{ name: 'app', endpointId: 'e1', address: '10.42.0.10', mac: '' }];
  const web = { id: 'e1aabbccddeeff0011', name: 'web', networks } as unknown as ContainerInfo;

  test('is waited for until the engine has told of it, or it is gone', async () => {
    const { names } = scene();
    const e1 = local(record('e1', app, '10.42.0.10', 'web'));
    names.local(undefined, e1);
    const asked = [names.untilKnown(client), names.untilKnown(client)];
    expect(asked).not.toContain(undefined);
    names.container(web);
    await Promise.all(asked);
    expect(names.untilKnown(client)).toBeUndefined();
    names.containerGone(web.id);
    const gone = names.untilKnown(client);
    expect(gone).toBeDefined();
    names.local(e1, undefined);
    await gone;
    expect(names.untilKnown(client)).toBeUndefined();
  });

  test('is not waited for long, and not at all once the engine should have told', async () => {
    const { names, state } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
    state.waited = Promise.resolve();
    await names.untilKnown(client);
    state.now = 31_000;
    expect(names.untilKnown(client)).toBeUndefined();
  });
});

describe('what the engine calls a network', () => {
  const known = (id: string, name: string, endpointId = id) =>
    ({ id, name: id, networks: [{ name, endpointId, address: '', mac: '' }] }) as unknown as ContainerInfo;

  test('is its name until the last container of this host has left that', () => {
    const { names, find, remote } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
    remote(record('e9', app, '10.42.1.10', 'api'));
    const e4 = local(record('e4', app, '10.42.0.14', 'job'));
    names.local(undefined, e4);
    names.container(known('e1', 'app'));
    for (const id of ['e2', 'e3', 'e4']) names.container(known(id, 'ci-123_default'));
    const version = names.version;
    names.containerGone('e2');
    names.containers(['e1', 'e4'], names.known());
    expect(find('api.ci-123_default')).toEqual(['10.42.1.10']);
    names.local(e4, undefined);
    expect(find('api.ci-123_default')).toBeUndefined();
    expect(find('api.app')).toEqual(['10.42.1.10']);
    expect(names.version).toBeGreaterThan(version);
  });

  test('is looked up, however much there is of it', () => {
    const { names, find } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web.front')));
    const spent = (work: () => void) => {
      const start = performance.now();
      for (let i = 0; i < 500; i += 1) work();
      return performance.now() - start;
    };
    const few = spent(() => find('a.b.unknown'));
    for (let i = 0; i < 20_000; i += 1) names.container(known(`e${i}`, `ci-${i}_a.b`));
    expect(spent(() => find('a.b.unknown'))).toBeLessThan(20 * few + 20);
    expect(find('web.front.ci-19999_a.b')).toEqual(['10.42.0.10']);
  });
});

describe('networks of the engine’s own', () => {
  const on = (network: string, id: string, name: string, address: string, aliases: string[] = []) =>
    ({
      id,
      name,
      networks: [{ name: network, endpointId: `x${id}`, address, mac: '', aliases }],
    }) as unknown as ContainerInfo;

  test('are there for who is on them, and come last', () => {
    const { names, find, reverse } = scene();
    names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
    names.container(on('own', 'e1aabbccddeeff0011', 'web', '172.18.0.2'));
    names.container(on('own', 'c9', 'cache', '172.18.0.3', ['redis']));
    names.container(on('bridge', 'c8', 'plain', '172.17.0.3'));
    names.container(on('another', 'c7', 'far', '172.19.0.3'));
    for (const name of ['cache', 'redis', 'cache.own']) expect(find(name), name).toEqual(['172.18.0.3']);
    for (const name of ['plain', 'far', 'cache.own.trama']) expect(find(name), name).toBeUndefined();
    expect(reverse('172.18.0.3')).toEqual(['cache.own', 'cache']);
    expect(find('web')).toEqual(['10.42.0.10']);
    expect(find('cache', '10.42.0.11')).toBeUndefined();
    const version = names.version;
    names.containerGone('c9');
    expect(find('cache')).toBeUndefined();
    expect(names.version).toBeGreaterThan(version);
    const known = names.known();
    names.container(on('own', 'c6', 'late', '172.18.0.4'));
    expect(names.containers(['e1aabbccddeeff0011', 'new'], known)).toEqual(['new']);
    expect(names.onForeign('c6')).toBe(true);
    expect(names.onForeign('c7')).toBe(false);
  });
});

describe('without a server', () => {
  test('names of before the restart are found until a server tells, those of this node as they are now', () => {
    const { names, find, remote, state, reverse } = scene(false);
    const value = (each: EndpointRecord): TopicValue => ({ kind: 'endpoint', endpoint: each });
    names.remember('n1', [
      value({ ...record('e2', app, '10.42.1.10', 'api', { aliases: ['web'] }), node: 'h2' }),
      value(record('e1', app, '10.42.0.10', 'old')),
    ]);
    names.local(undefined, local(record('e3', app, '10.42.0.11', 'web')));
    expect(find('api')).toEqual(['10.42.1.10']);
    expect(find('web')).toEqual(['10.42.0.11', '10.42.1.10']);
    expect(find('old')).toBeUndefined();
    expect(reverse('10.42.1.10')).toEqual(['api.app.trama', 'api.app', 'api']);
    state.heard = true;
    remote(record('e4', app, '10.42.1.11', 'new'));
    expect(find('api')).toBeUndefined();
    expect(find('new')).toEqual(['10.42.1.11']);
  });
});

test('one name’s change costs the same among ten thousand', () => {
  const { names, remote, find } = scene();
  for (let i = 0; i < 10_000; i += 1)
    remote(record(`e${i}x`, app, `10.42.${i >> 8}.${i & 255}`, `c${i}`, { aliases: ['all'] }));
  const spent = (work: () => void) => {
    const start = performance.now();
    for (let i = 0; i < 200; i += 1) work();
    return performance.now() - start;
  };
  const change = () => remote(record('one', app, '10.42.200.200', 'one', { aliases: ['all'] }))();
  const { remote: few } = scene();
  const changeAmongFew = () => few(record('one', app, '10.42.200.200', 'one', { aliases: ['all'] }))();
  spent(changeAmongFew);
  expect(spent(change)).toBeLessThan(20 * spent(changeAmongFew) + 20);
  expect(find('all')?.length).toBe(10_000);
  expect(names.version).toBeGreaterThan(10_000);
});
