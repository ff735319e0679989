/** Published ports in real kernels: two member hosts and a stranger on one underlay. Needs root. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EndpointRecord, PublishedPort } from '../../src/domain/domain.ts';
import { drivers } from '../../src/drivers/table.ts';
import { apply } from '../../src/kernel/apply.ts';
import { commandsOf, type Step, shellLine } from '../../src/kernel/kernel.ts';
import { type Running, spawn, start } from '../../src/platform/platform.ts';
import { endpoint, gatewayOf, join, know, network, type SimulatedHost, underlay } from './overlay-hosts.ts';

const app = network(10_001);
const db = network(10_002, { subnet: '10.43.0.0/16' });

const everywhere: PublishedPort[] = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8080, containerPort: 53, protocol: 'udp' },
];
const loopback: PublishedPort = { hostAddress: '127.0.0.1', hostPort: 8081, containerPort: 80, protocol: 'tcp' };
const onUnderlay: PublishedPort = { hostAddress: '10.0.0.1', hostPort: 8082, containerPort: 80, protocol: 'tcp' };

/** The server is on h1; a neighbour of its on h1 and one on h2; somebody in another network on h1. */
const server: EndpointRecord = { ...endpoint(app, 'h1', '10.42.1.1'), ports: [...everywhere, loopback, onUnderlay] };
const neighbour = endpoint(app, 'h1', '10.42.1.2');
const remote = endpoint(app, 'h2', '10.42.2.1');
const other = endpoint(db, 'h1', '10.43.1.1');

const stack = new AsyncDisposableStack();
let h1: SimulatedHost;
let h2: SimulatedHost;
let stranger: SimulatedHost;

beforeAll(async () => {
  const [first, second, third] = await underlay(3, stack);
  if (!first || !second || !third) throw new Error('three hosts');
  [h1, h2, stranger] = [first, second, third];
  await join([h1, h2], [app, db]);
  await h1.container('server', app, server, gatewayOf(app, h1));
  await h1.container('neighbour', app, neighbour, gatewayOf(app, h1));
  await h2.container('remote', app, remote, gatewayOf(app, h2));
  await h1.container('other', db, other, gatewayOf(db, h1));
  await know(h1, app, remote, h2);
  await know(h2, app, server, h1);
  await h1.bystander('docker', '172.17.0.1/16', '172.17.0.2/16');
  await h1.run(['nft', 'add table ip docker']);
  await h1.run(['nft', 'add chain ip docker nat { type nat hook postrouting priority 100; }']);
  await h1.run(['nft', 'add rule ip docker nat ip saddr 172.17.0.0/16 oifname != "docker0" masquerade']);
  await serve(h1, 'server', 'tcp', 80);
  await serve(h1, 'server', 'udp', 53);
  await serve(h1, 'server', 'tcp', 81);
}, 60_000);

afterAll(() => stack.disposeAsync());

/** Answers everybody with the address that they seem to have. */
const answering = `
import socket,sys
kind,port=sys.argv[1],int(sys.argv[2])
s=socket.socket(socket.AF_INET,socket.SOCK_STREAM if kind=="tcp" else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)
s.bind((sys.argv[3] if len(sys.argv)>3 else "0.0.0.0",port))
if kind=="tcp": s.listen()
print("ready",flush=True)
while True:
  if kind=="tcp":
    c,a=s.accept(); c.sendall(a[0].encode()); c.close()
  else:
    d,a=s.recvfrom(100); s.sendto(a[0].encode(),a)
`;

async function serve(
  host: SimulatedHost,
  container: string | undefined,
  protocol: 'tcp' | 'udp',
  port: number,
  address = '0.0.0.0',
): Promise<Running> {
  const argv = host.inside(['/usr/bin/python3', '-c', answering, protocol, `${port}`, address], container);
  const running = stack.use(start(argv, (line) => process.stderr.write(`${line}\n`)));
  for await (const line of running.lines) if (line === 'ready') return running;
  throw new Error(`nobody serves ${protocol} ${port}`);
}

const asking = `
import socket,sys
kind,address,port=sys.argv[1],sys.argv[2],int(sys.argv[3])
s=socket.socket(socket.AF_INET,socket.SOCK_STREAM if kind=="tcp" else socket.SOCK_DGRAM)
s.settimeout(1)
if len(sys.argv)>4: s.bind(("0.0.0.0",int(sys.argv[4])))
s.connect((address,port))
if kind=="udp": s.send(b"who am I")
print(s.recv(100).decode())
`;

