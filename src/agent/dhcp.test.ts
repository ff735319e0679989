import { describe, expect, test } from 'vitest';
import { CommandFailed, type Finished, type Spawn } from '../platform/platform.ts';
import { askDhcp, readLease, releaseDhcp } from './dhcp.ts';

const obtained = `udhcpc: started, v1.35.0
udhcpc: broadcasting discover
udhcpc: broadcasting select for 10.98.0.226, server 10.98.0.50
udhcpc: lease of 10.98.0.226 obtained from 10.98.0.50, lease time 3600
`;

function saying(finished: Partial<Finished>) {
  const argvs: string[] = [];
  const spawn: Spawn = async ({ argv }) => {
    argvs.push(argv.join(' '));
    return { code: 0, stdout: '', stderr: '', ...finished };
  };
  return { spawn, argvs };
}

const asking = { path: '/run/netns/trama', device: 'trd0011223344' };

describe('a lease', () => {
  test.each([
    [obtained, { address: '10.98.0.226', seconds: 3600 }],
    [`router \n${obtained}router 10.98.0.1\n`, { address: '10.98.0.226', seconds: 3600, router: '10.98.0.1' }],
    ['udhcpc: lease of 10.98.0.5 obtained, lease time 86400\n', { address: '10.98.0.5', seconds: 86_400 }],
    ['udhcpc: no lease, failing\n', undefined],
  ])('is read from what udhcpc says', (said, lease) => {
    expect(readLease(said)).toEqual(lease);
  });

  test('is asked for once, for any address or for the one that it was, and nothing is changed by the asking', async () => {
    const { spawn, argvs } = saying({ stderr: obtained });
    expect(await askDhcp(spawn, asking)).toEqual({ address: '10.98.0.226', seconds: 3600 });
    await askDhcp(spawn, { ...asking, address: '10.98.0.226' });
    await releaseDhcp(spawn, { ...asking, address: '10.98.0.226' });
    expect(argvs[0]).toMatch(
      /^nsenter --net=\/run\/netns\/trama busybox udhcpc -f -n -B .*-i trd0011223344 -s \S+\/udhcpc-script\.sh -q$/,
    );
    expect(argvs[1]).toMatch(/ -r 10\.98\.0\.226 -q$/);
    // What gives back with -q gives nothing back.
    expect(argvs[2]).toMatch(/ -r 10\.98\.0\.226 -R$/);
    expect(argvs[2]).not.toContain(' -q');
  });

  test('that nobody gives is a sentence, and so is a tool that is not there', async () => {
    const none = saying({ code: 1, stderr: 'udhcpc: no lease, failing\n' });
    await expect(askDhcp(none.spawn, asking)).rejects.toThrow('no DHCP server of the LAN answers');
    const absent = saying({ code: 127, stderr: 'nsenter: failed to execute busybox: No such file or directory' });
    await expect(askDhcp(absent.spawn, asking)).rejects.toThrow('apt-get install busybox');
    const unknown: Spawn = async ({ argv }) => {
      throw new CommandFailed(argv, { code: 127, stdout: '', stderr: '' }, 'is not installed');
    };
    await expect(askDhcp(unknown, asking)).rejects.toThrow('apt-get install busybox');
  });
});
