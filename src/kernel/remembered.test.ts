import { expect, test } from 'vitest';
import type { SysctlObject } from './objects.ts';
import { SysctlMemory } from './remembered.ts';

const forwarding = (value: string): SysctlObject => ({ kind: 'sysctl', ns: '', key: 'net/ipv4/ip_forward', value });

test('a value that could not be saved is kept before the next change', async () => {
  const saved: Record<string, string>[] = [];
  let full = true;
  const memory = new SysctlMemory({
    load: async () => ({}),
    save: async (values) => {
      if (full) throw new Error('full');
      saved.push(values);
    },
  });
  await expect(memory.remember([forwarding('0')])).rejects.toThrow('full');
  expect(await memory.known()).toEqual([]);
  full = false;
  await memory.remember([forwarding('0')]);
  await memory.remember([forwarding('1')]);
  expect(saved).toEqual([{ ' net/ipv4/ip_forward': '0' }]);
});
