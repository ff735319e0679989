/** TLS and users of a real etcd. Certificates are made by openssl, for this test alone. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { output, spawn, systemClock } from '../../src/platform/platform.ts';
import { type EtcdStoreOptions, openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { prefixRange } from '../../src/store/store.ts';
import { expectFailure, put, take } from '../conformance/store/fixture.ts';
import { EtcdCluster } from '../etcd/etcd-cluster.ts';
import { until } from '../server/cluster.ts';

let directory: string;
let etcd: EtcdCluster;
const file = (name: string) => join(directory, name);
const user = { name: 'trama', password: 'a word' };

async function authority(name: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)];
  await openssl('req', '-x509', ...key, '-out', file(`${name}.crt`), '-days', '2', '-subj', `/CN=${name}`);
}

async function certificate(name: string, issuer: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)];
  await openssl('req', ...key, '-out', file(`${name}.csr`), '-subj', '/', '-addext', 'subjectAltName=IP:127.0.0.1');
  const by = [
    '-CA',
    file(`${issuer}.crt`),
    '-CAkey',
    file(`${issuer}.key`),
    '-CAcreateserial',
    '-copy_extensions',
    'copy',
  ];
  await openssl('x509', '-req', '-in', file(`${name}.csr`), ...by, '-out', file(`${name}.crt`), '-days', '2');
}

const openssl = (...args: string[]) => output(spawn, { argv: ['openssl', ...args] });

async function tls(name: string, ca = 'ca') {
  const [authority, certificate, key] = await Promise.all(
    [`${ca}.crt`, `${name}.crt`, `${name}.key`].map((each) => readFile(file(each))),
  );
  return { ca: authority as Buffer, certificate: certificate as Buffer, key: key as Buffer };
}

const open = (more: Partial<EtcdStoreOptions>) =>
  openEtcdStore({ hosts: etcd.hosts, prefix: 'mine/', clock: systemClock, deadlineMs: 1500, ...more });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-certificates-'));
  await authority('ca');
  await authority('other');
  await certificate('member', 'ca');
  await certificate('server', 'ca');
  await certificate('stranger', 'other');
  etcd = await EtcdCluster.start({
    tls: { ca: file('ca.crt'), certificate: file('member.crt'), key: file('member.key') },
  });
});

afterAll(async () => {
  await etcd?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test('with a certificate of the authority it opens; with another or none, or in the clear, it says that it cannot', async () => {
  await using store = await open({ tls: await tls('server') });
  await store.transact([], [put('a')]);
  expect((await store.get('a'))?.version).toBe(1);
  expect(JSON.parse(await etcd.etcdctl(['get', 'mine/a', '-w', 'json'])).count).toBe(1);
  await expectFailure(open({ tls: await tls('stranger') }), 'unavailable', /does not answer/);
  await expectFailure(open({ tls: { ca: (await tls('server')).ca } }), 'unavailable', /does not answer/);
  await expectFailure(open({ tls: await tls('server', 'other') }), 'unavailable', /certificate/);
  await expectFailure(open({}), 'unavailable', /does not answer/);
});

test('a user with a password: who it is, what it may, and a token that is forgotten by a restart', async () => {
  const role = ['role', 'grant-permission', 'trama', '--prefix=true', 'readwrite', 'mine/'];
  for (const line of [
    ['user', 'add', 'root:root'],
    ['user', 'add', `${user.name}:${user.password}`],
    ['user', 'grant-role', 'root', 'root'],
    ['role', 'add', 'trama'],
    role,
    ['user', 'grant-role', user.name, 'trama'],
    ['auth', 'enable'],
  ]) {
    await etcd.etcdctl(line);
  }
  const secure = { tls: await tls('server'), user };
  await expectFailure(open({ ...secure, user: { ...user, password: 'no' } }), 'denied', /another password/);
  await expectFailure(open({ tls: secure.tls }), 'denied', /name a user/);
  await expectFailure(
    open({ ...secure, prefix: 'theirs/' }),
    'denied',
    /name a user that may read and write all keys of the prefix/,
  );

  await using store = await open({ ...secure, deadlineMs: 10_000 });
  const { revision } = await store.transact([], [put('b')]);
  const heard = take(store, prefixRange(''), revision, 3);
  const [member] = etcd.names as [string];
  await etcd.kill(member);
  etcd.run(member);
  await until('it answers again', () => store.get('b').then(Boolean, () => false), 15_000);
  await store.transact([], [put('c')]);
  // A change of users makes every token invalid.
  await etcd.etcdctl(['--user', 'root:root', 'user', 'add', 'more:more']);
  await store.transact([], [put('d')]);
  expect((await heard).map((item) => item.kind)).toEqual(['events', 'events', 'events']);
  const theirs = await open({ ...secure, prefix: 'mine/' });
  await theirs[Symbol.asyncDispose]();
});
