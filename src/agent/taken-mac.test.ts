import { expect, test } from 'vitest';
import type { EndpointRecord, NetworkRecord } from '../domain/domain.ts';
import { refuseTakenMac } from './taken-mac.ts';

const app = { id: 'n1', name: 'app' } as NetworkRecord;
const mac = '02:11:22:33:44:55';
const record = (id: string, address: string, more: Partial<EndpointRecord> = {}): EndpointRecord => ({
  ...{ id, network: 'n1', node: 'h1', kind: 'container', address, mac },
  ...more,
});
const wanted = record('e9', '10.42.0.9');

test('a MAC of another endpoint is refused, and it is said whose it is', () => {
  const named = record('e1', '10.42.0.1', { container: { id: 'c1', name: 'web' }, node: 'h2' });
  const others: [EndpointRecord, string][] = [
    [named, 'container web on node h2 (10.42.0.1)'],
    [record('e1aabbccddeeff', '10.42.0.1'), 'container e1aabbccddee on node h1 (10.42.0.1)'],
    [record('gateway-h1', '10.42.0.1', { kind: 'gateway' }), 'node h1 (10.42.0.1)'],
  ];
  for (const [other, whose] of others)
    expect(() => refuseTakenMac(app, wanted, [record('e2', '10.42.0.2', { mac: 'another' }), other])).toThrow(
      `MAC ${mac} of network app is in use by ${whose}: choose another`,
    );
});

test('an endpoint asked for again, and one that has come from another node with its address, are the same', () => {
  const others = [wanted, record('e8', wanted.address, { node: 'h2' }), record('e2', '10.42.0.2', { mac: 'another' })];
  expect(() => refuseTakenMac(app, wanted, others)).not.toThrow();
});
