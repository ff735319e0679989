/** Published ports on real hosts with real engines: who reaches them, who has them, and what is left of them. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  createLab,
  eventually,
  labImage as image,
  type Lab,
  type LabCluster,
  type LabHost,
  startCluster,
  untilThere,
} from '../../src/lab/lab.ts';
import type { Container, NodeShown } from './steps.ts';

vi.setConfig({ testTimeout: 120_000 });

let lab: Lab;
let cluster: LabCluster;
let h1: LabHost;
let h2: LabHost;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2'] });
  [h1, h2] = [cluster.host('h1'), cluster.host('h2')];
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  await cluster.trama('network', 'create', 'db', '--subnet', '10.43.0.0/16');
  await cluster.trama('network', 'create', 'shut', '--internal');
  for (const host of [h1, h2]) {
    await eventually(`networks on ${host.name}`, async () => (await host.docker('network', 'ls')).includes('shut'));
  }
  for (const [name, network] of [
    ['neighbour', 'app'],
    ['stranger', 'db'],
    ['bridged', 'bridge'],
  ] as const) {
    await h1.docker('run', '-d', '--name', name, '--network', network, image, 'sleep', 'infinity');
  }
}, 120_000);

afterAll(() => lab?.[Symbol.asyncDispose]());

/** A web server that answers with the address that its client seems to have. */
const who = [
  ...[image, 'sh', '-c'],
  "mkdir cgi-bin; printf '#!/bin/sh\\necho\\necho $REMOTE_ADDR\\n' >cgi-bin/who; chmod +x cgi-bin/who; httpd -f",
];

/** @returns who the server says that we are; undefined: nobody answered. */
async function asks(from: LabHost, address: string, port: number, container?: string): Promise<string | undefined> {
  const url = `http://${address}:${port}/cgi-bin/who`;
  const fetch = 'import sys,urllib.request; print(urllib.request.urlopen(sys.argv[1],timeout=2).read().decode())';
  const request = `printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w 2 "$1" "$2" | tail -n 1 | grep .`;
  const argv =
    container === undefined
      ? (['/usr/bin/python3', '-c', fetch, url] as const)
      : (['docker', 'exec', container, 'sh', '-c', request, 'sh', address, `${port}`] as const);
  const { code, stdout } = await from.run(argv, { env });
  // As a server sees it that listens for IPv6 as well.
  return code === 0 ? stdout.trim().replace(/^\[::ffff:(.*)\]$/, '$1') : undefined;
}

const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };

/** At once: who starts a container hears of it when its program may still be on its way to listening. */
async function serves(address: string, port: number): Promise<void> {
  await eventually(`${address}:${port} answers`, async () => (await asks(lab.outside, address, port)) !== undefined);
}

const gateway = async (host: LabHost, network: string) =>
  (await cluster.json<{ nodes: { node: string; gateway: string }[] }>('network', 'inspect', network)).nodes.find(
    (each) => each.node === host.name,
  )?.gateway;

const published = (host: LabHost) =>
  host.output(['sh', '-c', 'nft list map inet trama published; nft list map inet trama published-at']);
const listening = (host: LabHost) => host.output(['ss', '-Hlntu']);

/** Every place from which a port may be asked for. */
async function reachedByAll(port: number): Promise<void> {
  await serves(h1.address, port);
  const own = await gateway(h1, 'app');
  expect(await asks(lab.outside, h1.address, port)).toBe(lab.outside.address);
  expect(await asks(h2, h1.address, port)).toBe(h2.address);
  expect(await asks(h1, h1.address, port)).toBe(h1.address);
  expect(await asks(h1, '127.0.0.1', port)).toBe(own);
  for (const container of ['neighbour', 'stranger', 'bridged']) {
    expect(await asks(h1, h1.address, port, container), container).toBe(own);
  }
}

