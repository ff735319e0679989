import { expect, test } from 'vitest';
import type { EndpointRecord } from '../domain/domain.ts';
import { portsOf, portText } from './ports.ts';

test.each([
  [{ hostPort: 8080 }, '8080->80/tcp'],
  [{ hostPort: 8080, hostAddress: '10.0.0.1' }, '10.0.0.1:8080->80/tcp'],
  [{ hostPort: 8080, hostAddress: 'fd00::1' }, '[fd00::1]:8080->80/tcp'],
  [{ hostPort: 0 }, 'any->80/tcp'],
  [{ hostPort: 8000, hostPortEnd: 8010 }, '8000-8010->80/tcp'],
])('%j is shown as %s', (port, text) => expect(portText({ containerPort: 80, protocol: 'tcp', ...port })).toBe(text));

test('a port is shown once, on however many networks its container is', () => {
  const ports = [{ hostPort: 53, containerPort: 53, protocol: 'udp' as const }];
  const endpoint = { ports } as unknown as EndpointRecord;
  expect(portsOf([endpoint, endpoint, {} as EndpointRecord])).toEqual(['53->53/udp']);
});