/** @returns who the server says that we are; undefined: nobody answered. */
async function asks(
  host: SimulatedHost,
  container: string | undefined,
  address: string,
  port: number,
  protocol: 'tcp' | 'udp' = 'tcp',
  ...from: string[]
): Promise<string | undefined> {
  const argv = host.inside(['/usr/bin/python3', '-c', asking, protocol, address, `${port}`, ...from], container);
  const { code, stdout } = await spawn({ argv, timeoutMs: 10_000 });
  return code === 0 ? stdout.trim() : undefined;
}

const own = () => h1.host.address;

describe.each(['tcp', 'udp'] as const)('a published port of %s is reached', (protocol) => {
  test('from the outside and from other hosts, whose address is preserved', async () => {
    expect(await asks(stranger, undefined, own(), 8080, protocol)).toBe(stranger.host.address);
    expect(await asks(h2, undefined, own(), 8080, protocol)).toBe(h2.host.address);
  });
  test('from the host itself, by its own address and by 127.0.0.1', async () => {
    expect(await asks(h1, undefined, own(), 8080, protocol)).toBe(own());
    expect(await asks(h1, undefined, '127.0.0.1', 8080, protocol)).toBe(gatewayOf(app, h1).address);
    expect(await asks(h1, undefined, gatewayOf(app, h1).address, 8080, protocol)).toBe(gatewayOf(app, h1).address);
  });
  test('from a container on the same network, from itself, and from one on another host', async () => {
    expect(await asks(h1, 'neighbour', own(), 8080, protocol)).toBe(gatewayOf(app, h1).address);
    expect(await asks(h1, 'server', own(), 8080, protocol)).toBe(gatewayOf(app, h1).address);
    expect(await asks(h2, 'remote', own(), 8080, protocol)).toBe(h2.host.address);
    expect(await asks(h2, 'remote', gatewayOf(app, h1).address, 8080, protocol)).toBe(gatewayOf(app, h1).address);
  });
  test('from a container of another network, and from one on Docker’s bridge', async () => {
    expect(await asks(h1, 'other', own(), 8080, protocol)).toBe(gatewayOf(app, h1).address);
    expect(await asks(h1, 'docker', own(), 8080, protocol)).toBe(gatewayOf(app, h1).address);
  });
});

describe('what is not published', () => {
  test('is reached by nobody', async () => {
    await stranger.run(['ip', 'route', 'add', app.subnet, 'via', own()]);
    for (const host of [stranger, h1]) expect(await asks(host, undefined, own(), 81)).toBeUndefined();
    for (const port of [80, 81]) {
      expect(await asks(stranger, undefined, server.address, port)).toBeUndefined();
      expect(await asks(h1, 'other', server.address, port)).toBeUndefined();
      expect(await asks(h1, 'docker', server.address, port)).toBeUndefined();
    }
  });

  test('and a port of one address is there at no other', async () => {
    expect(await asks(h1, undefined, own(), 8082)).toBe(own());
    expect(await asks(stranger, undefined, own(), 8082)).toBe(stranger.host.address);
    expect(await asks(h1, undefined, '127.0.0.1', 8082)).toBeUndefined();
    expect(await asks(h1, undefined, '127.0.0.1', 8081)).toBe(gatewayOf(app, h1).address);
    expect(await asks(h1, undefined, own(), 8081)).toBeUndefined();
  });
});

describe('the host’s loopback', () => {
  /** A way to 127.0.0.1 over the wire. */
  async function byWire(from: SimulatedHost, container: string | undefined, via: string, device: string) {
    await from.run(['sysctl', '-qw', `net.ipv4.conf.${device}.route_localnet=1`], container);
    await from.run(['ip', 'rule', 'add', 'pref', '0', 'to', '127.0.0.9', 'lookup', '77'], container);
    await from.run(['ip', 'rule', 'add', 'pref', '1', 'lookup', 'local'], container);
    await from.run(['ip', 'rule', 'del', 'pref', '0', 'lookup', 'local'], container);
    await from.run(['ip', 'route', 'add', '127.0.0.9/32', 'via', via, 'dev', device, 'table', '77'], container);
  }

  test('is reached neither by a port published there, nor by anything else, from a network or the outside', async () => {
    const inLoopback = { ...loopback, hostAddress: '127.0.0.9', hostPort: 8083 };
    await h1.apply(
      drivers.overlay
        .localEndpoint(h1.host, app, { ...server, ports: [inLoopback] }, gatewayOf(app, h1).address)
        .slice(2),
    );
    await serve(h1, undefined, 'tcp', 8084, '127.0.0.9');
    expect(await asks(h1, undefined, '127.0.0.9', 8083)).toBe(gatewayOf(app, h1).address);
    await byWire(h1, 'neighbour', gatewayOf(app, h1).address, 'eth0');
    await byWire(stranger, undefined, own(), 'eth0');
    for (const port of [8083, 8084]) {
      expect(await asks(h1, 'neighbour', '127.0.0.9', port)).toBeUndefined();
      expect(await asks(stranger, undefined, '127.0.0.9', port)).toBeUndefined();
    }
    // It is these rules that keep them out: without them the way is open.
    const translated = 'dnat ip to ip daddr . meta l4proto . th dport map @published-at';
    await h1.run(['nft', `flush chain inet trama publish; add rule inet trama publish meta l4proto tcp ${translated}`]);
    expect(await asks(stranger, undefined, '127.0.0.9', 8083)).toBeDefined();
    await h1.run(['nft', 'flush chain inet trama arrival']);
    expect(await asks(h1, 'neighbour', '127.0.0.9', 8084)).toBeUndefined();
    await h1.run(['nft', 'flush chain bridge trama ingress'], 'trama');
    expect(await asks(h1, 'neighbour', '127.0.0.9', 8084)).toBeDefined();
    await h1.restoreRules();
  });
});