describe('a published port is reached from everywhere, and from outside as who one is', () => {
  test('of a container that docker runs', async () => {
    await h1.docker('run', '-d', '--name', 'web', '--network', 'app', '-p', '8080:80', ...who);
    await reachedByAll(8080);
    expect(await asks(h1, h1.address, 8080, 'web')).toBe(await gateway(h1, 'app'));
    expect(await asks(lab.outside, h2.address, 8080)).toBeUndefined();
    // Of other drivers' ports Docker knows nothing; Trama does.
    expect(await h1.docker('port', 'web')).toBe('');
    await h1.docker('restart', '-t', '0', 'web');
    await serves(h1.address, 8080);
  });

  test('of a container that Trama runs', async () => {
    await cluster.trama('run', '-d', '--name', 'page', '--node', 'h1', '--network', 'app', '-p', '8081:80', ...who);
    await reachedByAll(8081);
    expect((await cluster.json<Container & { ports: string[] }>('inspect', 'page')).ports).toEqual(['8081->80/tcp']);
  });

  test('of a service of Compose, and goes with it', async () => {
    const file = {
      services: { site: { image, command: who.slice(1), networks: ['app'], ports: ['8082:80', '127.0.0.1:8083:80'] } },
      networks: { app: { external: true } },
    };
    await h1.writeFile(
      '/root/site/docker-compose.yml',
      JSON.stringify({ version: '3', ...file }).replaceAll('$', '$$$$'),
    );
    const compose = (...args: string[]) =>
      h1.output(['docker-compose', '-f', '/root/site/docker-compose.yml', ...args], {
        env,
        timeoutMs: 60_000,
      });
    await compose('up', '-d');
    await reachedByAll(8082);
    expect(await asks(h1, '127.0.0.1', 8083)).toBe(await gateway(h1, 'app'));
    expect(await asks(h1, h1.address, 8083)).toBeUndefined();
    await compose('down', '-t', '0');
    await eventually('no rule', async () => !/808[23]/.test(await published(h1)));
    await eventually('no socket', async () => !/:808[23] /.test(await listening(h1)));
  });

  test('of a container on several networks, whichever is its way out', async () => {
    await h1.docker('create', '--name', 'both', '--network', 'db', '-p', '8084:80', ...who);
    await h1.docker('network', 'connect', 'app', 'both');
    await h1.docker('start', 'both');
    await serves(h1.address, 8084);
    expect(await asks(lab.outside, h1.address, 8084)).toBe(lab.outside.address);
    expect(await asks(h1, h1.address, 8084, 'stranger')).toBeDefined();
    expect((await published(h1)).match(/tcp \. 8084/g)).toHaveLength(1);
    for (const network of ['app', 'db']) {
      await h1.docker('network', 'disconnect', network, 'both');
      if (network === 'app') expect(await asks(lab.outside, h1.address, 8084)).toBe(lab.outside.address);
    }
    await eventually('no rule', async () => !(await published(h1)).includes('8084'));
    await h1.docker('rm', '-f', 'both');
  });
});

test('ranges, any free port of a range, and any free port', async () => {
  const asked = ['-p', '8100-8101:80-81', '-p', '8080-8199:82', '-p', '83', '-p', '127.0.0.1::84/udp'];
  await cluster.trama('run', '-d', '--name', 'many', '--node', 'h1', '--network', 'app', ...asked, ...who);
  const ports = async () => (await cluster.json<{ ports: string[] }>('inspect', 'many')).ports;
  // The lower ones of the range are taken by web and page.
  await eventually('its node tells them', async () => (await ports()).includes('8082->82/tcp'));
  const shown = await ports();
  expect(shown).toEqual(expect.arrayContaining(['8100->80/tcp', '8101->81/tcp']));
  const any = Number(shown.map((text) => /^(\d+)->83\/tcp$/.exec(text)?.[1]).find(Boolean));
  const [low = 0, high = 0] = (await h1.output(['cat', '/proc/sys/net/ipv4/ip_local_port_range']))
    .split(/\s+/)
    .map(Number);
  expect(any).toBeGreaterThanOrEqual(low);
  expect(any).toBeLessThanOrEqual(high);
  expect(shown).toContainEqual(expect.stringMatching(/^127\.0\.0\.1:\d+->84\/udp$/));
  await serves(h1.address, 8100);
  await cluster.trama('rm', '-f', 'many');
});

describe('a port that somebody has is refused before the container starts', () => {
  const refused = async (port: string, ...more: string[]) => {
    const { code, stderr } = await h1.run(
      ['docker', 'run', '--name', 'late', '--network', 'app', '-p', port, ...more, image, 'true'],
      {
        env,
      },
    );
    expect(code).not.toBe(0);
    expect(await h1.docker('inspect', '-f', '{{.State.StartedAt}}', 'late')).toContain('0001-01-01');
    await h1.docker('rm', 'late');
    return stderr;
  };

  test('by another container of Trama’s, a program, or a container of Docker’s', async () => {
    expect(await refused('8080:80')).toContain(
      'host port 8080/tcp of this node is published by the container web already',
    );
    const program = await h1.start(['socat', 'TCP-LISTEN:8300,fork', 'SYSTEM:true']);
    await eventually('a listener', async () => (await listening(h1)).includes(':8300'));
    expect(await refused('8300:80')).toContain('host port 8300/tcp of this node is in use by another program');
    program.kill('SIGKILL');
    await h1.docker('run', '-d', '--name', 'dockers', '-p', '8301:80', image, 'sleep', 'infinity');
    expect(await refused('8301:80')).toContain('8301/tcp of this node is in use by another program');
    await h1.docker('rm', '-f', 'dockers');
    expect(await refused('198.51.100.77:80:80')).toContain('198.51.100.77 is no address of this node');
    // Nothing of them is left, and the same number of the other protocol is free.
    expect(await published(h1)).not.toMatch(/830[01]/);
    await h1.docker('run', '--rm', '--network', 'app', '-p', '8080:80/udp', image, 'true');
  });

  test('and to whoever runs it with Trama', async () => {
    const { code, stderr } = await h2.trama(
      'run',
      '-d',
      '--name',
      'late',
      '--node',
      'h1',
      '--network',
      'app',
      '-p',
      '8080:80',
      image,
      'sleep',
      '1000',
    );
    expect(code).toBe(1);
    expect(stderr).toContain('host port 8080/tcp of this node is published by the container web already');
    expect(await h1.docker('ps', '-a', '--format', '{{.Names}}')).not.toContain('late');
    const shut = await h2.trama('run', '-d', '--network', 'shut', '-p', '8080:80', image, 'true');
    expect(shut.stderr).toContain('network shut is internal');
  });

  test('also by Docker, when Trama has it', async () => {
    const { stderr } = await h1.run(['docker', 'run', '--rm', '-p', '8080:80', image, 'true'], {
      env,
    });
    expect(stderr).toContain('address already in use');
  });
});

