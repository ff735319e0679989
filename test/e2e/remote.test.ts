/**
 * Containers of one host from another, by way of servers on three: streams whose reader is slow, streams whose relay dies, terminals,
 * exit codes, files, figures and events. One cluster for all.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, type LabHost, startCluster } from '../../src/lab/lab.ts';
import { systemClock } from '../../src/platform/platform.ts';
import type { ClusterEvent, StatsView } from '../../src/protocol/protocol.ts';
import { HostTerminal } from '../terminal.ts';
import { run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
/** Where people are, and where the containers are. */
let here: LabHost;
let there: LabHost;
const names = ['h1', 'h2', 'h3'];
const program = `${process.cwd()}/bin/trama`;

/** Bytes, in a million lines. */
const logSize = 100_000_000;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: names, servers: 3 });
  [here, there] = [cluster.host('h3'), cluster.host('h2')];
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  const lines = `seq -w 1 1000000 | sed 's/$/ ${'x'.repeat(91)}/'`;
  await run(cluster, 'big', 'h2', 'app', 'sh', '-c', `${lines}; sleep 100000`);
  await run(cluster, 'box', 'h2', 'app');
}, 300_000);
afterAll(() => lab?.[Symbol.asyncDispose]());

const cleanups: (() => PromiseLike<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A command line that goes on; its output is in files, by shell. */
async function going(command: string, host = here) {
  const started = await host.start(['sh', '-c', `exec ${program} ${command}`], { name: 'trama' });
  cleanups.push(() => started[Symbol.asyncDispose]());
  return started;
}

async function kilobytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Bytes that a process has read by system calls: of files, pipes and sockets. */
async function bytesRead(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

const pidsOf = () => [...cluster.servers.values(), ...cluster.agents.values()].map(({ pid }) => pid);
const pidOfAgent = (name: string): number => cluster.agents.get(name)?.pid ?? -1;

/** The engine keeps the log by itself: it is whole some time after it was written. */
async function wholeLog(): Promise<void> {
  const size = async () => (await there.run(['sh', '-c', 'docker logs big | wc -c'], { timeoutMs: 120_000 })).stdout;
  await eventually('the log is whole', async () => Number(await size()) === logSize, 120_000);
}

describe('a log of 100 MB', () => {
  test('arrives entire', async () => {
    await wholeLog();
    const hash = async (host: LabHost, command: string) =>
      (await host.output(['sh', '-c', `${command} | sha256sum`], { timeoutMs: 150_000 })).slice(0, 64);
    expect(await hash(here, `${program} logs big`)).toBe(await hash(there, 'docker logs big'));
  });

  test('read at 1 KB a second is read no faster from its engine, and nobody keeps it meanwhile', async () => {
    await wholeLog();
    const daemons = pidsOf();
    const before = await Promise.all(daemons.map(kilobytes));
    const readBefore = await bytesRead(pidOfAgent('h2'));
    const reader = `while dd bs=1024 count=1 of=/dev/null 2>/dev/null; do echo; sleep 1; done`;
    const slow = await here.start(['sh', '-c', `${program} logs -f big | { ${reader}; }`], { name: 'slow' });
    cleanups.push(() => slow[Symbol.asyncDispose]());
    const cli = await pidOf('logs -f big');
    const growth: number[] = [];
    const ofCli: number[] = [];
    // Until the reader has had some; all that lies between is full by then.
    await eventually('ten kilobytes were read', async () => {
      const now = await Promise.all(daemons.map(kilobytes));
      growth.push(...now.map((value, at) => value - (before[at] ?? 0)));
      ofCli.push(await kilobytes(cli));
      return (await slow.output()).length >= 10;
    });
    expect(Math.max(...growth)).toBeLessThan(24 * 1024);
    expect(Math.max(...ofCli)).toBeLessThan(120 * 1024);
    // All windows and buffers together; then the engine is read no further.
    const readOf = (await bytesRead(pidOfAgent('h2'))) - readBefore;
    expect(readOf).toBeLessThan(8 * 1024 * 1024);
    await systemClock.sleep(2000);
    expect((await bytesRead(pidOfAgent('h2'))) - readBefore - readOf).toBeLessThan(256 * 1024);
    // Whoever waits behind it is not kept waiting.
    const nodes = await cluster.json<{ status: string }[]>('node', 'ls');
    expect(nodes.map(({ status }) => status)).toEqual(['ready', 'ready', 'ready']);
    expect(await cluster.tramaOn('h3', 'exec', 'box', 'echo', 'beside')).toBe('beside\n');
  });
});

/** Of the command line with these words, as the machine counts. */
async function pidOf(words: string): Promise<number> {
  let found = -1;
  await eventually(`a process of trama ${words}`, async () => {
    const { stdout } = await here.run(['pgrep', '-f', `trama.ts ${words}$`]);
    const [inside] = stdout.trim().split('\n');
    const status = await here.output(['grep', 'NSpid', `/proc/${inside}/status`]);
    // Numbers of the host's own: found by what the machine says of them.
    const all = (await here.output(['readlink', `/proc/${inside}/ns/pid`])).trim();
    found = await ofNamespace(all, Number(status.trim().split(/\s+/).at(-1)));
    return found > 0;
  });
  return found;
}

async function ofNamespace(namespace: string, inside: number): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const own = await readlink(`/proc/${pid}/ns/pid`).catch(() => '');
    if (own !== namespace) continue;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1]) === inside) return Number(pid);
  }
  return -1;
}

