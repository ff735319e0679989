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

test('what was spared until a server tells of its network is looked at again as soon as one does, though it tells nothing new', async () => {
  const commands: string[] = [];
  const answers: readonly (readonly [RegExp, unknown])[] = [
    [/nft -j/, { nftables: [] }],
    [/-n trama .*addr show/, [{ ifname: 'trb10001', mtu: 1450, flags: ['UP'], linkinfo: { info_kind: 'bridge' } }]],
    [/-n trama .*neigh/, [{ dst: '10.42.0.5', dev: 'trb10001', lladdr: '9e:11:0a:2a:00:05', state: ['PERMANENT'] }]],
  ];
  const agent = {
    spawn: async ({ argv, input = '' }: { argv: readonly string[]; input?: string }) => {
      const line = [...argv, input].join(' ').trim();
      commands.push(line);
      if (line === 'ip netns list') return { code: 0, stdout: 'trama\n', stderr: '' };
      const [, answer = []] = answers.find(([pattern]) => pattern.test(line)) ?? [];
      return { code: 0, stdout: line.includes('-j') ? JSON.stringify(answer) : '', stderr: '' };
    },
    clock: systemClock,
    log: silentLog,
  } as unknown as AgentOptions;
  const unknown = new Set([10001]);
  const side = new KernelSide({
    agent,
    sysctls: { entries: () => [], get: () => undefined, set: async () => {} } as unknown as LocalState['sysctls'],
    tidings: new Tidings({ link: () => undefined, clock: systemClock, log: silentLog }),
    restored: async () => undefined,
    unknownPeers: () => unknown,
    endGone: async () => false,
    settled: () => {},
  });
  await side.look();
  const looks = () => commands.filter((line) => /neigh show/.test(line)).length;
  const before = looks();
  unknown.clear();
  side.told();
  await side.untilSettled();
  await systemClock.sleep(20);
  expect(looks()).toBeGreaterThan(before);
  const after = looks();
  side.told();
  await side.untilSettled();
  expect(looks()).toBe(after);
});