/** Sends from one port, again and again, and prints who answers. */
const talker = `
import socket,sys,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("",5000)); s.settimeout(0.2)
while True:
  s.sendto(b"x",(sys.argv[1],5300))
  try: print(s.recv(100).decode(),flush=True)
  except OSError: pass
  time.sleep(0.1)
`;
const answerer = `
import socket,sys
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("",53))
while True:
  peer=s.recvfrom(9)[1]
  s.sendto((sys.argv[1]+" "+peer[0]).encode(),peer)
`;

test('datagrams follow a port to the next container, also of who never stops sending', async () => {
  const start = async (name: string) => {
    await h1.docker('run', '-d', '--name', name, '--network', 'app', '-p', '5300:53/udp', image, 'sleep', 'infinity');
    const pid = await h1.docker('inspect', '-f', '{{.State.Pid}}', name);
    return h1.start(['nsenter', `--net=/proc/${pid}/ns/net`, '/usr/bin/python3', '-c', answerer, name]);
  };
  const sender = await lab.outside.start(['/usr/bin/python3', '-c', talker, h1.address]);
  try {
    // Meanwhile it speaks to the host itself.
    for (const name of ['first', 'second']) {
      const server = await start(name);
      await eventually(
        `${name} answers`,
        async () => (await sender.output()).trim().endsWith(`${name} ${lab.outside.address}`),
        15_000,
      );
      await h1.docker('rm', '-f', name);
      server.kill('SIGKILL');
    }
  } finally {
    sender.kill('SIGKILL');
  }
  expect(await published(h1)).not.toContain('5300');
  expect(await h1.output(['conntrack', '-L', '-p', 'udp'])).not.toMatch(/10\.42\.\S+ sport=53/);
});

describe('while the agent is down', () => {
  const restart = async () => {
    const agent = await h1.startAgent();
    cluster.agents.set('h1', agent);
    await untilThere(h1, '/run/trama/agent.sock', agent);
    return agent;
  };
  const kill = async () => {
    const agent = cluster.agents.get('h1');
    agent?.kill('SIGKILL');
    await agent?.ended;
  };

  test('ports lead on, and are held again by the next; what somebody took is told', async () => {
    await kill();
    expect(await asks(lab.outside, h1.address, 8080)).toBe(lab.outside.address);
    const thief = await h1.start(['socat', 'TCP-LISTEN:8081,fork', 'SYSTEM:true']);
    await eventually('a listener', async () => (await listening(h1)).includes(':8081'));
    await restart();
    await eventually('held', async () => /:8080 /.test(await listening(h1)));
    expect(await asks(lab.outside, h1.address, 8081)).toBe(lab.outside.address);
    await eventually('it is told', async () => {
      const { events } = await cluster.json<NodeShown>('node', 'inspect', 'h1');
      return events.some(({ message }) =>
        message.includes('8081/tcp leads to the container page, but another program'),
      );
    });
    thief.kill('SIGKILL');
    await thief.ended;
  });

  test('a container that goes takes its ports with it', async () => {
    await h1.docker('run', '-d', '--name', 'doomed', '--network', 'app', '-p', '8400:80', '-p', '8401:53/udp', ...who);
    await serves(h1.address, 8400);
    await kill();
    const pid = await h1.docker('inspect', '-f', '{{.State.Pid}}', 'doomed');
    await h1.output(['kill', '-9', pid]);
    await restart();
    await eventually('no rule', async () => !/840[01]/.test(await published(h1)));
    await eventually('no socket', async () => !/:840[01] /.test(await listening(h1)));
    expect(await asks(lab.outside, h1.address, 8080)).toBe(lab.outside.address);
    await h1.docker('rm', '-f', 'doomed');
  });
});

test('at the end nothing is left', async () => {
  await cluster.trama('rm', '-f', 'page');
  await h1.docker('rm', '-f', 'web');
  await eventually('no rule', async () => !(await published(h1)).includes('elements'));
  expect(await listening(h1)).not.toMatch(/:8[0-9]{3} /);
});
