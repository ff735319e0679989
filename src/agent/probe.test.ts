import { expect, test } from 'vitest';
import type { NetworkRecord } from '../domain/domain.ts';
import type { Spawn } from '../platform/platform.ts';
import { probe, reach } from './probe.ts';

const network = { id: 'n1', name: 'app', subnet: '10.42.0.0/16' } as NetworkRecord;
const asked = { network: 'n1', address: '10.42.0.3', id: 7 };

function host(conntrack: string | undefined, received: number) {
  const commands: string[] = [];
  const spawn: Spawn = async ({ argv }) => {
    commands.push(argv.join(' '));
    if (argv[0] === 'ping') return { code: 0, stderr: '', stdout: `3 packets transmitted, ${received} received` };
    if (conntrack === undefined) throw new Error('conntrack is not installed');
    return { code: 0, stderr: '', stdout: conntrack };
  };
  const gatewayOf = (id: string) => (id === 'n1' ? { address: '10.42.0.2' } : undefined);
  const view = { network: (id: string) => (id === 'n1' ? network : undefined) };
  return { commands, options: { spawn, view, wiring: { gatewayOf } } };
}

test('says whether the other was heard, before it asks itself, and whether that was answered', async () => {
  const entry = 'icmp 1 29 src=10.42.0.3 dst=10.42.0.2 type=8 code=0 id=7 src=10.42.0.2';
  const { commands, options } = host(entry, 3);
  expect(await probe(options, asked)).toEqual({ heard: true, answered: true });
  expect(commands.map((each) => each.split(' ')[0])).toEqual(['conntrack', 'ping']);
  expect(commands[1]).toContain('-e 7 -I 10.42.0.2 10.42.0.3');
  expect(await probe(host('', 0).options, asked)).toEqual({ heard: false, answered: false });
  expect(await probe(host(undefined, 0).options, asked)).toEqual({ heard: null, answered: false });
});

test('asks nobody who is not in a network of its own', async () => {
  const { commands, options } = host('', 3);
  await expect(probe(options, { ...asked, network: 'n2' })).rejects.toMatchObject({ code: 'not-found' });
  await expect(probe(options, { ...asked, address: '192.0.2.1' })).rejects.toMatchObject({ code: 'invalid' });
  expect(commands).toEqual([]);
});

test('a host that lives is reached, whatever runs on it; what is no address is refused', async () => {
  expect(await reach({ address: '127.0.0.1' })).toEqual({ answered: true });
  await expect(reach({ address: 'h2' })).rejects.toMatchObject({ code: 'invalid' });
});
