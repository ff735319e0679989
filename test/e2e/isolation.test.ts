/** Two networks never talk, on one host or across hosts: by address, by broadcast, by name, or through a host. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  labImage,
  type Started,
  startCluster,
} from '../../src/lab/lab.ts';
import { type Container, inNamespaceOf } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

interface Place {
  readonly name: string;
  readonly host: string;
  readonly network: string;
}
/** Each network on both hosts, those that stay on a host as well. */
const places: readonly Place[] = ['a', 'b', 'near', 'nearby', 'shut'].flatMap((network) =>
  ['h1', 'h2'].map((host) => ({ name: `${network}-${host}`, host, network })),
);
const mayTalk = (from: Place, to: Place) =>
  from.network === to.network && (from.host === to.host || !from.network.startsWith('near'));

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  for (const network of ['a', 'b']) await cluster.trama('network', 'create', network);
  for (const network of ['near', 'nearby']) await cluster.trama('network', 'create', network, '--driver', 'bridge');
  await cluster.trama('network', 'create', 'shut', '--internal');
  await Promise.all(
    places.map(async ({ name, host, network }) => {
      const where = ['--node', host, '--network', network];
      await cluster.trama('run', '-d', '--name', name, ...where, labImage, 'httpd', '-f');
      address.set(name, (await cluster.json<Container>('inspect', name)).networks[0]?.address ?? '');
    }),
  );
  const listening = async ({ host, name }: Place) =>
    (await cluster.host(host).docker('exec', name, 'netstat', '-ltn')).includes(':80 ');
  for (const place of places) await eventually(`${place.name} listens`, () => listening(place));
});

afterAll(() => lab?.[Symbol.asyncDispose]());

interface Shown {
  readonly nodes: readonly { readonly node: string; readonly gateway: string }[];
}
const networks = ['a', 'b', 'near', 'nearby', 'shut'];
const gatewaysOf = async (network: string) => (await cluster.json<Shown>('network', 'inspect', network)).nodes;
/** Of each place's container. */
const address = new Map<string, string>();
type Inside = Awaited<ReturnType<typeof inNamespaceOf>>;

/** By ICMP and by TCP. */
async function reaches(inside: Inside, target: string): Promise<boolean[]> {
  const [ping, tcp] = await Promise.all([
    inside('ping', '-c1', '-W1', target),
    inside('busybox', 'nc', '-w', '1', target, '80'),
  ]);
  return [ping.code === 0, tcp.code === 0];
}

const inside = (place: Place) => inNamespaceOf(cluster.host(place.host), place.name);

test.concurrent.each(places)('$name reaches whom it shares a network with, and nobody else', async (from) => {
  const own = await inside(from);
  const others = places.filter((each) => each !== from);
  const whoAnswers = async () => {
    const answers = others.map(async (to) =>
      (await reaches(own, address.get(to.name) ?? '')).map((each) => [to.name, each]),
    );
    return (await Promise.all(answers)).flat();
  };
  const expected = others.flatMap((to) => [0, 1].map(() => [to.name, mayTalk(from, to)]));
  expect(await whoAnswers()).toEqual(expected);
  const names = others.map(async ({ name }) => {
    const { stdout } = await cluster.host(from.host).run(['docker', 'exec', from.name, 'nslookup', name], { env });
    return [name, stdout.includes(address.get(name) ?? '')];
  });
  expect(await Promise.all(names)).toEqual(others.map((to) => [to.name, mayTalk(from, to)]));

  // Told by hand to go by way of its own host.
  const gateway = (await gatewaysOf(from.network)).find(({ node }) => node === from.host)?.gateway ?? '';
  for (const { name, network } of others) {
    if (network === from.network) continue;
    const by = await own('ip', 'route', 'add', `${address.get(name)}/32`, 'via', gateway);
    expect(by).toMatchObject({ code: 0 });
  }
  expect(await whoAnswers()).toEqual(expected);
});

const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };

test('a host’s address on another network is no way in', async () => {
  const gateways = new Map(await Promise.all(networks.map(async (each) => [each, await gatewaysOf(each)] as const)));
  await Promise.all(
    places.map(async (from) => {
      const own = await inside(from);
      for (const network of networks.filter((each) => each !== from.network)) {
        for (const { node, gateway } of gateways.get(network) ?? []) {
          expect(await reaches(own, gateway), `${from.name} to ${node} on ${network}`).toEqual([false, false]);
        }
      }
    }),
  );
});

test('what is sent to all is heard by all of the network, and by nobody else', async () => {
  const [sender] = places as [Place, ...Place[]];
  const script =
    'import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1);' +
    's.setsockopt(socket.SOL_SOCKET,25,b"eth0\\0");[s.sendto(b"to-all\\n",("255.255.255.255",9)) for i in range(3)]';
  const hear =
    'import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(("",9));print(s.getsockname());print(s.recv(99))';
  const listeners = new Map<string, Started>();
  for (const { name, host } of places) {
    const pid = await cluster.host(host).docker('inspect', '-f', '{{.State.Pid}}', name);
    const argv = ['nsenter', `--net=/proc/${pid}/ns/net`, '/usr/bin/python3', '-uc', hear] as const;
    listeners.set(name, await cluster.host(host).start(argv));
  }
  const heard = async ({ name }: Place, what = 'to-all') =>
    (await listeners.get(name)?.output())?.includes(what) === true;
  for (const place of places) await eventually(`${place.name} listens`, () => heard(place, '0.0.0.0'));
  const own = await inside(sender);
  expect(await own('/usr/bin/python3', '-c', script)).toMatchObject({ code: 0 });
  const [, other] = places as [Place, Place, ...Place[]];
  await eventually('heard on the other host', () => heard(other), 5000);
  for (const place of places.filter((each) => each.network !== sender.network)) {
    expect(await heard(place), place.name).toBe(false);
  }
});

test('an internal network has no way out, and none in', async () => {
  const outwards = [lab.outside.address, cluster.host('h1').address, cluster.host('h2').address];
  for (const from of places.filter(({ network }) => network === 'shut')) {
    const own = await inside(from);
    for (const target of outwards)
      expect(await reaches(own, target), `${from.name} to ${target}`).toEqual([false, false]);
  }
  const stranger = await lab.host('stranger', { docker: false });
  for (const { gateway } of [...(await gatewaysOf('shut')), { gateway: address.get('shut-h1') }]) {
    await stranger.output(['ip', 'route', 'replace', `${gateway}/32`, 'via', cluster.host('h1').address]);
    expect((await stranger.run(['ping', '-c1', '-W1', `${gateway}`])).code, gateway).not.toBe(0);
  }
});
