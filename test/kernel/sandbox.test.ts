/** What is desired in a container's namespace, and the redirection of its questions for names. Needs root. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resolver } from '../../src/drivers/resolver.ts';
import {
  createReconciler,
  type Reconciler,
  type ReconcilerOptions,
  sandboxLinks,
  waysOut,
} from '../../src/kernel/kernel.ts';
import { type Running, spawn, start } from '../../src/platform/platform.ts';
import { type TestHost, testHost } from './fixture.ts';

let host: TestHost;
let path: string;
const reconcilers: Reconciler[] = [];

beforeEach(async () => {
  host = await testHost();
  path = `/run/netns/${host.sandbox}`;
});

afterEach(async () => {
  for (const each of reconcilers.splice(0)) each[Symbol.dispose]();
  await host[Symbol.asyncDispose]();
});

function reconciler(more: Partial<ReconcilerOptions> = {}): Reconciler {
  const made = createReconciler(host.options(more));
  reconcilers.push(made);
  return made;
}

const inside = async (...argv: [string, ...string[]]) =>
  (await spawn({ argv: ['nsenter', `--net=${path}`, ...argv] })).stdout;
const rules = () => inside('nft', 'list', 'ruleset');
/** Ours. */
const routes = async () => {
  const listed = await inside('ip', 'route', 'show', 'table', 'local', 'proto', '84');
  return [...listed.matchAll(/^local (\S+) dev lo scope host( src \S+)?/gm)].map(([, to, from = '']) => `${to}${from}`);
};
const first = () => resolver(path, '10.42.0.5', '10.42.0.2');

describe('what is desired in a sandbox', () => {
  test('is written in two processes, and not again', async () => {
    const r = reconciler();
    await r.settle();
    host.commands.length = 0;
    r.fresh(path);
    r.desire('resolver', first());
    expect((await r.settle()).failed).toEqual([]);
    expect(host.commands.map(({ argv }) => argv.find((word) => word === 'nft' || word === 'ip'))).toEqual([
      'nft',
      'ip',
    ]);
    expect(await rules()).toContain('dnat to 10.42.0.2');
    expect(await routes()).toEqual(['10.42.0.5', '127.0.0.11 src 10.42.0.5']);
    host.writes.length = 0;
    await r.resync();
    expect(host.writes).toEqual([]);
  });

  test('is read at its first appearance after a start: what is right is left, what is not is put right', async () => {
    const before = reconciler();
    before.desire('resolver', first());
    await before.settle();
    const after = reconciler();
    after.desire('resolver', first());
    host.writes.length = 0;
    await after.settle();
    expect(host.writes).toEqual([]);
    const other = reconciler();
    other.desire('resolver', resolver(path, '10.43.0.5', '10.43.0.2'));
    expect((await other.settle()).failed).toEqual([]);
    expect(await rules()).toContain('dnat to 10.43.0.2');
    expect(await rules()).not.toContain('10.42.0.2');
    expect(await routes()).toEqual(['10.43.0.5', '127.0.0.11 src 10.43.0.5']);
  });

  test('moves to another address in place, and goes when nobody wants it', async () => {
    const r = reconciler();
    r.desire('resolver', first());
    await r.settle();
    r.desire('resolver', resolver(path, '10.43.0.5', '10.43.0.2'));
    await r.settle();
    expect(await rules()).toContain('ip saddr 10.43.0.5 ip daddr 127.0.0.11 udp dport 53 dnat to 10.43.0.2');
    expect(await routes()).toEqual(['10.43.0.5', '127.0.0.11 src 10.43.0.5']);
    r.release('resolver');
    expect((await r.settle()).failed).toEqual([]);
    expect(await rules()).toBe('');
    expect(await routes()).toEqual([]);
  });

  test('takes the place of what a former version wrote', async () => {
    const former = [
      'route hook output priority -300',
      'filter hook output priority -190',
      'filter hook input priority 50',
    ];
    for (const [index, hook] of former.entries()) {
      const chain = `ip trama ${['ask', 'remember', 'answer'][index]}`;
      await inside(
        'nft',
        `add table ip trama; add chain ${chain} { type ${hook}; }; add rule ${chain} ct mark 7 accept`,
      );
    }
    const r = reconciler();
    r.desire('resolver', first());
    expect((await r.settle()).failed).toEqual([]);
    expect((await r.resync()).failed).toEqual([]);
    expect((await rules()).match(/chain \w+|type .*;/g)).toEqual([
      'chain questions',
      'type nat hook output priority -101; policy accept;',
    ]);
  });

  test('a sandbox that is gone is no trouble, whether something was to be made or removed in it', async () => {
    const r = reconciler();
    const absent = resolver('/run/netns/tk-never-there', '10.42.0.5', '10.42.0.2');
    r.desire('absent', absent);
    expect((await r.settle()).failed).toEqual([]);
    r.desire('resolver', first());
    await r.settle();
    await spawn({ argv: ['ip', 'netns', 'del', host.sandbox] });
    host.commands.length = 0;
    for (const owner of ['absent', 'resolver']) r.release(owner);
    expect((await r.settle()).failed).toEqual([]);
    expect(host.commands).toEqual([]);
    expect(r.tracker.pending().size).toBe(0);
  });

  test('a clean uninstall removes it and shows it beforehand', async () => {
    const r = reconciler();
    r.desire('resolver', first());
    await r.settle();
    expect(
      (await r.clearPlan()).some((step) => step.op === 'delete' && 'ns' in step.before && step.before.ns === path),
    ).toBe(true);
    await r.clear();
    expect(await rules()).toBe('');
    expect(await routes()).toEqual([]);
  });
});