async function killServer(name: string): Promise<void> {
  const server = cluster.servers.get(name);
  server?.kill('SIGKILL');
  await server?.ended;
}

/** Every agent is connected to every server: whichever is the relay, it has been chosen anew. */
const whole = () =>
  eventually('every agent is connected to every server', async () => {
    for (const name of names) {
      const { stdout } = await cluster.host(name).run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:4700/metrics']);
      if (!stdout.includes('\ntrama_connected_nodes 3\n')) return false;
    }
    return true;
  });

describe('a relay that is killed', () => {
  test('a followed log goes on by another, no line lost or doubled, whichever server it is', async () => {
    const counts = 'i=0; while :; do i=$((i+1)); echo "line $i"; echo "error $i" >&2; usleep 3000; done';
    await run(cluster, 'counter', 'h2', 'app', 'sh', '-c', counts);
    cleanups.push(() => cluster.trama('rm', '-f', 'counter'));
    const out = '/tmp/followed';
    const follower = await here.start(['sh', '-c', `exec ${program} logs -f counter >${out}.out 2>${out}.err`], {
      name: 'follower',
    });
    cleanups.push(() => follower[Symbol.asyncDispose]());
    const lines = async (of: string) => (await here.readFile(`${out}.${of}`).catch(() => '')).split('\n').slice(0, -1);
    const grows = async () => {
      const before = (await lines('out')).length;
      await eventually('the log goes on', async () => (await lines('out')).length > before + 50);
    };
    await grows();
    for (const name of names) {
      await killServer(name);
      await grows();
      await cluster.startServer(name);
      await whole();
    }
    follower.kill('SIGINT');
    expect(await follower.ended).toBe(130);
    for (const [of, word] of [
      ['out', 'line'],
      ['err', 'error'],
    ] as const) {
      const got = await lines(of);
      expect(got).toEqual(got.map((_, n) => `${word} ${n + 1}`));
      expect(got.length).toBeGreaterThan(200);
    }
  });

  test('a followed log goes on when the agent of its node is killed and comes back', async () => {
    await run(
      cluster,
      'slower',
      'h2',
      'app',
      'sh',
      '-c',
      'i=0; while :; do i=$((i+1)); echo "line $i"; usleep 20000; done',
    );
    cleanups.push(() => cluster.trama('rm', '-f', 'slower'));
    const follower = await going('logs -f slower');
    const lines = async () => (await follower.output()).split('\n').slice(0, -1);
    await eventually('the first lines', async () => (await lines()).length > 5);
    const agent = cluster.agents.get('h2');
    agent?.kill('SIGKILL');
    await agent?.ended;
    await cluster.startAgent('h2');
    const before = (await lines()).length;
    await eventually('the log goes on', async () => (await lines()).length > before + 50, 60_000);
    const got = (await lines()).filter((line) => !line.startsWith('trama: '));
    expect(got).toEqual(got.map((_, n) => `line ${n + 1}`));
  });

  test("a command that cannot go on ends with a sentence and a code that is no command's", async () => {
    await whole();
    const ended: number[] = [];
    for (const name of names) {
      const command = await going('exec box sleep 8');
      const began = await there.run([
        'sh',
        '-c',
        'for i in $(seq 100); do pgrep -f "^sleep 8" && exit; sleep 0.1; done; exit 1',
      ]);
      expect(began.code).toBe(0);
      await killServer(name);
      const code = await command.ended;
      ended.push(code);
      const said = await command.output();
      if (code === 125) expect(said).toMatch(/^trama: the connection to box was lost, and what ran there may go on: /);
      else expect({ code, said }).toEqual({ code: 0, said: '' });
      await cluster.startServer(name);
      await whole();
    }
    // One of the three was the relay of this host.
    expect(ended.filter((code) => code === 125)).toHaveLength(1);
  });
});

