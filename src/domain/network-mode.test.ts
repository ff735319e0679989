import { describe, expect, test } from 'vitest';
import { checkNetworkMode, joinedBy, modeText, parsePidMode, readNetworkMode } from './network-mode.ts';
import { dockerNetworkName, networkNameFromDocker } from './network-rules.ts';

describe('words for whose network it is', () => {
  test('are told from names of networks', () => {
    expect(readNetworkMode('host')).toBe('host');
    expect(readNetworkMode('none')).toBe('none');
    expect(readNetworkMode('container:web')).toEqual({ container: 'web' });
    expect(readNetworkMode('container:h1/web')).toEqual({ container: 'h1/web' });
    expect(() => readNetworkMode('container:/web')).toThrow('node');
    expect(() => readNetworkMode('container:h1/')).toThrow("cannot be a container's name");
    expect(readNetworkMode('app')).toBeUndefined();
    expect(() => readNetworkMode('container:')).toThrow("cannot be a container's name");
  });
  test('process namespaces', () => {
    expect(parsePidMode('host')).toBe('host');
    expect(parsePidMode('container:web')).toEqual({ container: 'web' });
    expect(() => parsePidMode('none')).toThrow('write host or container:NAME');
    expect(modeText(parsePidMode('container:web'))).toBe('container:web');
  });
  test('who is joined is named once', () => {
    expect(joinedBy({ networkMode: { container: 'web' }, pid: { container: 'web' } })).toEqual(['web']);
    expect(joinedBy({ networkMode: { container: 'web' }, pid: { container: 'db' } })).toEqual(['web', 'db']);
    expect(joinedBy({ networkMode: 'host', pid: 'host' })).toEqual([]);
  });
});

describe('what a container without a network of its own cannot have', () => {
  const modes = ['host', 'none', { container: 'web' }] as const;
  const plain = { networks: 0, ports: 0 };
  test.each(modes)('%j', (networkMode) => {
    const shown = `--network ${modeText(networkMode)}`;
    checkNetworkMode({ ...plain, networkMode });
    expect(() => checkNetworkMode({ ...plain, networkMode, networks: 1 })).toThrow(`with ${shown} is on no other`);
    expect(() => checkNetworkMode({ ...plain, networkMode, ports: 1 })).toThrow('leave out -p');
    expect(() => checkNetworkMode({ ...plain, networkMode, address: '10.0.0.9' })).toThrow('--ip 10.0.0.9 needs');
    expect(() => checkNetworkMode({ ...plain, networkMode, alias: 'w' })).toThrow('--alias w needs');
  });
  test('a host name of its own, in the network of another', () => {
    checkNetworkMode({ ...plain, networkMode: 'host', hostname: 'a' });
    expect(() => checkNetworkMode({ ...plain, networkMode: { container: 'web' }, hostname: 'a' })).toThrow('host name');
  });
  test('with networks of its own nothing of it is refused', () => {
    checkNetworkMode({ networks: 2, ports: 1, address: '10.0.0.9', alias: 'w', hostname: 'a' });
  });
});

test("the built-in network has another name in Docker, which has its own 'bridge'", () => {
  expect(dockerNetworkName('bridge')).toBe('trama-bridge');
  expect(dockerNetworkName('app')).toBe('app');
  expect(networkNameFromDocker('trama-bridge')).toBe('bridge');
  expect(networkNameFromDocker('app')).toBe('app');
});