test('what stands in a sandbox is told: interfaces with their MACs, and the ways out', async () => {
  await inside('ip', 'link', 'add', 'eth3', 'address', '02:42:0A:2A:00:05', 'type', 'bridge');
  const links = await sandboxLinks(host.spawn, path);
  expect([...links.keys()].sort()).toEqual(['eth3', 'lo']);
  expect(links.get('eth3')).toBe('02:42:0a:2a:00:05');
  expect(await waysOut(host.spawn, path)).toEqual([]);
  for (const args of ['addr add 10.42.0.5/16 dev eth3', 'link set eth3 up', 'route add default via 10.42.0.2'])
    await inside('ip', ...args.split(' '));
  expect(await waysOut(host.spawn, path)).toEqual(['eth3']);
  await expect(sandboxLinks(host.spawn, '/run/netns/tk-never-there')).rejects.toThrow('tk-never-there');
});

/** Answers every question with 10.1.2.3, at the gateway, UDP and TCP; says who asked. */
const server = `
import socket, struct, threading
def answer(q):
    i = 12
    while q[i]: i += q[i] + 1
    return q[:2] + b'\\x84\\x00\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x00' + q[12:i+5] + b'\\xc0\\x0c\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x05\\x00\\x04\\x0a\\x01\\x02\\x03'
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(('10.42.0.2', 53))
tcp = socket.socket(); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); tcp.bind(('10.42.0.2', 53)); tcp.listen(5)
def serve():
    while True:
        c, who = tcp.accept(); q = c.recv(4096); print(who[0], flush=True); r = answer(q[2:]); c.sendall(struct.pack('>H', len(r)) + r); c.close()
threading.Thread(target=serve, daemon=True).start()
print('ready', flush=True)
while True:
    q, who = udp.recvfrom(4096); print(who[0], flush=True); udp.sendto(answer(q), who)
`;

describe('a container that asks 127.0.0.11', () => {
  let serving: Running;
  let asked: string[];

  beforeEach(async () => {
    await host.run(`ip link add gw type veth peer name eth0 netns ${host.sandbox}`);
    await host.run('ip addr add 10.42.0.2/16 dev gw');
    await host.run('ip link set gw up');
    for (const args of ['addr add 10.42.0.5/16 dev eth0', 'link set eth0 up', 'link set lo up'])
      await inside('ip', ...args.split(' '));
    // As Docker does it, with nobody behind: what is not ours stays unanswered.
    await inside(
      'nft',
      'add table ip nat; add chain ip nat OUTPUT { type nat hook output priority -100; }; add rule ip nat OUTPUT ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:9',
    );
    serving = start(['nsenter', `--net=/run/netns/${host.name}`, 'python3', '-c', server]);
    asked = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    void (async () => {
      for await (const line of serving.lines) {
        asked.push(line);
        resolve();
      }
    })();
    await promise;
    asked.length = 0;
  });

  afterEach(() => serving[Symbol.asyncDispose]());

  const localRoutes = async () => (await inside('ip', 'route', 'show', 'table', 'local')).trim().split('\n').sort();
  const dig = (...args: string[]) => inside('dig', '+short', '+time=1', '+tries=1', ...args, 'web', 'A');

  test('asks the gateway, from its own address, over UDP and TCP, also after others asked the gateway itself', async () => {
    expect(await dig('@127.0.0.11')).not.toContain('10.1.2.3');
    const r = reconciler();
    r.desire('resolver', first());
    await r.settle();
    const local = await localRoutes();
    expect(await dig('@127.0.0.11')).toBe('10.1.2.3\n');
    expect(await dig('@127.0.0.11', '+tcp')).toBe('10.1.2.3\n');
    expect(await dig('@10.42.0.2')).toBe('10.1.2.3\n');
    expect(await dig('@10.42.0.2', '+tcp')).toBe('10.1.2.3\n');
    expect(asked).toEqual(['10.42.0.5', '10.42.0.5', '10.42.0.5', '10.42.0.5']);
    expect(await inside('sysctl', '-n', 'net.ipv4.conf.all.route_localnet', 'net.ipv4.conf.eth0.route_localnet')).toBe(
      '0\n0\n',
    );
    // A process that insists on another address than the one it would get is the engine's.
    expect(await dig('@127.0.0.11', '-b', '127.0.0.1')).not.toContain('10.1.2.3');
    expect(await localRoutes()).toEqual(local);
    r.release('resolver');
    await r.settle();
    expect(await dig('@127.0.0.11')).not.toContain('10.1.2.3');
    expect(local.length - (await localRoutes()).length).toBe(2);
  });

  test('asks the gateway from the first moment, though its interface came later, and goes on with another network', async () => {
    await inside('ip', 'addr', 'flush', 'dev', 'eth0');
    await inside('ip', 'link', 'set', 'lo', 'down');
    const r = reconciler();
    r.desire('resolver', first());
    expect((await r.settle()).failed).toEqual([]);
    await inside('ip', 'addr', 'add', '10.42.0.5/16', 'dev', 'eth0');
    expect(await dig('@127.0.0.11')).toBe('10.1.2.3\n');
    await inside('ip', 'addr', 'del', '10.42.0.5/16', 'dev', 'eth0');
    await inside('ip', 'addr', 'add', '10.42.0.6/16', 'dev', 'eth0');
    r.desire('resolver', resolver(path, '10.42.0.6', '10.42.0.2'));
    expect((await r.settle()).failed).toEqual([]);
    expect(await dig('@127.0.0.11')).toBe('10.1.2.3\n');
    expect(asked).toEqual(['10.42.0.5', '10.42.0.6']);
    expect((await localRoutes()).join()).not.toContain('10.42.0.5');
  });
});
