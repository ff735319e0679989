import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLab, type Lab, type LabHost, labImage, reapDeadLabs } from '../../src/lab/lab.ts';
import { output, processesWithEnvironment, spawn, start } from '../../src/platform/platform.ts';

/** Everything on the machine that carries a session's name. */
async function tracesOf(session: string): Promise<string[]> {
  const namespaces = (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(`tl${session}`));
  const processes = await processesWithEnvironment(`TRAMA_LAB=${session}`);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(session));
  const groups = await output(spawn, {
    argv: ['find', '/sys/fs/cgroup', '-maxdepth', '2', '-type', 'd', '-name', `trama-lab-${session}`],
  });
  const paths = [`/var/tmp/trama-lab/${session}`, `/run/trama-lab/${session}.json`];
  return [
    ...namespaces,
    ...processes.map((pid) => `process ${pid}`),
    ...mounts,
    ...groups.split('\n').filter(Boolean),
    ...paths.filter(existsSync),
  ];
}

async function linksOfTheMachine(): Promise<string[]> {
  const links: { ifname: string }[] = JSON.parse(await output(spawn, { argv: ['ip', '-j', 'link'] }));
  return links.map((link) => link.ifname).sort();
}

/** Runs `host` in a lab that another process owns, and kills that with SIGKILL. @returns its session. */
async function killedLab(): Promise<string> {
  const door = new URL('../../src/lab/lab.ts', import.meta.url).href;
  const program = `
    import { createLab } from ${JSON.stringify(door)};
    const lab = await createLab();
    await lab.host('h1').then((host) => host.docker('run', '-d', ${JSON.stringify(labImage)}, 'sleep', '1000'));
    console.log(lab.session);
    setInterval(() => {}, 1000);`;
  const owner = start([process.execPath, '--input-type=module', '--eval', program]);
  onTestFinished(() => owner[Symbol.asyncDispose]());
  for await (const session of owner.lines) {
    expect(await tracesOf(session)).not.toEqual([]);
    owner.kill('SIGKILL');
    await owner.ended;
    // Processes do not wait for a reaper: they die with the owner.
    await expect.poll(() => processesWithEnvironment(`TRAMA_LAB=${session}`)).toEqual([]);
    return session;
  }
  throw new Error('the other process made no lab');
}

