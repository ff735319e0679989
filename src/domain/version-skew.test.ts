import { expect, test } from 'vitest';
import { versionSkew } from './version-skew.ts';

test.each([
  ['0.3.0', '0.3.7'],
  ['0.2.9', '0.3.0'],
  ['0.4.0', '0.3.0'],
  ['1.0.0', '1.1.0-rc1'],
  ['0.9.0', '1.0.0'],
  ['', '0.3.0'],
  ['of my own', '0.3.0'],
])('%s beside %s is well', (node, server) => {
  expect(versionSkew(node, server)).toBe('');
});

test.each([
  ['0.1.0', '0.3.0', /^more than a release older than the server's 0.3.0: upgrade Trama on this host$/],
  ['0.5.2', '0.3.0', /^more than a release newer than the server's 0.3.0: upgrade the servers$/],
  ['0.9.0', '1.1.0', /older/],
  ['3.0.0', '1.9.0', /newer/],
])('%s beside %s is told of', (node, server, sentence) => {
  expect(versionSkew(node, server)).toMatch(sentence);
});
