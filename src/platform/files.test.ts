import { expect, test } from 'vitest';
import { isNetworkInUse } from './files.ts';

test('a network namespace is in use while a process is in it', async () => {
  expect(await isNetworkInUse('/proc/self/ns/net')).toBe(true);
  // A namespace, but of another kind: no process is in it as in a network.
  expect(await isNetworkInUse('/proc/self/ns/uts')).toBe(false);
  expect(await isNetworkInUse('/run/docker/netns/of-no-one')).toBe(false);
});
