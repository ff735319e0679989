import { expect, test } from 'vitest';
import { checkContainerReference, looksLikeContainerId, parseContainerReference } from './container-reference.ts';

test('a name or id stands alone, or after its node', () => {
  expect(parseContainerReference('web')).toEqual({ name: 'web' });
  expect(parseContainerReference('h2/proj_web_1')).toEqual({ node: 'h2', name: 'proj_web_1' });
  expect(parseContainerReference(`h2/${'a'.repeat(128)}`).name).toHaveLength(128);
  expect(checkContainerReference('h2/web')).toBe('h2/web');
});

test.each(['', 'a', '-x', '..', '../etc', 'h2/', '/web', 'h2/a/b', 'H2/web', 'a;b', 'a b', 'ü', 'x'.repeat(300)])(
  '%j is neither',
  (text) => expect(() => parseContainerReference(text)).toThrow(/cannot be a (container|node's name)/),
);

test('ids are known by their digits', () => {
  expect([looksLikeContainerId('0123456789ab'), looksLikeContainerId('f'.repeat(64))]).toEqual([true, true]);
  expect([
    looksLikeContainerId('0123456789a'),
    looksLikeContainerId('web'),
    looksLikeContainerId('g'.repeat(12)),
  ]).toEqual([false, false, false]);
});
