/**
 * Simulated hosts for tests of the overlay: each a network and a mount namespace of its own (so that each has its own
 * /run/netns and in it its own `trama`), joined by a bridge that is their underlay. All of it ends with the processes
 * that hold it.
 */
import {
  type EndpointRecord,
  endpointPeerName,
  macOf,
  type NetworkRecord,
  parseAddress,
} from '../../src/domain/domain.ts';
import type { Host, Peer, Sandbox } from '../../src/drivers/drivers.ts';
import { base, drivers } from '../../src/drivers/table.ts';
import type { KernelObject } from '../../src/kernel/objects.ts';
import { inOrder } from '../../src/kernel/order.ts';
import { commandsOf } from '../../src/kernel/print.ts';
import type { Step } from '../../src/kernel/steps.ts';
import { output, type Running, type Spawn, spawn, start } from '../../src/platform/platform.ts';

type Argv = readonly [string, ...string[]];

const python = '/usr/bin/python3';

export const network = (vni: number, more: Partial<NetworkRecord> = {}): NetworkRecord => ({
  id: `${vni}`.padStart(12, '0'),
  name: `n${vni}`,
  driver: 'overlay',
  subnet: '10.42.0.0/16',
  vni,
  mtu: 1450,
  discovery: 'registry',
  port: 4789,
  internal: false,
  options: {},
  createdAt: 0,
  ...more,
});

export const endpoint = (net: NetworkRecord, node: string, address: string, gateway = false): EndpointRecord => ({
  id: gateway ? `gateway-${node}` : Buffer.from(`${net.vni}-${address}`).toString('hex').slice(-10).padEnd(64, '0'),
  network: net.id,
  node,
  kind: gateway ? 'gateway' : 'container',
  address,
  mac: macOf(net.vni, parseAddress(address)),
});

/** A process that does nothing but hold namespaces. */
async function holder(command: string): Promise<Running> {
  const running = start(['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', command]);
  for await (const line of running.lines) if (line === 'ready') return running;
  throw new Error('namespaces could not be made');
}

const privateRun =
  'mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up && echo ready && exec sleep 600';

export class SimulatedHost implements AsyncDisposable {
  readonly host: Host;
  readonly #running: Running;
  /** Tables, sets, elements and chains as they were made. */
  readonly #rules: KernelObject[] = [];

