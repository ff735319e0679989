import { expect, test } from 'vitest';
import { silentLog, systemClock } from '../platform/platform.ts';
import type { AgentOptions } from './agent.ts';
import { KernelSide } from './kernel-side.ts';
import type { LocalState } from './local-state.ts';
import { Tidings } from './tidings.ts';

test('nothing is touched until everybody has said what they want: what nobody wants would be deleted', async () => {
  const commands: string[] = [];
  const order: string[] = [];
  const agent = {
    spawn: async ({ argv }: { argv: readonly string[] }) => {
      commands.push(argv.join(' '));
      order.push('command');
      return { code: 0, stdout: '', stderr: '' };
    },
    clock: systemClock,
    log: silentLog,
  } as unknown as AgentOptions;
  const side = new KernelSide({
    agent,
    sysctls: { entries: () => [], get: () => undefined } as unknown as LocalState['sysctls'],
    tidings: new Tidings({ link: () => undefined, clock: systemClock, log: silentLog }),
    restored: async () => undefined,
    unknownPeers: () => new Set(),
    endGone: async () => {
      order.push('gone');
      return false;
    },
    settled: () => {},
  });
  side.settleSoon();
  side.lookSoon();
  const settled = side.untilSettled();
  await systemClock.sleep(20);
  expect(commands).toEqual([]);
  await side.look();
  expect(commands).not.toEqual([]);
  expect(order[0]).toBe('gone');
  await settled;
});
