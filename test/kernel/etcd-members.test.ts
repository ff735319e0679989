/** An etcd of three members, and a server on it, as docs/server.md says: with the files of packaging/etcd and Debian's unit. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ThrowawayMachine, throwawayMachine } from '../package/throwaway-machine.ts';
import { until } from '../server/cluster.ts';

const checkout = '/checkout';
const members = { h1: '192.0.2.1', h2: '192.0.2.2', h3: '192.0.2.3' };
const addresses = Object.values(members);
const files = '/tmp/etcd';
let machine: ThrowawayMachine;

/** What systemd would do for the unit: its environment, its file of settings, its user, its command. */
async function unit(): Promise<string> {
  const text = await readFile('/lib/systemd/system/etcd.service', 'utf8');
  const all = (key: string) => [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  const [command = ''] = all('ExecStart');
  const [user = ''] = all('User');
  expect(all('EnvironmentFile')).toEqual(['-/etc/default/%p']);
  const settings = [...all('Environment'), '$(grep -v "^#" /etc/default/etcd)'].join(' ').replaceAll('%H', 'host');
  return `exec env ${settings} setpriv --reuid ${user} --regid ${user} --clear-groups ${command.replace('$DAEMON_ARGS', '')}`;
}

/** A host for each, since a member's certificate is good from its own address only; the machine is a fourth one. */
async function connectHosts(): Promise<void> {
  const words = ['ip link add hosts type bridge', 'ip addr add 192.0.2.4/24 dev hosts', 'ip link set hosts up'];
  for (const [name, address] of Object.entries(members)) {
    words.push(
      `ip netns add ${name}`,
      `ip link add ${name} type veth peer name eth0 netns ${name}`,
      `ip link set ${name} master hosts up`,
      `ip -n ${name} addr add ${address}/24 dev eth0`,
      `ip -n ${name} link set eth0 up`,
    );
  }
  await machine.output(['sh', '-ec', words.join('\n')]);
}

async function startMember(name: string): Promise<void> {
  const disk = `/tmp/disk-${name}`;

  const host = `mkdir -p ${disk}/etc ${disk}/var
    mkdir -p /etc/etcd /var/lib/etcd && mount --bind ${disk}/etc /etc/etcd && mount --bind ${disk}/var /var/lib/etcd
    install -o root -g etcd -m 640 -t /etc/etcd ${files}/${name}/*.crt ${files}/${name}/*.key
    cp ${files}/${name}/etcd /etc/default/etcd-${name} && mount --bind /etc/default/etcd-${name} /etc/default/etcd
    chown etcd /var/lib/etcd
    echo $$ >/tmp/${name}.pid`;
  await machine.start(
    `ip netns exec ${name} sh -c '${`${host}\n${await unit()}`.replaceAll("'", "'\\''")}'`,
    `/tmp/${name}.log`,
  );
}

beforeAll(async () => {
  machine = await throwawayMachine();
  const words = Object.entries(members).map(([name, address]) => `${name}=${address}`);
  await machine.output(['sh', `${checkout}/packaging/etcd/members.sh`, files, ...words]);
  await connectHosts();
  await Promise.all(Object.keys(members).map(startMember));
});

afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
});

const tls = (name: string, file: string) =>
  ['--cacert', `${files}/${name}/ca.crt`, ...pair(`${files}/${file}`)] as const;
const pair = (path: string, dash = '--') => [`${dash}cert`, `${path}.crt`, `${dash}key`, `${path}.key`] as const;
const endpoints = (hosts: readonly string[]) =>
  ['etcdctl', '--command-timeout=2s', '--endpoints', hosts.map((host) => `https://${host}:2379`).join(',')] as const;
const healthy = async (hosts: readonly string[]) =>
  (await machine.run([...endpoints(hosts), ...tls('trama', 'trama/trama'), 'endpoint', 'health'])).code === 0;