  constructor(host: Host, running: Running) {
    this.host = host;
    this.#running = running;
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** @param container a namespace under the host's own /run/netns */
  inside(argv: Argv, container?: string): Argv {
    const deeper = container === undefined ? [] : ['nsenter', `--net=/run/netns/${container}`];
    return ['nsenter', '-t', String(this.pid), '-n', '-m', '--', ...deeper, ...argv];
  }

  run(argv: Argv, container?: string): Promise<string> {
    return output(spawn, { argv: this.inside(argv, container), timeoutMs: 10_000 });
  }

  /** For code that spawns by itself. */
  get spawn(): Spawn {
    return (command) => spawn({ ...command, argv: this.inside(command.argv) });
  }

  async apply(objects: readonly KernelObject[]): Promise<void> {
    this.#rules.push(...objects.filter((object) => object.kind.startsWith('nft-')));
    const steps = inOrder(objects.map((after): Step => ({ op: 'create', after })));
    for (const step of steps) {
      for (const [file, ...args] of commandsOf(step, String(this.pid))) {
        // To conntrack it is an error that there was nothing to forget.
        if (file === 'conntrack') await this.spawn({ argv: [file, ...args] });
        else if (file) await this.run([file, ...args]);
      }
    }
  }

  /** Rules as they were made, whatever a test has changed in them. */
  restoreRules(): Promise<void> {
    return this.apply(this.#rules.splice(0));
  }

  /** A container's sandbox with its interface in it, as libnetwork would leave it. */
  async container(name: string, net: NetworkRecord, record: EndpointRecord, gateway: EndpointRecord): Promise<void> {
    await this.run(['ip', 'netns', 'add', name]);
    await this.run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
    await this.apply(drivers[net.driver].localEndpoint(this.host, net, record, gateway.address));
    const inside: Argv = ['ip', '-n', name];
    await this.run(['ip', 'link', 'set', endpointPeerName(record.id), 'netns', name, 'name', 'eth0']);
    await this.run([...inside, 'addr', 'add', `${record.address}/16`, 'dev', 'eth0']);
    await this.run([...inside, 'link', 'set', 'eth0', 'up']);
    await this.run([...inside, 'route', 'add', 'default', 'via', gateway.address]);
  }

  /** The same, made by the driver alone, as after the loss of the pair. */
  async restoredContainer(name: string, net: NetworkRecord, record: EndpointRecord, sandbox: Sandbox): Promise<void> {
    await this.run(['ip', 'netns', 'add', name]);
    await this.run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
    await this.apply(
      drivers[net.driver].restoredEndpoint(this.host, net, record, gatewayOf(net, this).address, sandbox),
    );
  }

  /** A container that is nobody's: a veth pair to the host, which is its gateway. */
  async bystander(name: string, hostCidr: string, cidr: string): Promise<void> {
    await this.run(['ip', 'netns', 'add', name]);
    await this.run(['ip', 'link', 'add', `${name}0`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
    await this.run(['ip', 'addr', 'add', hostCidr, 'dev', `${name}0`]);
    await this.run(['ip', 'link', 'set', `${name}0`, 'up']);
    const [gateway = ''] = hostCidr.split('/');
    await this.run(['ip', '-n', name, 'addr', 'add', cidr, 'dev', 'eth0']);
    await this.run(['ip', '-n', name, 'link', 'set', 'eth0', 'up']);
    await this.run(['ip', '-n', name, 'route', 'add', 'default', 'via', gateway]);
  }

  /** Whether a ping is answered. */
  async pings(to: string, container?: string, ...more: string[]): Promise<boolean> {
    const argv = this.inside(['ping', '-c', '1', '-W', '1', '-n', ...more, to], container);
    return (await spawn({ argv, timeoutMs: 10_000 })).code === 0;
  }

  /** Sends frames from an interface as they are. */
  async send(device: string, frames: readonly string[], container?: string): Promise<void> {
    const script =
      'import socket,sys\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind((sys.argv[1],0))\nfor f in sys.argv[2:]: s.send(bytes.fromhex(f))';
    await this.run([python, '-c', script, device, ...frames], container);
  }

  /** Sends IPv4 packets as they are. */
  async sendPackets(to: string, packets: readonly string[], container?: string): Promise<void> {
    const script =
      'import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_RAW,socket.IPPROTO_RAW)\nfor p in sys.argv[2:]: s.sendto(bytes.fromhex(p),(sys.argv[1],0))';
    await this.run([python, '-c', script, to, ...packets], container);
  }

  /**
   * Listens on an interface while `act` goes on, until a frame with `last` in it comes, and a moment longer.
   * @returns which of `marks` came, in order of `marks`
   */
  async hears(device: string, container: string, marks: readonly string[], last: string, act: () => Promise<void>) {
    const script = [
      'import socket,sys,time',
      's=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,socket.ntohs(3))',
      's.bind((sys.argv[1],0)); s.settimeout(0.1)',
      'marks=sys.argv[2:]; last=marks[-1].encode(); end=time.time()+5',
      'print("ready",flush=True)',
      'while time.time()<end:',
      '  try: frame,where=s.recvfrom(65536)',
      '  except TimeoutError: continue',
      '  for mark in marks:',
      '    if mark.encode() in frame and where[2]!=4: print(mark,flush=True)',
      '  if last in frame: end=min(end,time.time()+0.2)',
    ].join('\n');
    const argv = this.inside([python, '-c', script, device, ...marks, last], container);
    await using listener = start(argv, (line) => process.stderr.write(`${line}\n`));
    const heard = new Set<string>();
    for await (const line of listener.lines) {
      if (line === 'ready') await act();
      else heard.add(line);
    }
    return [...marks, last].filter((mark) => heard.has(mark));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running.kill('SIGKILL');
    await this.#running.ended;
  }
}

/** Hosts h1…hN with 10.0.0.1…N on one underlay of MTU 1500. */
export async function underlay(count: number, stack: AsyncDisposableStack): Promise<SimulatedHost[]> {
  const fabric = stack.use(new SimulatedHost(hostOf('fabric', '10.0.0.254'), await holder(privateRun)));
  await fabric.run(['ip', 'link', 'add', 'fabric', 'type', 'bridge']);
  await fabric.run(['ip', 'link', 'set', 'fabric', 'up']);
  const hosts: SimulatedHost[] = [];
  for (let i = 1; i <= count; i++) {
    const host = stack.use(new SimulatedHost(hostOf(`h${i}`, `10.0.0.${i}`), await holder(privateRun)));
    const peer = ['peer', 'name', 'eth0', 'netns', String(host.pid)];
    await fabric.run(['ip', 'link', 'add', `h${i}`, 'master', 'fabric', 'type', 'veth', ...peer]);
    await fabric.run(['ip', 'link', 'set', `h${i}`, 'up']);
    await host.run(['ip', 'addr', 'add', `${host.host.address}/24`, 'dev', 'eth0']);
    await host.run(['ip', 'link', 'set', 'eth0', 'up']);
    // Docker's part.
    await host.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    hosts.push(host);
  }
  return hosts;
}

/** Makes `nets` exist on `hosts`; node N's gateway in each is `.0.1N`. All members know one another. */
export async function join(hosts: readonly SimulatedHost[], nets: readonly NetworkRecord[]): Promise<void> {
  for (const host of hosts) {
    await host.apply(base(host.host));
    for (const net of nets) {
      await host.apply(drivers[net.driver].network(host.host, net, gatewayOf(net, host)));
      for (const other of hosts) if (other !== host) await know(host, net, gatewayOf(net, other), other);
    }
  }
}

export async function know(host: SimulatedHost, net: NetworkRecord, record: EndpointRecord, other: SimulatedHost) {
  await host.apply(drivers[net.driver].remoteEndpoint(host.host, net, record, peerOf(net, host, other.host.address)));
}

/** Another host without blocks of addresses, as `host` knows it. */
export const peerOf = (net: NetworkRecord, host: SimulatedHost, vtep: string): Peer => {
  return { vtep, blocks: [], own: gatewayOf(net, host).address };
};

export function gatewayOf(net: NetworkRecord, host: SimulatedHost): EndpointRecord {
  const node = host.host.node;
  return endpoint(net, node, net.subnet.replace(/\.0\/\d+$/, `.1${node.slice(1)}`), true);
}

const hostOf = (node: string, address: string): Host => ({ node, address, interface: 'eth0', dockerUser: false });
