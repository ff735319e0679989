import { expect, test } from 'vitest';
import { HostResolvers, readResolvConf } from './host-resolvers.ts';

test('resolv.conf: name servers in order, at most three, nothing else', () => {
  const text =
    '# nameserver 1.1.1.1\nsearch lan\n nameserver 127.0.0.53\nnameserver\t2001:db8::1 \nnameserver fe80::1%eth0\nnameserver x\n';
  expect(readResolvConf(text)).toEqual(['127.0.0.53', '2001:db8::1']);
  expect(readResolvConf('nameserver 1.0.0.1\n'.repeat(5))).toHaveLength(3);
});

test('a file that changes is read again, by itself, at most once a second', async () => {
  let [now, reads, changes, text] = [0, 0, 0, 'nameserver 192.0.2.1'];
  const resolvers = new HostResolvers({
    readFile: async () => {
      reads += 1;
      if (text === '') throw new Error('no such file');
      return text;
    },
    onChange: () => {
      changes += 1;
    },
    clock: { now: () => now, sleep: async () => {} },
  });
  await resolvers.read();
  for (let i = 0; i < 5; i += 1) expect(resolvers.servers()).toEqual(['192.0.2.1']);
  expect([reads, changes]).toEqual([1, 1]);
  text = 'nameserver 192.0.2.2';
  now = 1000;
  resolvers.servers();
  await new Promise(setImmediate);
  expect(resolvers.servers()).toEqual(['192.0.2.2']);
  expect([reads, changes]).toEqual([2, 2]);
  text = '';
  await resolvers.read();
  expect(resolvers.servers()).toEqual(['127.0.0.1']);
});
