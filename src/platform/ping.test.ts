import { describe, expect, test } from 'vitest';
import { heardPing, ping, readPing } from './ping.ts';
import type { Command, Spawn } from './spawn.ts';

const finished = (stdout: string, stderr = '', code = 0) => ({ stdout, stderr, code });

describe('what ping says', () => {
  test('answers are counted', () => {
    const text = '3 packets transmitted, 2 received, 33.3333% packet loss, time 402ms\n';
    expect(readPing(text, '')).toEqual({ sent: 3, received: 2 });
    expect(readPing('3 packets transmitted, 0 received, +3 errors, 100% packet loss\n', '')).toEqual({
      sent: 3,
      received: 0,
    });
  });

  test.each([
    ['ping: local error: message too long, mtu=1400\n', ''],
    ['', 'From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)\n'],
  ])('the size that goes through is told by %j%j', (stderr, stdout) => {
    const counts = '3 packets transmitted, 0 received, +3 errors, 100% packet loss';
    expect(readPing(`${stdout}${counts}`, stderr)).toEqual({ sent: 3, received: 0, mtu: 1400 });
  });

  test('one that does not know the options has tried nothing', () => {
    expect(readPing('', "ping: invalid option -- 'M'\nusage")).toMatchObject({
      sent: 0,
      untried: "ping: invalid option -- 'M'",
    });
  });

  test('a full-size packet is as large as it was asked for, headers included, and not to be cut', async () => {
    const asked: Command[] = [];
    const spawn: Spawn = async (command) => {
      asked.push(command);
      return finished('3 packets transmitted, 3 received, 0% packet loss');
    };
    await ping(spawn, { to: '10.0.0.2', from: '10.0.0.1', size: 1500, id: 7 });
    expect(asked[0]?.argv.join(' ')).toBe('ping -4 -n -c 3 -i 0.2 -W 1 -M do -s 1472 -e 7 -I 10.0.0.1 10.0.0.2');
  });
});

describe('whether an echo request was heard', () => {
  const entry =
    'icmp     1 29 src=10.42.0.2 dst=10.42.0.3 type=8 code=0 id=7 src=10.42.0.3 dst=10.42.0.2 type=0 code=0';

  const way = { from: '10.42.0.2', to: '10.42.0.3', id: 7 };

  test('is what connection tracking remembers', async () => {
    expect(await heardPing(async () => finished(entry), way)).toBe(true);
    expect(await heardPing(async () => finished(entry), { ...way, id: 8 })).toBe(false);
    expect(await heardPing(async () => finished(''), way)).toBe(false);
  });

  test('is not known without it', async () => {
    const missing: Spawn = () => Promise.reject(new Error('conntrack is not installed'));
    expect(await heardPing(missing, way)).toBeUndefined();
    expect(await heardPing(async () => finished('', 'Operation not permitted', 1), way)).toBeUndefined();
  });
});
