import { expect, test } from 'vitest';
import { parseImageReference } from './image-reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['busybox', 'busybox', 'latest', 'docker.io'],
  ['busybox:1.36', 'busybox', '1.36', 'docker.io'],
  ['user/app', 'user/app', 'latest', 'docker.io'],
  ['localhost/app', 'localhost/app', 'latest', 'localhost'],
  ['localhost:5000/a/b:v1', 'localhost:5000/a/b', 'v1', 'localhost:5000'],
  ['Registry.Example.com/a__b/c--d', 'Registry.Example.com/a__b/c--d', 'latest', 'Registry.Example.com'],
  [`ghcr.io/x/y@${digest}`, 'ghcr.io/x/y', digest, 'ghcr.io'],
  [`ghcr.io/x/y:v1@${digest}`, 'ghcr.io/x/y', digest, 'ghcr.io'],
])('%s', (text, name, tag, registry) => {
  expect(parseImageReference(text)).toEqual({ name, tag, registry });
});

test.each(['', '-x', 'UPPER', 'a/../b', 'a//b', 'a b', 'a;b', 'a:', 'a@sha256:1', 'a\n', `${'a'.repeat(513)}`])(
  '%j is refused',
  (text) => {
    expect(() => parseImageReference(text)).toThrow('is not the name of an image');
  },
);
