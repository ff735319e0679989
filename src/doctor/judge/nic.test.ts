import { describe, expect, test } from 'vitest';
import type { Finding } from '../finding.ts';
import { judgeNic, judgeRoutes, type NicFact } from './nic.ts';

const nic = (name: string, ...addresses: string[]) => ({ name, mtu: 1500, up: true, addresses });
const eth0 = nic('eth0', '192.168.1.5/24');
const eth1 = nic('eth1', '10.0.0.5/24');
const routes = [
  { destination: 'default', device: 'eth0' },
  { destination: '192.168.1.0/24', device: 'eth0' },
];
const fact: NicFact = { interfaces: [nic('lo', '127.0.0.1/8'), eth0], routes, peers: [] };

function told(findings: readonly Finding[]): string[] {
  for (const { status, remedy } of findings) expect(remedy === '').toBe(status === 'pass');
  return findings.map(({ status, subject, found }) => `${status} ${subject}: ${found}`);
}

const judged = (change: Partial<NicFact>) => told(judgeNic({ ...fact, ...change }));

describe('the interface', () => {
  test('is the only one; Docker’s and Trama’s own do not count', () => {
    const interfaces = [...fact.interfaces, nic('docker0', '172.17.0.1/16'), nic('trg10001', '10.42.0.2/16')];
    expect(judged({ interfaces })).toEqual(['pass eth0: 192.168.1.5, MTU 1500']);
  });

  const two = [eth0, eth1];
  test('is one of several', () => {
    const ways = 'eth0: 192.168.1.5, MTU 1500; there are also eth1 10.0.0.5/24';
    expect(judged({ interfaces: two })).toEqual([`warn ${ways}`]);
    expect(judged({ interfaces: two, peers: ['192.168.1.6'] })).toEqual([`pass ${ways}`]);
    expect(judged({ interfaces: [eth0, { ...eth1, up: false }] })).toEqual(['pass eth0: 192.168.1.5, MTU 1500']);
  });

  test('was chosen by somebody', () => {
    expect(judged({ interfaces: two, wanted: '10.0.0.5' })).toEqual(['pass eth1: 10.0.0.5, MTU 1500']);
  });

  test('is another than that of all other nodes', () => {
    expect(judged({ interfaces: two, peers: ['10.0.0.6', '10.0.0.7'] })).toEqual([
      'warn eth0: eth0 (192.168.1.5) was taken, but the other nodes’ addresses are in the subnet of eth1',
    ]);
  });

  test('has not the address by which the node is known', () => {
    expect(judged({ known: { address: '192.168.1.4', interface: 'eth0' } })).toEqual([
      'fail eth0: 192.168.1.4, by which the other nodes know this one, is none of this host’s addresses',
    ]);
    expect(judged({ known: { address: '192.168.1.5', interface: 'eth0' } })).toEqual([
      'pass eth0: 192.168.1.5, MTU 1500',
    ]);
  });

  test('cannot be told', () => {
    expect(judged({ routes: [] })).toEqual(['pass eth0: 192.168.1.5, MTU 1500']);
    expect(judged({ routes: [], interfaces: two })).toEqual([
      'fail this host: no default route tells which address is this host’s place among the nodes',
    ]);
  });
});

describe('routes', () => {
  const app = { name: 'app', subnet: '10.42.0.0/16' };
  const route = (destination: string, device = 'eth0', protocol = 'static') =>
    told(judgeRoutes([{ destination, device, protocol }], { value: [app] }));

  test.each(['10.42.7.0/24', '10.0.0.0/8', '10.42.0.9'])('%s leads past the network', (destination) => {
    expect(route(destination)).toEqual([
      `fail app: 10.42.0.0/16 overlaps this host’s route ${destination} by eth0: only one of them is reached`,
    ]);
  });

  test.each([
    ['10.43.0.0/16', 'eth0'],
    ['default', 'eth0'],
    ['0.0.0.0/1', 'tun0'],
    ['10.42.0.0/16', 'trg10001'],
  ])('%s by %s does not', (destination, device) => {
    expect(route(destination, device)).toEqual(['pass networks: no route of this host overlaps any of 1']);
  });

  test('Trama’s own to another node does not', () => {
    expect(route('10.42.7.0/24', 'eth0', '84')).toEqual(['pass networks: no route of this host overlaps any of 1']);
  });

  test('networks are not known', () => {
    expect(told(judgeRoutes([], { notAsked: 'no agent' }))).toEqual(['warn networks: not asked: no agent']);
  });
});
