/** Every scenario: built and checked, then built by its own script without Trama, and both times the same. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkout, type LabMachine, labMachine, networkState } from './lab-machine.ts';

const files = ['bridge', 'host', 'nat', 'routes', 'lan', 'routed', 'p2p', 'overlay-multicast', 'overlay'];

describe('scenarios', { timeout: 120_000 }, () => {
  let machine: LabMachine;

  beforeEach(async () => {
    machine = await labMachine();
  });
  afterEach(async () => {
    await machine[Symbol.asyncDispose]();
  });

  test.each([...files, '2x2', '3x4'])('%s holds what it says; its scripts build the very same', async (name) => {
    expect(await machine.trama('lab', 'up', name)).toMatchObject({ code: 0 });
    const built = await networkState(machine);
    expect(await machine.trama('lab', 'test')).toMatchObject({ code: 0 });
    const source = files.includes(name) ? `${checkout}/lab/${name}.yaml` : name;
    expect(await machine.trama('lab', 'script', source, '-o', 'scripts')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);

    expect(await machine.run('sh', 'scripts/network_setup.sh')).toMatchObject({ code: 0 });
    expect(await networkState(machine)).toEqual(built);
    expect(await machine.run('sh', 'scripts/network_setup.sh')).toMatchObject({ code: 0, stderr: '' });
    expect(await networkState(machine)).toEqual(built);
    expect(await machine.trama('lab', 'test', source)).toMatchObject({ code: 0 });
    expect(await machine.run('sh', 'scripts/network_delete.sh')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
    expect(await machine.run('sh', 'scripts/network_delete.sh')).toMatchObject({ code: 0, stderr: '' });
  });

  test('interfaces may be called as iproute2 calls its own words', async () => {
    const file = `${machine.directory}/words.yaml`;
    const words = [
      'm',
      'master',
      'dev',
      'type',
      'up',
      'down',
      'name',
      'address',
      'mtu',
      'peer',
      'link',
      'index',
      'help',
    ];
    const links = words.map((word, at) => `    - {endpoints: ["r:${word}", "h:${word}"], prefix: 10.0.${at}.0/30}`);
    await writeFile(
      file,
      `name: words
topology:
  nodes:
    r: {kind: router}
    h: {kind: host, prefix: 10.1.0.0/24, nat: m, uplink: via}
    via: {kind: switch}
    table: {kind: container, host: h}
    group: {kind: container, host: h}
  links:
    - {endpoints: ["via:type", "h:via"], loss: 1%, tc: {rate: 100mbit}}
${links.join('\n')}
validate:
  - ping: {from: [table, group], to: r}
`,
    );
    expect(await machine.trama('lab', 'up', file)).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining('done'),
    });
    const built = await networkState(machine);
    expect(await machine.trama('lab', 'test')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'set', 'r:m', 'down')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'set', 'r:m', 'up')).toMatchObject({ code: 0 });
    expect(await networkState(machine)).toEqual(built);
    await machine.trama('lab', 'script', file, '-o', 'scripts');
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0 });
    for (const time of ['first', 'second'])
      expect({ time, ...(await machine.run('sh', 'scripts/network_setup.sh')) }).toMatchObject({ code: 0, stderr: '' });
    expect(await networkState(machine)).toEqual(built);
    expect(await machine.run('sh', 'scripts/network_delete.sh')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
  });

  test('the file that the documents begin with holds what it says', async () => {
    const text = await readFile(`${checkout}/docs/lab/topology.md`, 'utf8');
    const [, example = ''] = /^```yaml\n(.*?)^```/ms.exec(text) ?? [];
    // A lossy link makes no sure test.
    await writeFile(`${machine.directory}/office.yaml`, example.replace(/^ +loss: .*\n/m, ''));
    expect(await machine.trama('lab', 'up', 'office.yaml')).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'test')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('PASS  internet fetches a page from h1:8080'),
    });
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
  });

  test('hops are counted to more nodes than a router tells at once that a time to live was exceeded', async () => {
    const nodes = Array.from({ length: 10 }, (_, at) => `n${at}`);
    const file = `${machine.directory}/behind.yaml`;
    await writeFile(
      file,
      `name: behind
topology:
  nodes:
    a: {kind: linux}
    r: {kind: router}
    sw: {kind: switch, prefix: 10.1.0.0/24}
${nodes.map((name) => `    ${name}: {kind: linux}`).join('\n')}
  links:
    - {endpoints: ["a:eth0", "r:eth0"], prefix: 10.0.0.0/30}
    - {endpoints: ["r:eth1", "sw:r"]}
${nodes.map((name) => `    - {endpoints: ["${name}:eth0", "sw:${name}"]}`).join('\n')}
validate:
  - hops: {from: a, to: containers, expect: 2}
`,
    );
    expect(await machine.trama('lab', 'up', file)).toMatchObject({ code: 0 });
    expect(await machine.trama('lab', 'test')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('PASS  from a to containers it is 2 hops'),
    });
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0 });
  });

  test('a script names Trama in comments only, and says of each step what it is for', async () => {
    await machine.trama('lab', 'script', 'nat', '-o', 'scripts');
    const text = await readFile(`${machine.directory}/scripts/network_setup.sh`, 'utf8');
    const commands = text.split('\n').filter((line) => !line.startsWith('#'));
    expect(commands.filter((line) => /\btrama (lab|up|agent)\b|node/.test(line))).toEqual([]);
    const steps = commands.filter((line) => /^(\[ -e|shown \S+ link|nsenter .* (sysctl|nft))/.test(line));
    for (const step of steps) expect(text.split('\n')[text.split('\n').indexOf(step) - 1]).toMatch(/^# \S.*: .*\.$/);
    expect(steps.length).toBeGreaterThan(10);
  });

  test('a script for which a tool is missing says so, and builds nothing', async () => {
    await machine.trama('lab', 'script', 'cluster', '-o', 'scripts');
    const without = ['env', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'sh', 'scripts/network_setup.sh'] as const;
    expect(await machine.run(...without)).toMatchObject({
      code: 1,
      stderr: 'there is no trama: install it, or add its directory to PATH\n',
    });
    expect(await machine.leftovers()).toEqual([]);
  });

  test('a dry run prints what up does, and does nothing', async () => {
    const { stdout } = await machine.trama('lab', 'up', 'bridge', '--dry-run');
    expect(await machine.leftovers()).toEqual([]);
    await machine.output('sh', '-ec', stdout);
    const printed = await networkState(machine);
    expect((await machine.trama('lab', 'up', 'bridge')).stderr).toContain(
      'there is a network namespace trama.bridge.p1 already',
    );
    const removal = await machine.trama('lab', 'down', 'bridge', '--dry-run');
    expect(await networkState(machine)).toEqual(printed);
    await machine.output('sh', '-ec', removal.stdout);
    expect(await machine.leftovers()).toEqual([]);
    await machine.trama('lab', 'up', 'bridge');
    expect(await networkState(machine)).toEqual(printed);
    expect(await machine.trama('lab', 'down')).toMatchObject({ code: 0 });
  });

  test('what down prints ends what runs in the nodes, too', async () => {
    expect(await machine.trama('lab', 'up', 'nat')).toMatchObject({ code: 0 });
    const { stdout } = await machine.trama('lab', 'down', 'nat', '--dry-run');
    expect((await machine.leftovers()).filter((one) => one.includes('busybox'))).toHaveLength(2);
    await machine.output('sh', '-ec', stdout);
    // The record is not the kernel's.
    expect(await machine.leftovers()).toEqual(['nat']);
    expect(await machine.trama('lab', 'down', 'nat')).toMatchObject({ code: 0 });
    expect(await machine.leftovers()).toEqual([]);
  });
});