test('datagrams follow a port that moves to another container, also of somebody who never stops sending', async () => {
  await serve(h1, 'neighbour', 'udp', 53);
  const port: PublishedPort = { hostPort: 5300, containerPort: 53, protocol: 'udp' };
  const publish = async (record: EndpointRecord) =>
    h1.apply(
      drivers.overlay.localEndpoint(h1.host, app, { ...record, ports: [port] }, gatewayOf(app, h1).address).slice(2),
    );
  const peer = async () => {
    const text = await h1.run(['conntrack', '-L', '-p', 'udp', '--orig-port-dst', '5300']);
    return /src=(10\.42\.\S+) /.exec(text)?.[1];
  };
  // Before anything is published, the host itself is spoken to.
  expect(await asks(stranger, undefined, own(), 5300, 'udp', '40000')).toBeUndefined();
  await publish(server);
  expect(await asks(stranger, undefined, own(), 5300, 'udp', '40000')).toBe(stranger.host.address);
  expect(await peer()).toBe(server.address);
  await h1.run(['nft', 'delete element inet trama published { udp . 5300 }']);
  await publish(neighbour);
  expect(await asks(stranger, undefined, own(), 5300, 'udp', '40000')).toBe(stranger.host.address);
  expect(await peer()).toBe(neighbour.address);
});

describe('datagrams to the same port of somebody else are still known', () => {
  const port: PublishedPort = { hostPort: 5301, containerPort: 53, protocol: 'udp' };
  const element = () => {
    const published = { ...server, ports: [port] };
    const objects = drivers.overlay.localEndpoint(h1.host, app, published, gatewayOf(app, h1).address);
    const found = objects.find((object) => object.kind === 'nft-map-element' && object.key.includes('5301'));
    if (!found) throw new Error('no element');
    return found;
  };
  const done = async (step: Step) => {
    expect(await apply([step], h1.spawn, String(h1.pid))).toMatchObject([{ outcome: 'done' }]);
  };
  const printed = async (step: Step) => {
    for (const argv of commandsOf(step)) await h1.run(['sh', '-c', shellLine(argv)]);
  };

  test.each([
    ['as it is done', done],
    ['as it is printed', printed],
  ] as const)('when a port is published and when it ends, %s', async (_, act) => {
    const known = async () => {
      const text = await h1.run(['conntrack', '-L', '-p', 'udp', '--orig-port-dst', '5301']);
      const flow = /src=(\S+) dst=(\S+) sport=\d+ dport=5301 .*?src=(\S+)/g;
      return [...text.matchAll(flow)].map(([, from, to, answers]) => `${from} ${to} ${answers}`).sort();
    };
    const question = `${neighbour.address} ${stranger.host.address} ${stranger.host.address}`;
    const visit = (answers: string) => `${stranger.host.address} ${own()} ${answers}`;
    // Nobody answers: the question of a container to the outside waits, as that to the host does.
    await asks(h1, 'neighbour', stranger.host.address, 5301, 'udp', '40001');
    await asks(stranger, undefined, own(), 5301, 'udp', '40001');
    expect(await known()).toEqual([visit(own()), question].sort());
    await act({ op: 'create', after: element() });
    expect(await known()).toEqual([question]);
    await asks(stranger, undefined, own(), 5301, 'udp', '40001');
    expect(await known()).toEqual([visit(server.address), question].sort());
    await act({ op: 'delete', before: element() });
    expect(await known()).toEqual([question]);
    await h1.run(['conntrack', '-D', '-p', 'udp', '--orig-port-dst', '5301']);
  });
});
