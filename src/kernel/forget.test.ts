import { describe, expect, test } from 'vitest';
import { type Command, CommandFailed, type Finished } from '../platform/platform.ts';
import { apply } from './apply.ts';
import type { NftMapElementObject } from './objects.ts';
import type { Step } from './steps.ts';

const own = '192.0.2.1';

/** As `conntrack -L` prints it. */
const entry = (source: string, destination: string, port: number, answers = destination) =>
  `udp      17 29 src=${source} dst=${destination} sport=40000 dport=${port} [UNREPLIED] src=${answers} dst=${source} sport=53 dport=40000 mark=0 use=1`;

/** A host with these entries; `deleted` answers what `conntrack -D` is asked. */
function host(entries: readonly string[], deleted: () => Partial<Finished> = () => ({})) {
  const ran: string[] = [];
  const spawn = async ({ argv }: Command): Promise<Finished> => {
    ran.push(argv.join(' '));
    const finished = { code: 0, stdout: '', stderr: '' };
    if (argv.includes('-L')) return { ...finished, stdout: `${entries.join('\n')}\n` };
    if (argv[0] === 'ip') return { ...finished, stdout: JSON.stringify([{ dst: '127.0.0.0/8' }, { dst: own }]) };
    return { ...finished, ...(argv.includes('-D') ? deleted() : {}) };
  };
  return { ran, publish: (...ports: readonly Step[]) => apply(ports, spawn, '1') };
}

const published = (hostPort: number, address?: string): Step => {
  const key = ['udp', `${hostPort}`];
  const map = { kind: 'nft-map-element', ns: '', family: 'inet', table: 'trama' } as const;
  const value = ['10.42.0.5', '53'];
  const after: NftMapElementObject =
    address === undefined ? { ...map, map: 'all', key, value } : { ...map, map: 'at', key: [address, ...key], value };
  return { op: 'create', after };
};

describe('what is known of datagrams to a published port is forgotten', () => {
  test('and nothing of those to the same port of somebody else', async () => {
    const { ran, publish } = host([
      entry('10.42.0.9', '198.51.100.8', 53),
      entry('10.42.0.9', '198.51.100.9', 53, '10.8.0.1'),
      entry('198.51.100.7', own, 53),
      entry('192.0.2.1', '127.0.0.5', 53),
    ]);
    expect(await publish(published(53))).toMatchObject([{ outcome: 'done' }]);
    expect(ran).toEqual([
      'nft -f -',
      'conntrack -L -f ipv4 -p udp --orig-port-dst 53',
      'ip -j -4 route show table local type local',
      `conntrack -D -p udp --orig-port-dst 53 --orig-dst ${own} --reply-src ${own}`,
      'conntrack -D -p udp --orig-port-dst 53 --orig-dst 127.0.0.5 --reply-src 127.0.0.5',
    ]);
  });

  test('at its address only, when it has one', async () => {
    const { ran, publish } = host([entry('198.51.100.7', own, 53), entry('198.51.100.7', '192.0.2.9', 53)]);
    await publish(published(53, '192.0.2.9'));
    expect(ran.filter((line) => line.includes('-D'))).toEqual([
      'conntrack -D -p udp --orig-port-dst 53 --orig-dst 192.0.2.9 --reply-src 192.0.2.9',
    ]);
  });

  test('in as many processes for thousands of ports as for one', async () => {
    const ports = Array.from({ length: 5000 }, (_, index) => 10_000 + index);
    const streams = ports.map((port) => entry(`198.51.100.${port % 200}`, own, port, '10.42.0.5'));
    const others = [entry('198.51.100.7', own, 4789), entry('10.42.0.9', '198.51.100.8', 10_000)];
    const { ran, publish } = host([...streams, ...others]);
    const results = await publish(...ports.map((port) => published(port)));
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['done']));
    expect(ran).toEqual([
      'nft -f -',
      'conntrack -L -f ipv4 -p udp',
      'ip -j -4 route show table local type local',
      `conntrack -D -p udp --orig-dst ${own} --reply-src 10.42.0.5`,
    ]);
  });

  test('by what is common to what is stale and to nothing else', async () => {
    const { ran, publish } = host([
      entry('198.51.100.7', own, 10_000),
      entry('198.51.100.7', own, 10_001),
      entry('198.51.100.8', own, 10_000),
      entry('198.51.100.8', own, 4789),
    ]);
    await publish(published(10_000), published(10_001));
    expect(ran.filter((line) => line.includes('-D'))).toEqual([
      `conntrack -D -p udp --orig-src 198.51.100.7 --orig-dst ${own}`,
      `conntrack -D -p udp --orig-dst ${own} --orig-port-dst 10000`,
    ]);
  });

  test('also what comes after an entry that ends by itself meanwhile, and after one that stays', async () => {
    const entries = [entry('198.51.100.7', own, 53), entry('198.51.100.8', own, 54), entry('198.51.100.8', own, 4789)];
    let ended = 2;
    const { ran, publish } = host(entries, () => {
      ended -= 1;
      const why = ended >= 0 ? "Operation failed: such conntrack doesn't exist" : 'Operation not permitted';
      return { code: 1, stderr: `conntrack v1.4.7 (conntrack-tools): ${why}` };
    });
    expect(await publish(published(53), published(54))).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
    const first = `conntrack -D -p udp --orig-src 198.51.100.7 --orig-dst ${own}`;
    const second = `conntrack -D -p udp --orig-dst ${own} --orig-port-dst 54`;
    expect(ran.filter((line) => line.includes('-D'))).toEqual([first, first, first, second]);
  });

  test('and nothing more is tried when it hangs', async () => {
    const entries = [entry('198.51.100.7', own, 53), entry('198.51.100.8', own, 54), entry('198.51.100.8', own, 4789)];
    const { ran, publish } = host(entries, () => {
      throw new CommandFailed(['conntrack'], { code: -1, stdout: '', stderr: '' }, 'took longer than 60000 ms');
    });
    expect(await publish(published(53), published(54))).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
    expect(ran.filter((line) => line.includes('-D'))).toHaveLength(1);
  });

  test('and it is an error when it cannot be, but not when it has gone by itself', async () => {
    const gone = host([entry('198.51.100.7', own, 53)], () => {
      return { code: 1, stderr: 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.' };
    });
    expect(await gone.publish(published(53))).toMatchObject([{ outcome: 'done' }]);
    const refused = host([entry('198.51.100.7', own, 53)], () => ({ code: 1, stderr: 'Operation not permitted' }));
    expect(await refused.publish(published(53))).toMatchObject([
      { outcome: 'failed', message: expect.stringMatching(/udp \. 53.*Operation not permitted/) },
    ]);
  });
});