test('three members, users, and a server that outlives each of them', async () => {
  await until('all are healthy', () => healthy(addresses), 30_000);
  const usersAt = (member: string) =>
    ['sh', `${checkout}/packaging/etcd/users.sh`, files, `https://${member}:2379`] as const;
  const users = usersAt('192.0.2.1');
  // Nobody is there: it ends, and says so.
  const nobody = await machine.run(usersAt('192.0.2.99'));
  expect(nobody).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nobody answers at https://192.0.2.99:2379'),
  });
  // One that was interrupted half-way.
  const half = `printf secret | etcdctl --endpoints https://192.0.2.1:2379 --cacert ${files}/ca.crt --cert ${files}/trama/trama.crt --key ${files}/trama/trama.key user add root --interactive=false`;
  await machine.output(['env', 'ETCDCTL_API=3', 'sh', '-c', half]);
  await machine.output(users);
  const password = await machine.output(['cat', `${files}/trama/password`]);
  // A second run changes nothing.
  const second = await machine.run(users);
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('has its users already') });
  expect(await machine.output(['cat', `${files}/trama/password`])).toBe(password);

  const store = 'etcd-ca ca.crt etcd-cert trama.crt etcd-key trama.key etcd-password-file password'.split(' ');
  const settings = [`store: etcd://${addresses.join(',')}`, 'etcd-user: trama', 'listen: 127.0.0.1'];
  for (let at = 0; at < store.length; at += 2) settings.push(`${store[at]}: /etc/trama/etcd/${store[at + 1]}`);
  const place =
    'mkdir -p /etc/trama/etcd && install -m 600 -t /etc/trama/etcd "$1"/trama/* && printf %s "$2" >/etc/trama/config.yaml';
  await machine.output(['sh', '-c', place, 'sh', files, settings.map((line) => `${line}\n`).join('')]);
  await machine.start(`exec ${checkout}/bin/trama server`, '/tmp/server.log');
  const token = () => machine.run([`${checkout}/bin/trama`, 'token', 'create']);
  const answers = async () => (await token()).code === 0;
  await until('the server answers', answers, 30_000);

  for (const [name, address] of Object.entries(members)) {
    const pid = (await machine.output(['cat', `/tmp/${name}.pid`])).trim();
    await machine.output(['kill', '-KILL', pid]);
    await until(`${name} is gone`, async () => !(await healthy([address])));
    await until(`it answers without ${name}`, answers, 20_000);
    await startMember(name);
    await until(`${name} is back`, () => healthy([address]), 30_000);
  }
});

test('who has no certificate, or no password, gets nothing', async () => {
  const get = ['get', '--prefix', 'trama/', '--keys-only'] as const;
  const bare = await machine.run([...endpoints(addresses), '--cacert', `${files}/ca.crt`, ...get]);
  expect(bare.code).not.toBe(0);
  const nobody = await machine.run([...endpoints(addresses), ...tls('trama', 'trama/trama'), ...get]);
  expect(nobody.stderr).toMatch(/user name is empty|permission denied/);
  const root = (await machine.output(['cat', `${files}/root-password`])).trim();
  const keys = await machine.output([
    ...endpoints(addresses),
    ...tls('trama', 'trama/trama'),
    '--user',
    `root:${root}`,
    ...get,
  ]);
  expect(keys).toContain('trama/');
  // A client's certificate makes no member: between members it ends the handshake.
  const hello = ['openssl', 's_client', '-connect', '192.0.2.2:2380', '-CAfile', `${files}/peers.crt`] as const;
  const greet = (path: string) =>
    machine.run(['ip', 'netns', 'exec', 'h1', ...hello, ...pair(path, '-'), '-ign_eof'], {
      input: 'GET /version HTTP/1.0\r\n\r\n',
    });
  expect((await greet(`${files}/h1/peer`)).stdout).toContain('etcdserver');
  expect((await greet(`${files}/trama/trama`)).stdout).not.toContain('etcdserver');
});