describe('two hosts with Docker and an outside', () => {
  let lab: Lab;
  let h1: LabHost;
  let h2: LabHost;

  beforeAll(async () => {
    lab = await createLab({ underlayMtu: 1450 });
    [h1, h2] = await Promise.all([lab.host('h1'), lab.host('h2', { address: '10.99.0.77' })]);
  }, 60_000);
  afterAll(() => lab?.[Symbol.asyncDispose](), 60_000);

  test('hosts reach each other and the outside, and the outside reaches them', async () => {
    expect([h1.address, h2.address]).toEqual(['10.99.0.11', '10.99.0.77']);
    for (const [from, to] of [
      [h1, h2],
      [h2, h1],
      [h1, lab.outside],
      [lab.outside, h2],
    ] as const) {
      expect(await from.pingFromHost(to.address), `${from.name} to ${to.name}`).toMatchObject({ reached: true });
    }
    expect(await h1.pingFromHost('10.99.0.200')).toEqual({ reached: false });
  });

  test('a host has a name, links, processes, /etc, /var/lib and /run of its own', async () => {
    expect(await h1.output(['cat', '/proc/sys/kernel/hostname'])).toBe('h1\n');
    expect(await h1.output(['ls', '/sys/class/net'])).toMatch(/^docker0\neth0\nlo\n/);
    expect(await h1.output(['cat', '/sys/class/net/eth0/mtu'])).toBe('1450\n');
    expect(await h1.output(['cat', '/proc/1/cmdline'])).toContain('host-init.sh');
    for (const path of ['/etc/trama/probe', '/var/lib/trama/probe', '/run/trama/probe']) {
      await h1.writeFile(path, 'mine');
      expect(await h1.readFile(path)).toBe('mine');
      expect((await h2.run(['cat', path])).code).not.toBe(0);
      expect(existsSync(path)).toBe(false);
    }
    expect(await h1.output(['ls', import.meta.filename])).toContain('lab.test.ts');
  });

  test('containers run on both, reach outside masqueraded, and are not known there', async () => {
    await Promise.all(
      [h1, h2].map(async (host) => {
        await host.docker('run', '-d', '--name', 'web', labImage, 'httpd', '-f');
        const address = await host.docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'web');
        expect(await host.output(['busybox', 'wget', '-qO-', `http://${address}/`])).toBe('hello\n');
        expect(await host.pingFromContainer('web', lab.outside.address)).toMatchObject({ reached: true });
        expect(await lab.outside.pingFromHost(address)).toEqual({ reached: false });
      }),
    );
    expect(await h1.docker('images', '-q')).toBe(await h2.docker('images', '-q'));
  });

  test('a cut cable is seen by the host, a lossy one is not; both heal', async () => {
    const carrier = () => h1.output(['ip', '-br', 'link', 'show', 'eth0']);
    await h1.cutLink();
    expect(await carrier()).toContain('NO-CARRIER');
    expect(await h2.pingFromHost(h1.address)).toEqual({ reached: false });
    await h1.healLink();
    await h1.loss(100);
    expect(await carrier()).not.toContain('NO-CARRIER');
    expect(await h2.pingFromHost(h1.address)).toEqual({ reached: false });
    await h1.loss(30);
    const { stdout } = await h2.run(['ping', '-q', '-c', '300', '-i', '0.002', '-W', '1', h1.address]);
    // Each way loses 30 %, so an echo is lost with 51 %; 300 of them stray beyond 35…67 % once in ten million runs.
    const lost = Number(/([\d.]+)% packet loss/.exec(stdout)?.[1]);
    expect(lost).toBeGreaterThan(35);
    expect(lost).toBeLessThan(67);
    await h1.loss(0);
    expect(await h2.pingFromHost(h1.address)).toMatchObject({ reached: true });
  });

  test('dockerd can be killed and restarted; with live-restore its containers go on', async () => {
    await h2.restartDocker({ liveRestore: true });
    await h2.docker('start', 'web');
    const since = () => h2.docker('inspect', '-f', '{{.State.Pid}} {{.State.Running}}', 'web');
    const before = await since();
    await h2.killDocker();
    expect((await h2.run(['docker', 'ps'])).code).not.toBe(0);
    await h2.startDocker();
    expect(await since()).toBe(before);
    expect(before).toMatch(/^\d+ true$/);
  });

  test('a process goes on in the host until it is killed, by handle or by the number that the host counts', async () => {
    const first = await h1.start(['sh', '-c', 'echo "number $$"; exec sleep 1000']);
    await expect.poll(() => first.output()).toMatch(/^number \d+\n$/);
    await h1.kill(Number((await first.output()).split(' ')[1]));
    expect(await first.ended).toBe(-1);
    const second = await h1.start(['sleep', '1000']);
    await h1.kill(second, 'SIGTERM');
    expect(await second.ended).toBe(-1);
    expect(await (await h1.start(['sh', '-c', 'exit 7'])).ended).toBe(7);
  });

  test('a command that takes too long is killed in the host too', async () => {
    await expect(h1.run(['sleep', '4321'], { timeoutMs: 200 })).rejects.toThrow('sleep 4321');
    await expect.poll(async () => (await h1.run(['pgrep', '-f', 'sleep 4321'])).code).toBe(1);
  });

  test('a pulled plug ends everything at once; after boot the disk is as it was and the rest is new', async () => {
    await h1.output(['ip', 'link', 'add', 'br-mine', 'type', 'bridge']);
    const [started, stopped] = [await h1.start(['sleep', '1000']), await h1.start(['sleep', '1000'])];
    stopped.kill('SIGSTOP');
    const state = async (pid: number) => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ')[2];
    await expect.poll(() => state(stopped.pid)).toBe('T');
    await h1.pullPlug();
    expect(await started.ended).toBe(-1);
    expect(await stopped.ended).toBe(-1);
    expect(await h2.pingFromHost(h1.address)).toEqual({ reached: false });
    await expect(async () => h1.run(['true'])).rejects.toThrow('is off');
    await h1.boot();
    expect(await h1.readFile('/var/lib/trama/probe')).toBe('mine');
    expect((await h1.run(['cat', '/run/trama/probe'])).code).not.toBe(0);
    expect((await h1.run(['ip', 'link', 'show', 'br-mine'])).code).not.toBe(0);
    expect(await h1.docker('inspect', '-f', '{{.State.Status}}', 'web')).toBe('exited');
    await h1.docker('start', 'web');
    expect(await h1.pingFromContainer('web', h2.address)).toMatchObject({ reached: true });
  });

  test('what cannot be a host is refused with a sentence', async () => {
    for (const name of ['', 'H1', '../x', 'br-hosts', 'outside', '-h', 'h'.repeat(16)]) {
      await expect(lab.host(name), name).rejects.toThrow("cannot be a host's name");
    }
    await expect(lab.host('h1')).rejects.toThrow('in the lab already');
    await expect(lab.host('h3', { address: '10.99.0.77' })).rejects.toThrow("host h2's address already");
    await expect(lab.host('h3', { address: '10.99.0.077' })).rejects.toThrow('is not a host');
    await expect(lab.outside.startDocker()).rejects.toThrow('without Docker');
  });
});

describe('leaves nothing', () => {
  test('when disposed, also with containers running and a host that is off', async () => {
    const links = await linksOfTheMachine();
    const lab = await createLab();
    const [h1, h2] = await Promise.all([lab.host('h1'), lab.host('h2', { docker: false })]);
    await h1.docker('run', '-d', labImage, 'sleep', '1000');
    await h2.pullPlug();
    expect(await tracesOf(lab.session)).not.toEqual([]);
    await lab[Symbol.asyncDispose]();
    expect(await tracesOf(lab.session)).toEqual([]);
    await expect.poll(async () => (await linksOfTheMachine()).filter((name) => !links.includes(name))).toEqual([]);
    await lab[Symbol.asyncDispose]();
    await expect(lab.host('h3')).rejects.toThrow('being removed');
  }, 60_000);

  test('when its owner was killed and the reaper came; living labs and foreign namespaces stay', async () => {
    await using living = await createLab();
    const foreign = `tlforeign-${process.pid}`;
    await output(spawn, { argv: ['ip', 'netns', 'add', foreign] });
    onTestFinished(async () => void (await spawn({ argv: ['ip', 'netns', 'delete', foreign] })));
    const session = await killedLab();
    await Promise.all([reapDeadLabs(), reapDeadLabs()]);
    expect(await tracesOf(session)).toEqual([]);
    expect(existsSync(`/run/netns/${foreign}`)).toBe(true);
    expect(await living.outside.pingFromHost('198.51.100.254')).toMatchObject({ reached: true });
  }, 60_000);
});