describe('a command', () => {
  const exec = async (...words: string[]) => here.run([program, 'exec', ...words]);

  test('ends with its exit code, as whom, where and with what it is asked to', async () => {
    expect(await exec('box', 'sh', '-c', 'exit 42')).toMatchObject({ code: 42 });
    const told = 'id -u; pwd; echo $A; echo err >&2';
    expect(await exec('-u', 'nobody', '-w', '/etc', '-e', 'A=b', 'box', 'sh', '-c', told)).toEqual({
      ...{ code: 0, stdout: '65534\n/etc\nb\n', stderr: 'err\n' },
    });
    expect(await exec('box', 'nope')).toMatchObject({ code: 127 });
  });

  test('has our input, of whatever size, and its end', async () => {
    const size = 20 * 1024 * 1024;
    const command = `head -c ${size} /dev/zero | ${program} exec -i box sh -c 'wc -c; echo over'`;
    expect(await here.output(['sh', '-c', command], { timeoutMs: 60_000 })).toBe(`${size}\nover\n`);
  });

  test('is told of Ctrl-C, with what it has started', async () => {
    const command = await going("exec box sh -c 'sleep 4711; sleep 4712'");
    await eventually('it runs', async () => (await there.run(['pgrep', '-f', '^sleep 4711'])).code === 0);
    command.kill('SIGINT');
    expect(await command.ended).toBe(130);
    await eventually('it is gone', async () => (await there.run(['pgrep', '-f', '^sleep 471[12]'])).code === 1);
  });

  test('has a terminal of the size of ours, also when that changes; keys are its own', async () => {
    const terminal = await HostTerminal.open(here, 'exec', { columns: 90, rows: 30 });
    cleanups.push(() => terminal[Symbol.asyncDispose]());
    await terminal.line(`${program} exec -it box sh`);
    await terminal.until(/^\/www #/m);
    await terminal.line('stty size');
    await terminal.until(/^30 90$/m);
    await terminal.resize(123, 41);
    await eventually('the new size', async () => {
      await terminal.line('stty size');
      return /^41 123$/m.test(await terminal.screen());
    });
    await terminal.line('sleep 4714');
    // A key that comes before it is the shell's.
    await eventually('it sleeps', async () => (await there.run(['pgrep', '-f', '^sleep 4714'])).code === 0);
    await terminal.press('C-c');
    await terminal.line('exit 42');
    // The shell's own again: what is typed before is still the command's.
    await terminal.until(/exit 42\s+ready\$/);
    await terminal.line('echo code $?; stty -a | grep -c " echo "');
    await terminal.until(/^code 42\n1$/m);
  });

  test('whose terminal goes away is left as docker leaves it: its input ends', async () => {
    const terminal = await HostTerminal.open(here, 'gone', { columns: 80, rows: 24 });
    cleanups.push(() => terminal[Symbol.asyncDispose]());
    await terminal.line(`${program} exec -i box sh -c 'cat; sleep 4713'`);
    await eventually('it runs', async () => (await there.run(['pgrep', '-f', '^cat'])).code === 0);
    await terminal[Symbol.asyncDispose]();
    await eventually('its input is over', async () => (await there.run(['pgrep', '-f', '^sleep 4713'])).code === 0);
    await there.output(['sh', '-c', 'kill $(pgrep -f "^sleep 4713")']);
  });
});

describe('files', () => {
  const sh = (command: string) => here.output(['sh', '-ec', command], { timeoutMs: 120_000 });

  test('50 MB there and back', async () => {
    const copied = `
      cd "$(mktemp -d)"; head -c 50000000 /dev/urandom >file
      ${program} cp file box:/tmp/there; ${program} exec box sha256sum /tmp/there
      ${program} cp box:/tmp/there back; sha256sum file back; ${program} exec box rm /tmp/there`;
    const sums = (await sh(copied))
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 64));
    expect(sums).toHaveLength(3);
    expect(new Set(sums).size).toBe(1);
  });

  test('a directory there and back, and archives on input and output', async () => {
    const copied = `
      cd "$(mktemp -d)"; mkdir -p tree/sub; echo text >'tree/sub/a file'; ln -s sub tree/link; chmod 600 'tree/sub/a file'
      ${program} cp tree box:/tmp/; ${program} cp tree/. box:/tmp/tree/more
      ${program} cp box:/tmp/tree got; diff -r tree/sub got/sub; diff -r tree/sub got/more/sub
      readlink got/link; stat -c %a 'got/sub/a file'
      tar -c tree | ${program} cp - box:/srv 2>&1 || true
      tar -c tree | ${program} cp - box:/root; ${program} cp box:/root/tree - | tar -t | sort
      ${program} cp box:/nope . 2>&1 || echo $?`;
    expect((await sh(copied)).trim().split('\n')).toEqual([
      'sub',
      '600',
      'trama: there is no directory /srv in box',
      ...['tree/', 'tree/link', 'tree/sub/', 'tree/sub/a file'],
      'trama: there is no /nope in box',
      '1',
    ]);
  });

  test('of a container that is stopped', async () => {
    await run(cluster, 'still', 'h1', 'app');
    cleanups.push(() => cluster.trama('rm', '-f', 'still'));
    await cluster.trama('stop', '-t', '0', 'still');
    const copied = `cd "$(mktemp -d)"; echo 1 >x; ${program} cp x still:/tmp/y; ${program} cp still:/tmp/y -  | tar -xO`;
    expect(await sh(copied)).toBe('1\n');
  });
});

