import { describe, expect, test } from 'vitest';
import { checkImage, parseImageReference } from './image.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['busybox', 'busybox', 'latest', 'docker.io'],
  ['busybox:1.36', 'busybox', '1.36', 'docker.io'],
  ['user/app', 'user/app', 'latest', 'docker.io'],
  ['localhost/app', 'localhost/app', 'latest', 'localhost'],
  ['localhost:5000/a/b:v1', 'localhost:5000/a/b', 'v1', 'localhost:5000'],
  ['Registry.Example.com/a__b/c--d', 'Registry.Example.com/a__b/c--d', 'latest', 'Registry.Example.com'],
  [`registry.example/x/y@${digest}`, 'registry.example/x/y', digest, 'registry.example'],
  [`registry.example/x/y:v1@${digest}`, 'registry.example/x/y', digest, 'registry.example'],
])('%s', (text, name, tag, registry) => {
  expect(parseImageReference(text)).toEqual({ name, tag, registry });
});

test.each(['', '-x', 'UPPER', 'a/../b', 'a//b', 'a b', 'a;b', 'a:', 'a@sha256:1', 'a\n', `${'a'.repeat(256)}`])(
  '%j is refused',
  (text) => {
    expect(() => parseImageReference(text)).toThrow('is not an image');
  },
);

describe('images', () => {
  test.each([
    'nginx',
    'nginx:1.27',
    'registry:5000/team/app:2',
    'docker.io/library/a__b-c.d',
    `a@sha256:${'0'.repeat(64)}`,
  ])('%s', (reference) => expect(checkImage(reference)).toBe(reference));
  test.each(['', '-x', 'Nginx', 'UPPER/case', 'a b', 'a;b', '../a', 'a:', 'a//b', 'a/-b', 'x'.repeat(300)])(
    'refuses %j',
    (reference) => expect(() => checkImage(reference)).toThrow('is not an image'),
  );
  test('a hostile reference is refused at once', () => {
    const began = performance.now();
    expect(() => checkImage(`${'a-'.repeat(120)}!`)).toThrow();
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
