import { describe, expect, test } from 'vitest';
import { checkEnv, checkRestartPolicy, parseDuration, parsePublishedPort } from './run-options.ts';

describe('published ports', () => {
  test.each([
    ['8080:80', { hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    ['53:53/udp', { hostPort: 53, containerPort: 53, protocol: 'udp' }],
    ['10.0.0.1:1:65535/tcp', { hostAddress: '10.0.0.1', hostPort: 1, containerPort: 65535, protocol: 'tcp' }],
    ['[::1]:1:2', { hostAddress: '::1', hostPort: 1, containerPort: 2, protocol: 'tcp' }],
  ])('%s', (text, port) => expect(parsePublishedPort(text)).toEqual(port));
  test.each([
    ['80', 'does not publish a port'],
    ['0:80', '"0" is not a port: it is a number from 1 to 65535'],
    ['80:70000', '"70000" is not a port'],
    ['080:80', '"080" is not a port'],
    ['80:80/sctp', 'it is tcp or udp'],
    ['80:80/', 'it is tcp or udp'],
    ['010.1.1.1:80:80', 'is not an IP address'],
    [':80:80', 'not'],
    ['8 0:80', 'is not a port'],
  ])('refuses %s', (text, sentence) => expect(() => parsePublishedPort(text)).toThrow(sentence));
});

describe('the rest', () => {
  test.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['5ms', 5],
  ])('%s lasts %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));
  test.each(['', '1', '0s', '-1h', '1 h', 'h', '1w', '99999d', '1.5h'])('%j is no duration', (text) =>
    expect(() => parseDuration(text)).toThrow('is not a duration'),
  );
  test('environment and restart policies', () => {
    for (const text of ['A=1', 'A=', 'A=b=c', 'a.b=ñ\n']) expect(checkEnv(text)).toBe(text);
    for (const text of ['', 'A', '=1', 'A B=1', 'A=\0']) expect(() => checkEnv(text)).toThrow('environment');
    expect(checkRestartPolicy('always')).toBe('always');
    expect(() => checkRestartPolicy('on-failure:3')).toThrow('restart policy');
  });
});
