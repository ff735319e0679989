import { describe, expect, test } from 'vitest';
import { Failure } from '../domain/domain.ts';
import { CommandFailed, type Spawn } from '../platform/platform.ts';
import type { ExamineOptions } from './doctor.ts';
import { examine } from './examine.ts';
import { checks } from './finding.ts';

const nothing = { code: 0, stdout: '', stderr: '' };

/** A host on which nothing is installed and nobody runs. */
function bare(change: Partial<ExamineOptions> = {}, spawn?: Spawn): ExamineOptions {
  const missing: Spawn = async ({ argv }) => {
    throw new CommandFailed(argv, { ...nothing, code: -1 }, 'is not installed');
  };
  return {
    settings: { state: '/var/lib/trama', dockerSocket: '/var/run/docker.sock' },
    api: { call: () => Promise.reject(new Error('nobody answers')) },
    identity: async () => undefined,
    host: {
      spawn: spawn ?? missing,
      clock: { now: () => 0, sleep: async () => {} },
      uid: 1000,
      readFile: () => Promise.reject(new Error('ENOENT')),
      reachTcp: async () => 'silent',
      freeSpace: () => Promise.reject(new Error('EIO')),
      holdersOf: async () => [],
      docker: async () => ({ available: false, message: 'no Docker' }),
    },
    ...change,
  };
}

describe('an examination', () => {
  test('of a host where nothing works says so of every check, in order, and does not break off', async () => {
    const findings = await examine(bare());
    const told = [...new Set(findings.map(({ check }) => check))];
    expect(told).toEqual(checks.filter((check) => told.includes(check)));
    // Without a default route there is no card to look at.
    expect(checks.filter((check) => !told.includes(check))).toEqual([]);
    expect(findings.filter(({ status }) => status === 'pass').map(({ check }) => check)).toEqual(['own-ports']);
  });

  test('of a host that is no member any more leads to its agent, not to sudo; what only root may, does', async () => {
    const remedies = async (error: Error) => {
      const api = { call: () => Promise.reject(error) };
      const findings = await examine(bare({ api, only: new Set(['clock', 'addresses', 'drift'] as const) }));
      return findings.map(({ found, remedy }) => `${found}. ${remedy}`);
    };
    const removed = await remedies(
      new Failure('denied', 'The server does not know this key: the token is used up or so'),
    );
    const mend = 'Mend what the check `agent` says, then run this again.';
    expect(removed).toEqual(Array(3).fill(`not asked: The server does not know this key. ${mend}`));
    const cause = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
    const forRoot = await remedies(new Failure('denied', 'only root may use Trama here: use sudo', { cause }));
    expect(forRoot).toEqual(Array(3).fill('not asked: only root may use Trama here: use sudo. Run it with sudo.'));
  });

  test('looks only at what it is asked to', async () => {
    const commands: string[] = [];
    const spawn: Spawn = async ({ argv }) => {
      commands.push(argv.join(' '));
      return nothing;
    };
    const findings = await examine(bare({ only: new Set(['root', 'tools']) }, spawn));
    expect(new Set(findings.map(({ check }) => check))).toEqual(new Set(['root', 'tools']));
    expect(commands.filter((each) => /ping -4|nft list|unshare --net/.test(each))).toEqual([]);
  });

  test('takes the middle of a question and its answer for the time at which the server told its own', async () => {
    const times = [1_000_000, 1_000_400];
    const clock = { now: () => times.shift() ?? 0, sleep: async () => {} };
    const options = { api: { call: async () => ({ now: 900_000 }) }, only: new Set(['clock'] as const) };
    const { host, ...rest } = bare(options);
    expect(await examine({ ...rest, host: { ...host, clock } })).toMatchObject([
      { status: 'fail', found: "ahead of the server's by 100 s" },
    ]);
  });

  test('tries the kernel in namespaces that end with the command; without any, it tries nothing more', async () => {
    const commands: string[] = [];
    const refusing =
      (words: string): Spawn =>
      async ({ argv }) => {
        commands.push(argv.join(' '));
        const refused = argv.join(' ').includes(words);
        return refused ? { ...nothing, code: 1, stderr: 'Operation not supported\n' } : nothing;
      };
    const kernel = async (words: string) => {
      const { host, ...rest } = bare({ only: new Set(['kernel'] as const) });
      const findings = await examine({ ...rest, host: { ...host, uid: 0, spawn: refusing(words) } });
      return findings.filter(({ status }) => status !== 'pass').map(({ status, subject }) => `${status} ${subject}`);
    };
    expect(await kernel('type vxlan')).toEqual(['fail vxlan']);
    expect(commands.filter((each) => !each.startsWith('unshare --net -- '))).toEqual([]);
    commands.length = 0;
    expect((await kernel('unshare')).filter((each) => each.startsWith('fail'))).toEqual(['fail network namespaces']);
    expect(commands).toHaveLength(1);
  });

  test('asks a node that shares a network only when nothing comes back', async () => {
    const node = (name: string, address: string) => ({
      name,
      address,
      interface: 'eth0',
      underlayMtu: 1500,
      status: 'ready',
    });
    const app = {
      ...{ id: 'n1', name: 'app', driver: 'overlay', subnet: '10.42.0.0/16', mtu: 1450, port: 4789, containers: [] },
      nodes: [
        { node: 'h1', gateway: '10.42.0.2', blocks: [] },
        { node: 'h2', gateway: '10.42.1.2', blocks: [] },
      ],
    };
    const asked: unknown[] = [];
    const call = async (method: string, params: unknown) => {
      if (method === 'node.list') return [node('h1', '10.0.0.1'), node('h2', '10.0.0.2')];
      if (method === 'network.list') return [app];
      asked.push([method, params]);
      return { heard: false, answered: false };
    };
    const pings =
      (received: number): Spawn =>
      async ({ argv }) => {
        const inside = argv.includes('10.42.1.2');
        if (argv[0] !== 'ping') return nothing;
        return { ...nothing, stdout: `3 packets transmitted, ${inside ? received : 3} received` };
      };
    const identity = async () => ({ name: 'h1', servers: [] });
    const options = { api: { call }, identity, only: new Set(['vxlan'] as const) };
    expect(await examine(bare(options, pings(3)))).toMatchObject([{ status: 'pass', subject: 'h2' }]);
    expect(asked).toEqual([]);
    expect(await examine(bare(options, pings(0)))).toMatchObject([{ status: 'fail', subject: 'h2' }]);
    expect(asked).toEqual([['node.probe', { node: 'h2', network: 'n1', address: '10.42.0.2', id: 1 }]]);
  });
});
