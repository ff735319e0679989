import { describe, expect, test } from 'vitest';
import {
  checkEnv,
  checkPublishedPorts,
  checkRestartPolicy,
  parseDuration,
  parsePublishedPorts,
} from './run-options.ts';

describe('published ports', () => {
  const tcp = { protocol: 'tcp' } as const;
  test.each([
    ['8080:80', [{ hostPort: 8080, containerPort: 80, ...tcp }]],
    ['53:53/udp', [{ hostPort: 53, containerPort: 53, protocol: 'udp' }]],
    ['10.0.0.1:1:65535/tcp', [{ hostAddress: '10.0.0.1', hostPort: 1, containerPort: 65535, ...tcp }]],
    ['0.0.0.0:8080:80', [{ hostPort: 8080, containerPort: 80, ...tcp }]],
    ['80', [{ hostPort: 0, containerPort: 80, ...tcp }]],
    [':80', [{ hostPort: 0, containerPort: 80, ...tcp }]],
    ['127.0.0.1::80', [{ hostAddress: '127.0.0.1', hostPort: 0, containerPort: 80, ...tcp }]],
    [
      '8000-8001:80-81',
      [
        { hostPort: 8000, containerPort: 80, ...tcp },
        { hostPort: 8001, containerPort: 81, ...tcp },
      ],
    ],
    ['8000-8010:80', [{ hostPort: 8000, hostPortEnd: 8010, containerPort: 80, ...tcp }]],
    ['8000-8000:80', [{ hostPort: 8000, containerPort: 80, ...tcp }]],
    [
      '80-81/udp',
      [
        { hostPort: 0, containerPort: 80, protocol: 'udp' },
        { hostPort: 0, containerPort: 81, protocol: 'udp' },
      ],
    ],
  ] as const)('%s', (text, ports) => {
    expect(parsePublishedPorts(text)).toEqual(ports);
    expect(checkPublishedPorts(ports)).toEqual(ports);
  });
  test.each([
    ['', 'does not publish a port'],
    ['0:80', '"0" is not a port: it is a number from 1 to 65535'],
    ['80:70000', '"70000" is not a port'],
    ['080:80', '"080" is not a port'],
    ['80:80/sctp', 'it is tcp or udp'],
    ['80:80/', 'it is tcp or udp'],
    ['010.1.1.1:80:80', 'is not an IP address'],
    ['[::1]:1:2', 'is IPv6'],
    [':80:80', 'does not publish a port'],
    ['8 0:80', 'is not a port'],
    ['80-79:80', 'is not a range'],
    ['80-82:80-81', '3 host ports for 2 of the container'],
    ['80:80-81', '1 host port for 2 of the container'],
    ['1-2-3:80', 'is not a range'],
    ['80-:80', 'is not a port'],
  ])('refuses %s', (text, sentence) => expect(() => parsePublishedPorts(text)).toThrow(sentence));

  test.each([
    [['80:80', '80:81'], true],
    [['80:80', '127.0.0.1:80:81'], true],
    [['10.0.0.1:80:80', '127.0.0.1:80:81'], false],
    [['80:80', '80:80/udp'], false],
    [['80', '80', '80-90:80', '80-90:80'], false],
  ])('%j clash with one another: %j', (texts, clash) => {
    const check = () => checkPublishedPorts(texts.flatMap(parsePublishedPorts));
    if (clash) expect(check).toThrow('published twice');
    else expect(check()).toHaveLength(texts.length);
  });
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