test('what containers of all hosts use, from any host', async () => {
  await run(cluster, 'busy', 'h1', 'app', 'sh', '-c', 'while :; do :; done');
  cleanups.push(() => cluster.trama('rm', '-f', 'busy'));
  const [box] = await cluster.json<{ networks: { address: string }[] }[]>('ps', '--filter', 'name=box');
  await there.run(['ping', '-c', '2', '-i', '0.2', '-s', '1000', box?.networks[0]?.address ?? '']);
  const text = await cluster.tramaOn('h3', 'stats', '--no-stream', '-o', 'json');
  const stats = new Map((JSON.parse(text) as StatsView[]).map((each) => [each.name, each]));
  expect([...stats.keys()].sort()).toEqual(['big', 'box', 'busy']);
  expect(stats.get('busy')).toMatchObject({ node: 'h1', pids: 1 });
  expect(stats.get('busy')?.cpu).toBeGreaterThan(0.05);
  expect(stats.get('box')?.cpu).toBeLessThan(0.05);
  expect(stats.get('box')?.network?.received).toBeGreaterThan(2000);
  expect(stats.get('box')?.memory?.used).toBeGreaterThan(0);
  expect(await cluster.tramaOn('h3', 'stats', '--no-stream', 'box', 'busy')).toMatch(/^busy +h1 +\d+\.\d+%/m);
});

test('what happens on all hosts is told on any, a line each', async () => {
  const teller = await going(`events --since ${Math.floor(Date.now() / 1000)} -o json`);
  const heard = async () =>
    (await teller.output())
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ClusterEvent);
  const words = async () =>
    (await heard()).map(({ type, action, name, node = '' }) => `${type} ${action} ${name} ${node}`);
  await cluster.trama('network', 'create', 'other', '--subnet', '10.43.0.0/16');
  await run(cluster, 'brief', 'h1', 'other');
  await there.docker('run', '-d', '--name', 'plain', '--network', 'other', 'trama/busybox:1', 'sh', '-c', 'exit 3');
  await there.docker('rm', '-f', 'plain');
  await cluster.trama('rm', '-f', 'brief');
  await cluster.trama('network', 'rm', 'other');
  const expected = [
    'network create other ',
    ...['container start brief h1', 'container die brief h1', 'container remove brief h1'],
    ...['container start plain h2', 'container die plain h2', 'container remove plain h2'],
    'network remove other ',
  ];
  await eventually('all of it', async () => {
    const told = await words();
    return expected.every((each) => told.includes(each));
  });
  expect((await heard()).find(({ name, action }) => name === 'plain' && action === 'die')?.attributes.exitCode).toBe(
    '3',
  );
  const since = await cluster.tramaOn(
    'h1',
    'events',
    '--since',
    '5m',
    '--no-follow',
    '--filter',
    'name=plain',
    '-o',
    '{{.action}}',
  );
  expect(since.trim().split('\n')).toEqual(expect.arrayContaining(['start', 'die', 'remove']));
  // What was put right in a kernel is told too.
  await there.output(['nft', 'flush', 'table', 'inet', 'trama']);
  await eventually('the repair', async () => (await words()).includes('repair repair h2 h2'), 60_000);
  teller.kill('SIGINT');
  expect(await teller.ended).toBe(130);
});

test('start, stop and rm, from a host that has nothing to do with it', async () => {
  await run(cluster, 'moved', 'h2', 'app');
  expect(await cluster.tramaOn('h3', 'stop', '-t', '0', 'moved')).toBe('moved\n');
  expect(await cluster.tramaOn('h3', 'start', 'moved')).toBe('moved\n');
  expect(await cluster.tramaOn('h1', 'rm', '-f', 'moved')).toBe('moved\n');
  expect(await cluster.json<{ name: string }[]>('ps', '-a')).not.toContainEqual(
    expect.objectContaining({ name: 'moved' }),
  );
});
