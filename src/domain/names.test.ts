import { describe, expect, test } from 'vitest';
import {
  bridgeName,
  endpointPeerName,
  endpointPortIndex,
  endpointPortName,
  gatewayIndex,
  gatewayName,
  vxlanName,
} from './interfaces.ts';
import {
  checkAlias,
  checkContainerName,
  checkNetworkName,
  checkNewNetworkName,
  checkNodeName,
  inventContainerName,
} from './names.ts';

const everywhereBad = ['', '-a', '.a', 'a;b', 'a b', 'a/b', '..', 'a..b', 'é', 'a\n', 'x'.repeat(300)];

describe('names that people give', () => {
  test.each([...everywhereBad, 'A', 'a-', 'a.b', 'a_b'])('nodes and networks are not called %j', (name) => {
    expect(() => checkNodeName(name)).toThrow(/cannot be a node's name: use 1 to 63/);
    expect(() => checkNetworkName(name)).toThrow(/cannot be a network's name: use 1 to 63/);
  });
  test.each([...everywhereBad, 'a', 'a.', '_a'])('containers are not called %j', (name) => {
    expect(() => checkContainerName(name)).toThrow(/cannot be a container's name: use 2 to 63/);
  });
  test('good ones pass unchanged', () => {
    for (const name of ['a', 'h1', '1', 'my-net', 'x'.repeat(63)]) {
      expect(checkNodeName(name)).toBe(name);
      expect(checkNetworkName(name)).toBe(name);
    }
    for (const name of ['web', 'Web_1.a-b', 'x'.repeat(63)]) expect(checkContainerName(name)).toBe(name);
    expect(checkAlias('a')).toBe('a');
  });
  test('the built-in network is there without being made', () => {
    expect(checkNetworkName('bridge')).toBe('bridge');
    for (const name of ['bridge', 'trama-bridge']) expect(() => checkNewNetworkName(name)).toThrow('reserved');
    for (const name of ['host', 'none']) expect(() => checkNewNetworkName(name)).toThrow('Docker means');
    expect(checkNewNetworkName('app')).toBe('app');
  });
  test('a network is not called what Docker takes for its own', () => {
    expect(() => checkNetworkName('host')).toThrow('Docker means a network of its own');
  });
  test('invented names are valid at both ends of the range', () => {
    for (const random of [0, 0.5, 0.999999999]) checkContainerName(inventContainerName(random));
    expect(inventContainerName(0)).toBe('amber_baran');
    expect(inventContainerName(0.5)).not.toBe(inventContainerName(0.6));
  });
});

describe('names of interfaces', () => {
  const id = 'c0ffee00deadbeef'.repeat(4);
  test('fit into 15 characters and begin with tr', () => {
    const vni = 2 ** 24 - 1;
    const names = [bridgeName, vxlanName, gatewayName].map((name) => name(vni));
    names.push(endpointPortName(id), endpointPeerName(id), endpointPortName('gateway-h1'));
    for (const name of names) expect(name).toMatch(/^tr[a-z][0-9a-f]{1,12}$/);
    expect(new Set(names).size).toBe(names.length);
  });
  test('follow from the endpoint', () => {
    expect(endpointPortName(id)).toBe('trvc0ffee00de');
    expect(endpointPeerName(id)).toBe('trpc0ffee00de');
    expect(endpointPortName('one')).not.toBe(endpointPortName('two'));
  });
  test('bear numbers out of the reach of namespaces’ own counting', () => {
    for (const index of [gatewayIndex(1), gatewayIndex(2 ** 24 - 1), endpointPortIndex(id), endpointPortIndex('one')]) {
      expect(index).toBeGreaterThanOrEqual(2 ** 30);
      expect(index).toBeLessThan(2 ** 31);
    }
    expect(endpointPortIndex('one')).not.toBe(endpointPortIndex('two'));
  });
});
