import { expect, test } from 'vitest';
import { Sandboxes } from './sandboxes.ts';
import { DeltaTracker } from './tracker.ts';

test('what could not be read is read before the next thing is done there', async () => {
  let reads = 0;
  let fails = true;
  const tracker = new DeltaTracker();
  const sandboxes = new Sandboxes(tracker, async ({ argv }) => {
    reads += 1;
    if (fails) throw new Error('no process can be started');
    return { code: 0, stdout: argv.includes('nft') ? '{"nftables":[]}' : '[]', stderr: '' };
  });
  const path = '/proc/self/ns/net';
  tracker.desire('one', [{ kind: 'sysctl', ns: path, key: 'net/ipv4/ip_forward', value: '1' }]);
  await sandboxes.prepare();
  const once = reads;
  expect(once).toBeGreaterThan(0);
  fails = false;
  await sandboxes.prepare();
  expect(reads).toBeGreaterThan(once);
  const twice = reads;
  await sandboxes.prepare();
  expect(reads).toBe(twice);
});
