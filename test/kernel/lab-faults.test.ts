/** What goes wrong: builders that are killed, files that make no sense, things that are there already. */
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../src/lab/lab.ts';
import { checkout, type LabMachine, labMachine, networkState } from './lab-machine.ts';

describe('a lab', { timeout: 120_000 }, () => {
  let machine: LabMachine;

  beforeEach(async () => {
    machine = await labMachine();
  });
  afterEach(async () => {
    await machine[Symbol.asyncDispose]();
  });

  const file = async (text: string): Promise<string> => {
    const path = `${machine.directory}/wrong.yaml`;
    await writeFile(path, text);
    return path;
  };

  test.each([
    ['namespaces', async () => (await machine.namespaces()).length > 20],
    ['links', async () => /\beth0\b/.test((await machine.run('ip', '-n', 'trama.hosts-10x10.p50', 'link')).stdout)],
  ])('whose builder is killed among its %s is removed by down', async (_what, far) => {
    const builder = machine.start(...slowly('10x10'));
    await eventually('it is half-way', far);
    await machine.output('sh', '-c', 'kill -9 $(pgrep -f "[t]rama.ts lab up")');
    await builder.ended;
    expect(JSON.parse((await machine.trama('lab', 'ls', '-o', 'json')).stdout)).toMatchObject([
      { name: 'hosts-10x10', status: 'broken' },
    ]);
    const again = await machine.trama('lab', 'up', '10x10');
    expect(again).toMatchObject({ code: 1 });
    expect(again.stderr).toContain('remove it with `trama lab down hosts-10x10`');
    expect(await machine.trama('lab', 'down', 'hosts-10x10')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
    expect(await machine.trama('lab', 'up', '2x2')).toMatchObject({ code: 0 });
  });

  test('that is interrupted by Ctrl-C leaves nothing', async () => {
    const builder = machine.start(...slowly('10x10'));
    await eventually('it is half-way', async () => (await machine.namespaces()).length > 20);
    await machine.output('sh', '-c', 'kill -INT $(pgrep -f "[t]rama.ts lab up")');
    expect(await builder.ended).toBe(130);
    expect(await machine.leftovers()).toEqual([]);
  });

  test('that is not whole is not taken for a file that is not there', async () => {
    const office = 'name: office\ntopology: {nodes: {h1: {kind: host}, h2: {kind: host}}}\n';
    expect(await machine.trama('lab', 'up', await file(office))).toMatchObject({ code: 0 });
    await machine.output('ip', 'netns', 'delete', 'trama.office.h2');
    const told = async () => {
      const uses = [['test'], ['graph'], ['explain'], ['script', '-o', 'scripts']] as const;
      const ends = await Promise.all(uses.map(([use, ...words]) => machine.trama('lab', use, 'office', ...words)));
      return new Set(ends.map(({ code, stderr }) => `${code} ${stderr.trim()}`));
    };
    const broken = '1 trama: lab office is not whole: take it down with `trama lab down office`, and up again';
    expect(await told()).toEqual(new Set([broken]));
    await machine.output('rm', '-r', '/run/trama-labs');
    expect(await told()).toEqual(new Set([broken]));
    await machine.trama('lab', 'down', 'office');
    expect([...(await told())].join()).toContain('there is no file office');
  });

  test('whose record is lost is removed by what the kernel shows', async () => {
    await machine.trama('lab', 'up', 'nat');
    await machine.output('rm', '-r', '/run/trama-labs');
    expect(await machine.trama('lab', 'down', 'nat')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
    expect(await machine.trama('lab', 'down', 'nat')).toMatchObject({ code: 1 });
  });

  test.each([
    ['of its nodes', 'p1'],
    ['of its name', 'renamed'],
  ])('touches no namespace %s that is not its own, and nothing is built', async (_what, node) => {
    const taken = `trama.bridge.${node}`;
    await machine.output('ip', 'netns', 'add', taken);
    await machine.output('ip', '-n', taken, 'link', 'add', 'mine', 'type', 'bridge');
    await machine.output('ip', 'netns', 'add', 'other');
    const before = await networkState(machine);
    const { code, stderr } = await machine.trama('lab', 'up', 'bridge');
    expect(code).toBe(1);
    expect(stderr).toContain(`there is a network namespace ${taken} already`);
    expect(await networkState(machine)).toEqual(before);
    await machine.trama('lab', 'up', 'routes');
    await machine.trama('lab', 'down', 'routes');
    expect(await networkState(machine)).toEqual(before);
  });

  test.each([
    ['its script', 'lab script cluster', 'sh ./network_delete.sh'],
    ['the commands that down prints', 'lab down cluster --dry-run >printed', 'sh -eu ./printed'],
  ])('of machines is removed by %s, and nothing of one whose name begins with its', async (_what, told, removal) => {
    const [groups, disks] = ['/sys/fs/cgroup', '/var/tmp/trama-labs'];
    // A directory that holds something stands for a group that is busy: for a moment, and for good.
    await machine.output(
      ...(['sh', '-euc'] as const),
      `mount -t tmpfs tmpfs ${groups}
      mkdir -p ${groups}/cpu/trama-labs-cluster/h1/c1 ${groups}/trama-labs-cluster/h2/busy ${disks}/cluster/h1
      mkdir -p ${groups}/trama-labs-cluster-etcd/h1 ${groups}/trama-labs-cluster-etcd/h2/busy ${disks}/cluster-etcd/h1
      touch ${groups}/trama-labs-cluster/h2/busy/for-a-moment ${groups}/trama-labs-cluster-etcd/h2/busy/for-good`,
    );
    await machine.output('sh', '-euc', `${checkout}/bin/trama ${told}`);
    await Promise.all([
      machine.output('sh', '-c', removal),
      machine.output('sh', '-c', `sleep 0.5; rm ${groups}/trama-labs-cluster/h2/busy/for-a-moment`),
    ]);
    const left = await machine.output('find', groups, disks, '-mindepth', '1', '-type', 'd');
    expect(left.trim().split('\n').sort()).toEqual([
      `${groups}/cpu`,
      ...['', '/h1', '/h2', '/h2/busy'].map((path) => `${groups}/trama-labs-cluster-etcd${path}`),
      ...['', '/h1'].map((path) => `${disks}/cluster-etcd${path}`),
    ]);
  });

  test('of which disks outlasted a restart of the machine is broken, and in the way until it is down', async () => {
    await machine.output('mkdir', '-p', '/var/tmp/trama-labs/bridge/h1/etc');
    expect(JSON.parse((await machine.trama('lab', 'ls', '-o', 'json')).stdout)).toMatchObject([
      { name: 'bridge', status: 'broken' },
    ]);
    expect((await machine.trama('lab', 'inspect', 'bridge')).stderr).toContain('lab bridge is not whole');
    const { code, stderr } = await machine.trama('lab', 'up', 'bridge');
    expect(code).toBe(1);
    expect(stderr).toContain('what hosts had on their disks, /var/tmp/trama-labs/bridge, already');
    expect(stderr).toContain('remove it with `trama lab down bridge`');
    expect(await machine.namespaces()).toEqual([]);
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0, stdout: 'bridge\n' });
    expect(await machine.leftovers()).toEqual([]);
    expect(await machine.trama('lab', 'up', 'bridge')).toMatchObject({ code: 0 });
  });

  test('of which disks outlasted a restart of the machine is refused by its script, too, until it is removed', async () => {
    await machine.output('mkdir', '-p', '/var/tmp/trama-labs/modes/host/etc');
    await machine.trama('lab', 'script', 'modes', '-o', 'scripts');
    expect(await machine.run('sh', 'scripts/network_setup.sh')).toMatchObject({
      code: 1,
      stderr:
        'there is what hosts had on their disks, /var/tmp/trama-labs/modes, already: remove it with network_delete.sh\n',
    });
    expect(await machine.namespaces()).toEqual([]);
    expect(await machine.run('sh', 'scripts/network_delete.sh')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
  });

  test.each([
    ['somebody else’s', 'mkdir $disks; chown nobody $disks; mkdir $disks/modes'],
    ['one that anybody may write to', 'mkdir -m 777 $disks; mkdir $disks/modes'],
    ['a link to elsewhere', 'mkdir -p elsewhere/modes; ln -s "$PWD/elsewhere" $disks'],
  ])('keeps no disks in a directory that is %s, and removes nothing there', async (_what, making) => {
    await machine.output('sh', '-euc', `disks=/var/tmp/trama-labs; ${making}`);
    const sentence =
      '/var/tmp/trama-labs is no directory that root alone may write to, and what hosts have there is run as root: remove it\n';
    expect(await machine.trama('lab', 'up', 'modes')).toMatchObject({ code: 1, stderr: `trama: ${sentence}` });
    expect(await machine.namespaces()).toEqual([]);
    expect(await machine.trama('lab', 'ls', '-o', 'json')).toMatchObject({ code: 0, stdout: '[]\n' });
    expect(await machine.trama('lab', 'down', 'modes')).toMatchObject({ code: 1 });
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 1 });
    await machine.trama('lab', 'script', 'modes', '-o', 'scripts');
    await machine.output('rmdir', '/var/tmp/trama-labs/modes');
    expect(await machine.run('sh', 'scripts/network_setup.sh')).toMatchObject({ code: 1, stderr: sentence });
  });

  test('whose file another version of Trama took, and this one refuses, is broken, and others are as they were', async () => {
    for (const name of ['bridge', 'host']) await machine.trama('lab', 'up', name);
    await machine.output('sed', '-i', 's/topology:/topologies:/', '/run/trama-labs/bridge/lab.json');
    expect(JSON.parse((await machine.trama('lab', 'ls', '-o', 'json')).stdout)).toMatchObject([
      { name: 'bridge', status: 'broken' },
      { name: 'host', status: 'up' },
    ]);
    expect(await machine.trama('lab', 'test', 'host')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'down', 'bridge')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
  });

  test('down takes away nothing beside the labs', async () => {
    await machine.output('mkdir', '-p', '/var/tmp/trama-labs/nat/h1', '/var/tmp/mine');
    expect((await machine.trama('lab', 'down', '../mine')).stderr).toContain('there is no lab ../mine');
    await machine.output('test', '-d', '/var/tmp/mine');
  });

  test('stands beside others, also of the same addresses', async () => {
    for (const name of ['host', 'nat', '2x2'])
      expect(await machine.trama('lab', 'up', name)).toMatchObject({ code: 0 });
    for (const name of ['host', 'nat', 'hosts-2x2']) {
      expect(await machine.trama('lab', 'test', name)).toMatchObject({ code: 0 });
    }
    expect(await machine.trama('lab', 'up', 'nat')).toMatchObject({ code: 1 });
    expect((await machine.trama('lab', 'exec', 'p1', 'true')).stderr).toContain(
      'write host/p1, hosts-2x2/p1 or nat/p1',
    );
    expect(await machine.trama('lab', 'exec', 'outside', 'true')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'down', 'host')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'test', 'nat')).toMatchObject({ code: 0 });
    await machine.trama('lab', 'down', 'nat');
    await machine.trama('lab', 'down', 'hosts-2x2');
    expect(await machine.leftovers()).toEqual([]);
  });

  test('of a wrong file is refused before anything is built', async () => {
    const { code, stderr } = await machine.trama(
      ...['lab', 'up'],
      await file(`name: wrong
topology:
  nodes:
    h1: {kind: host, prefix: 10.0.0.0/24}
    c1: {kind: container, host: h2}
  links:
    - endpoints: ["h1:eth0", "h9:eth0"]
    - endpoints: ["h1:an-interface-too-long", "c1:eth1"]
`),
    );
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/wrong\.yaml:8: topology\.links\[1\]\.endpoints\[0\]: .*at most 15 characters/),
    ]);
    expect(await machine.leftovers()).toEqual([]);
  });

  test('says with exit code 1 and in JUnit what is not as expected', async () => {
    await machine.trama('lab', 'up', 'routes');
    await machine.output('ip', '-n', 'trama.routes.h1', 'route', 'del', '192.168.3.0/24');
    const report = `${machine.directory}/report.xml`;
    const { code, stdout } = await machine.trama('lab', 'test', '--junit', report);
    expect(code).toBe(1);
    expect(stdout).toMatch(/p1 +· +✓|p1 .*✗/);
    expect(stdout).toContain('FAIL  everybody reaches everybody');
    const xml = await machine.output('cat', report);
    expect(xml).toMatch(/<testsuite name="routes" tests="3" failures="2"/);
    expect(xml).toContain('<failure message="no answer: ');
  });
});

/** Each tool takes a while, so that there is a half-way. */
const slowly = (grid: string): [string, ...string[]] => {
  const wrap =
    'mkdir -p /run/slow; printf "#!/bin/sh\\nsleep 0.02\\nexec /usr/sbin/ip \\"\\$@\\"\\n" >/run/slow/ip; chmod +x /run/slow/ip';
  return [
    'sh',
    '-c',
    `${wrap}; PATH=/run/slow:$PATH exec "$0" lab up ${grid}`,
    `${new URL('../..', import.meta.url).pathname}bin/trama`,
  ];
};
