/** A lab that is up: commands in it, links that change, frames that are looked at. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../src/lab/lab.ts';
import { type LabMachine, labMachine, networkState } from './lab-machine.ts';

describe('in a lab', { timeout: 120_000 }, () => {
  let machine: LabMachine;

  beforeAll(async () => {
    machine = await labMachine();
    for (const name of ['overlay', 'routes']) expect(await machine.trama('lab', 'up', name)).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await machine[Symbol.asyncDispose]();
  });

  const set = async (...words: string[]) =>
    expect(await machine.trama('lab', 'set', ...words)).toMatchObject({ code: 0 });
  const failures = async (lab: string) => (await machine.trama('lab', 'test', lab)).code;

  test('a command has its exit code, its input, and a terminal if we have one', async () => {
    expect(await machine.trama('lab', 'exec', 'p1', 'sh', '-c', 'exit 7')).toMatchObject({ code: 7 });
    expect(await machine.trama('lab', 'exec', 'routes/p1', 'sh', '-c', 'kill -9 $$')).toMatchObject({ code: 137 });
    expect(await machine.trama('lab', 'exec', 'p1', 'no-such-program')).toMatchObject({ code: 127 });
    const { stdout } = await machine.trama('lab', 'exec', 'p1', 'ip', '-br', '-4', 'addr', 'show', 'eth0');
    expect(stdout).toContain('192.168.2.2/24');
    const typed = await machine.run(
      'script',
      '-qec',
      `${new URL('../..', import.meta.url).pathname}bin/trama lab exec p1 tty`,
      '/dev/null',
    );
    expect(typed.stdout).toMatch(/\/dev\/pts\/\d+|\/dev\/console/);
    expect((await machine.trama('lab', 'exec', 'p7', 'true')).stderr).toContain('p7');
  });

  test('a cable is pulled and plugged in again, with the routes that stood on it', async () => {
    const before = await networkState(machine);
    await set('routes/h1:eth0', 'down', '--dry-run');
    expect(await networkState(machine)).toEqual(before);
    await set('routes/h2:eth0', 'down');
    expect(await failures('routes')).toBe(1);
    expect((await machine.trama('lab', 'inspect', 'routes')).stdout).toMatch(/h1:eth0 - h2:eth0 +down/);
    await set('routes/h1:eth0', 'up');
    expect(await networkState(machine)).toEqual(before);
    expect(await failures('routes')).toBe(0);
  });

  test('a link loses frames, and none any more', async () => {
    const before = await networkState(machine);
    const ping = () =>
      machine.trama('lab', 'exec', 'p1', 'ping', '-q', '-i', '0.01', '-c', '60', '-W', '0.1', '192.168.2.3');
    // Who is known needs no ARP, which would be lost as well, and with it all pings of a second.
    await ping();
    await set('p1:eth0', 'loss', '50%');
    const lost = Number(/(\d+(?:\.\d+)?)% packet loss/.exec((await ping()).stdout)?.[1]);
    // Each direction loses half: three quarters in all.
    expect(lost).toBeGreaterThan(50);
    expect(lost).toBeLessThan(95);
    await set('p1:eth0', 'loss', '0');
    expect((await ping()).stdout).toContain(' 0% packet loss');
    const after = await networkState(machine);
    expect(JSON.stringify(after)).not.toContain('numgen');
    expect(JSON.stringify(after)).toBe(JSON.stringify(before));
  });

  test('a link has a rate, and none any more', async () => {
    const before = await networkState(machine);
    await set('routes/p2:eth0', 'rate', '10mbit');
    expect(await throughput('p2', '192.168.2.2')).toBeLessThan(12);
    await set('routes/p2:eth0', 'rate', '20mbit');
    expect(JSON.stringify(await networkState(machine))).toContain('"rate":2500000');
    await set('routes/p2:eth0', 'rate', 'none');
    expect(await networkState(machine)).toEqual(before);
    expect(await throughput('p2', '192.168.2.2')).toBeGreaterThan(100);
  });

  /** Mbit/s by TCP, to p1. */
  async function throughput(from: string, to: string): Promise<number> {
    const server = machine.start('nsenter', '--net=/run/netns/trama.routes.p1', 'iperf3', '-s', '-1');
    const listens = async () =>
      (await machine.output('nsenter', '--net=/run/netns/trama.routes.p1', 'ss', '-ltn')).includes(':5201');
    await eventually('somebody listens', listens);
    const client = ['nsenter', `--net=/run/netns/trama.routes.${from}`, 'iperf3', '-c', to, '-t', '1', '-J'] as const;
    const report = JSON.parse(await machine.output(...client));
    await server.ended;
    return report.end.sum_received.bits_per_second / 1e6;
  }

  test('frames of an overlay are seen as VXLAN, with the number of the network', async () => {
    const capture = machine.start(`${new URL('../..', import.meta.url).pathname}bin/trama`, 'lab', 'capture', 'lan:h1');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const line of capture.lines) seen.push(line);
    })();
    await eventually('it is seen', async () => {
      await machine.trama('lab', 'exec', 'c1', 'ping', '-c1', '-W1', '10.42.0.5');
      return seen.some((line) => /10\.0\.0\.1\.\d+ > 10\.0\.0\.2\.4789: VXLAN.* vni 42/.test(line));
    });
    await machine.run('sh', '-c', 'kill -INT $(pgrep tcpdump)');
    await reading;
    expect(await capture.ended).toBe(0);
    const file = `${machine.directory}/frames.pcap`;
    const written = machine.start(
      `${new URL('../..', import.meta.url).pathname}bin/trama`,
      'lab',
      'capture',
      'overlay/c1',
      '-w',
      file,
    );
    await eventually('there are packets', async () => {
      await machine.trama('lab', 'exec', 'c1', 'ping', '-c1', '10.42.0.4');
      return (await machine.run('tcpdump', '-n', '-r', file)).stdout.includes('10.42.0.4');
    });
    await machine.run('sh', '-c', 'kill -INT $(pgrep tcpdump)');
    await written.ended;
  });

  test('it is told as JSON, too', async () => {
    expect(JSON.parse((await machine.trama('lab', 'ls', '-o', 'json')).stdout)).toMatchObject([
      { name: 'overlay', status: 'up', nodes: 7, links: 6 },
      { name: 'routes', status: 'up', nodes: 6, links: 5 },
    ]);
    const lab = JSON.parse((await machine.trama('lab', 'inspect', 'routes', '-o', 'json')).stdout);
    expect(lab.nodes.find(({ name }: { name: string }) => name === 'p1')).toMatchObject({
      ...{ kind: 'container', host: 'h1', namespace: 'trama.routes.p1' },
      interfaces: [{ name: 'eth0', cidr: '192.168.2.2/24', mac: '02:00:c0:a8:02:02', peer: 'h1:p1' }],
      routes: ['default via 192.168.2.1 dev eth0'],
    });
  });
});
