import { expect, test } from 'vitest';
import type { HoldPort } from '../platform/held-port.ts';
import { besideNameServer } from './beside-name-server.ts';

/** Gateways 10.42.0.2 and 10.43.0.2, of which the first is listened at. */
function scene(table = '', failing = '') {
  const bound = new Set<string>();
  const hold: HoldPort = async (protocol, address, port) => {
    if (address === failing) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
    const place = `${protocol} ${address} ${port}`;
    bound.add(place);
    return { port, [Symbol.asyncDispose]: async () => void bound.delete(place) };
  };
  const beside = besideNameServer({
    hold,
    servers: () => new Set(['10.42.0.2', '10.43.0.2']),
    readFile: async (path) =>
      `  sl  local_address rem_address   st\n   0: 02002A0A:0035 00000000:0000 ${path.endsWith('tcp') ? '0A' : '07'}\n${table}`,
    addresses: () => ['127.0.0.1', '192.0.2.1', '10.42.0.2', '10.43.0.2'],
  });
  return { beside, bound };
}

test.each(['tcp', 'udp'] as const)('53/%s of all addresses is that of each but the name server’s', async (protocol) => {
  const { beside, bound } = scene();
  const held = await beside(protocol, '0.0.0.0', 53);
  expect(held.port).toBe(53);
  expect([...bound]).toEqual([`${protocol} 127.0.0.1 53`, `${protocol} 192.0.2.1 53`]);
  await held[Symbol.asyncDispose]();
  expect(bound.size).toBe(0);
});

test('other ports and single addresses are held as they are', async () => {
  const { beside, bound } = scene();
  await beside('udp', '0.0.0.0', 54);
  await beside('udp', '192.0.2.1', 53);
  expect([...bound]).toEqual(['udp 0.0.0.0 54', 'udp 192.0.2.1 53']);
});

test('what another program has at any of them is not taken, and nothing is kept', async () => {
  const resolved = scene('   1: 3500007F:0035 00000000:0000 07\n');
  await expect(resolved.beside('udp', '0.0.0.0', 53)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  // Connected to a server somewhere, from a port of its own choice; of TCP, not listening.
  for (const [protocol, line] of [
    ['udp', '   1: 010200C0:0035 08080808:0035 01\n'],
    ['tcp', '   1: 010200C0:0035 08080808:0035 01\n'],
    ['udp', '   1: 010200C0:0036 00000000:0000 07\n'],
  ] as const)
    await (await scene(line).beside(protocol, '0.0.0.0', 53))[Symbol.asyncDispose]();
  const late = scene('', '192.0.2.1');
  await expect(late.beside('udp', '0.0.0.0', 53)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(late.bound.size).toBe(0);
});
