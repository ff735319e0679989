import { expect, test } from 'vitest';
import { gatewayOfUnnamed, newUnnamedPool, unnamedWithGateway } from './unnamed-pools.ts';

test('a pool is found again by its gateway', () => {
  for (let i = 0; i < 100; i += 1) {
    const pool = newUnnamedPool();
    const gateway = gatewayOfUnnamed(pool);
    expect(gateway).toMatch(/^0\.\d+\.\d+\.\d+$/);
    expect(unnamedWithGateway(gateway)).toBe(pool);
  }
  expect(gatewayOfUnnamed('unnamed-16711935')).toBe('0.255.0.255');
});

test('pools and gateways of networks are no such', () => {
  expect(gatewayOfUnnamed('net-4711')).toBeUndefined();
  expect(unnamedWithGateway('10.42.0.1')).toBeUndefined();
  expect(unnamedWithGateway(undefined)).toBeUndefined();
});
