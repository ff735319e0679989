/** Bad input against a real cluster: exit 1 or 2, one clear sentence, and nothing has changed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, type Lab, type LabCluster, labImage, startCluster } from '../../src/lab/lab.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1'] });
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const badNames = ['a;reboot', 'a b', '..', 'x'.repeat(300), '-x', '', 'ä'];
const badAddresses = ['010.1.1.1', '10.1', '10.42.0.0', '10.43.0.5', '10.42.255.255', '1.2.3.4;ls'];
const badSubnets = [
  '10.50.0.0/31',
  '10.50.0.0/33',
  '10.50.0.1/16',
  '10.50.0.0',
  '010.50.0.0/16',
  '127.0.0.0/8',
  '10.42.8.0/24',
  '10.99.0.0/24',
];
const badPorts = ['0:80', '70000:80', '80:0', '80:70000', 'x:80', '80-81:80-82', '80:80/sctp'];

const commands: readonly (readonly string[])[] = [
  ...badNames.flatMap((name) => [
    ['network', 'create', name, '--subnet', '10.50.0.0/16'],
    ['network', 'inspect', name],
    ['network', 'rm', name],
    ['node', 'inspect', name],
    ['run', '-d', '--name', name, labImage],
    ['run', '-d', '--node', name, labImage],
    ['run', '-d', '--network', name, labImage],
    ['inspect', name],
    ['logs', name],
    ['attach', name],
    ['network', 'connect', 'app', name],
    ['network', 'disconnect', name, 'web'],
    ['exec', name, 'true'],
    ['start', name],
    ['stop', name],
    ['rm', '-f', name],
  ]),
  ...badAddresses.map((address) => ['run', '-d', '--network', 'app', '--ip', address, labImage]),
  ...badSubnets.map((subnet) => ['network', 'create', 'new', '--subnet', subnet]),
  ...badPorts.map((port) => ['run', '-d', '-p', port, labImage]),
  ['network', 'create', 'app'],
  ['network', 'create', 'new', '--vni', '0'],
  ['network', 'create', 'new', '--vni', '16777216'],
  ['network', 'create', 'new', '--mtu', '100'],
  ['network', 'create', 'new', '--mtu', '9000'],
  ['network', 'create', 'new', '--driver', 'magic'],
  ['network', 'create', 'new', '--discovery', 'gossip'],
  ['network', 'create', 'new', '--opt', 'foo=bar'],
  ['ps', '--node', 'nope'],
  ['inspect', 'nope/web'],
  ['exec', 'h1/nobody', 'true'],
  ['network', 'connect', 'nope', 'web'],
  ['network', 'connect', 'app', 'nobody'],
  ['network', 'connect', 'app', 'nobody', '--ip', '10.42.0'],
  ['ps', '--network', 'nope'],
  ['token', 'create', '--uses', '0'],
  ['token', 'create', '--ttl', 'soon'],
  ['run', '-d', '-e', '=x', labImage],
  ['run', '-d', 'UPPER/case'],
  ['frobnicate'],
  ['network'],
  ['run'],
  ['ps', '--nonsense'],
];

test('every command with bad input', async () => {
  const before = [await cluster.trama('ps', '-a', '-o', 'json'), await cluster.trama('network', 'ls', '-o', 'json')];
  const wrong: string[] = [];
  // In one shell per lot: a process of its own per command line is what is tested, not nsenter.
  const queue = [...commands];
  await Promise.all(
    [1, 2].map(async () => {
      for (let args = queue.shift(); args !== undefined; args = queue.shift()) {
        const { code, stdout, stderr } = await cluster.host('h1').trama(...args);
        const lines = stderr
          .trim()
          .split('\n')
          .filter((line) => line !== '');
        const clear =
          lines.length >= 1 && lines.length <= 2 && lines[0]?.startsWith('trama: ') && !stderr.includes('    at ');
        if ((code !== 1 && code !== 2) || stdout !== '' || !clear)
          wrong.push(`${args.join(' ').slice(0, 80)} → ${code} ${stdout} ${stderr}`);
      }
    }),
  );
  expect(wrong).toEqual([]);
  expect([await cluster.trama('ps', '-a', '-o', 'json'), await cluster.trama('network', 'ls', '-o', 'json')]).toEqual(
    before,
  );
}, 120_000);
