/** The HTTP API over TLS, asked from a machine that is no member, by curl and by a WebSocket, with the keys of users; and on local sockets. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, type LabHost, startCluster } from '../../src/lab/lab.ts';
import { systemClock } from '../../src/platform/platform.ts';
import { run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let laptop: LabHost;
/** Hosts of the lab share the machine's /tmp. */
let home: string;
let base: string;
let ca: string;
let document: Document;

interface Operation {
  readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly required?: boolean }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
  readonly 'x-least-role': string;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

beforeAll(async () => {
  lab = await createLab();
  [cluster, laptop] = await Promise.all([
    startCluster(lab, { hosts: ['h1', 'h2'], serverArguments: ['--api-listen', '0.0.0.0'] }),
    lab.host('laptop', { docker: false }),
  ]);
  home = await mkdtemp(join(tmpdir(), 'trama-api-'));
  base = `https://${cluster.host('h1').address}:4705/v1`;
  ca = join(home, 'api.crt');
  await writeFile(ca, await cluster.host('h1').output(['cat', '/var/lib/trama/server/api.crt']));
  await cluster.trama('network', 'create', 'app', '--subnet', '10.42.0.0/16');
  const lines = `seq -w 1 300000 | sed 's/$/ ${'x'.repeat(92)}/'`;
  await Promise.all([
    run(cluster, 'web', 'h2', 'app', 'sh', '-c', 'i=0; while sleep 0.05; do i=$((i+1)); echo "line $i"; done'),
    run(cluster, 'big', 'h2', 'app', 'sh', '-c', `${lines}; sleep 100000`),
  ]);
  for (const [name, ...flags] of [
    ['vic', '--role', 'viewer'],
    ['oto', '--role', 'operator'],
    ['ada', '--role', 'admin'],
  ] as const)
    await user(name, ...flags);
  document = JSON.parse(await laptop.output(['curl', '-sS', '--cacert', ca, `${base}/openapi.json`])) as Document;
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  if (home !== undefined) await rm(home, { recursive: true, force: true });
});

const headerOf = (name: string) => join(home, `${name}.header`);

/** Makes a user whose key is in no argument, but in a file that curl reads. */
async function user(name: string, ...flags: string[]): Promise<void> {
  const key = (await cluster.trama('user', 'create', name, ...flags)).trim();
  await writeFile(headerOf(name), `Authorization: Bearer ${key}\n`);
}

const curl = (...args: string[]) => laptop.run(['curl', '-sS', ...args], { timeoutMs: 60_000 });
const as = (name: string) => ['--cacert', ca, '-H', `@${headerOf(name)}`];

async function asked(...args: string[]): Promise<{ readonly status: number; readonly body: unknown }> {
  const { code, stdout, stderr } = await curl('-w', '\n%{http_code}', ...args);
  if (code !== 0) throw new Error(`curl ${args.join(' ')}: ${code} ${stderr}`);
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at)), body: JSON.parse(stdout.slice(0, at)) };
}

const refusal = (code: string, message: RegExp) => ({ error: { code, message: expect.stringMatching(message) } });

describe('who is let in', () => {
  test("nobody without a key, or with one that is nobody's", async () => {
    await writeFile(headerOf('nobody'), 'Authorization: Bearer tramauser1.nonsense\n');
    const without = await asked('--cacert', ca, `${base}/node.list`);
    expect(without).toEqual({ status: 401, body: refusal('denied', /Authorization: Bearer tramauser1/) });
    expect((await asked(...as('nobody'), `${base}/node.list`)).status).toBe(401);
    const { stdout } = await curl('-i', '--cacert', ca, `${base}/node.list`);
    expect(stdout).toMatch(/^www-authenticate: Bearer realm="trama"\r$/im);
  });

  test('a key that has expired, or was removed, is told so; a stream that it has open ends', async () => {
    await user('eva', '--role', 'viewer', '--ttl', '6s');
    await user('rob', '--role', 'viewer');
    const follow = async (name: string) =>
      laptop.start(['curl', '-sSN', ...as(name), `${base}/workload.logs?name=web&follow`], { name });
    const [eva, rob] = await Promise.all([follow('eva'), follow('rob')]);
    for (const one of [eva, rob]) await eventually('lines come', async () => (await one.output()).includes('line '));
    await cluster.trama('user', 'rm', 'rob');
    await rob.ended;
    expect(await rob.output()).toMatch(/event: failure\ndata: \{"code":"denied","message":"[^"]*removed/);
    await eva.ended;
    expect(await eva.output()).toMatch(
      /event: failure\ndata: \{"code":"denied","message":"The key of user eva expired at/,
    );
    expect(await asked(...as('eva'), `${base}/node.list`)).toEqual({
      ...{ status: 401, body: refusal('denied', /The key of user eva expired at/) },
    });
    expect(await asked(...as('rob'), `${base}/node.list`)).toEqual({
      ...{ status: 401, body: refusal('denied', /does not know this user's key/) },
    });
  });

  test('a client that is shown another certificate than it knows sends nothing', async () => {
    const socket = ['--unix-socket', '/run/trama/server.sock', 'http://localhost/v1/cluster.servers'];
    const told = JSON.parse(await cluster.host('h1').output(['curl', '-sS', ...socket])) as { api: { pin: string } };
    const { pin } = told.api;
    expect(await cluster.server.output()).toContain(pin);
    const node = `${base}/node.list`;
    const header = ['-H', `@${headerOf('vic')}`];
    // 60: not trusted. 90: not the key that was pinned.
    expect((await curl(...header, node)).code).toBe(60);
    expect(
      (
        await curl(
          '-k',
          '--pinnedpubkey',
          pin.replace(/\/\/./, (start) => (start === '//A' ? '//B' : '//A')),
          ...header,
          node,
        )
      ).code,
    ).toBe(90);
    expect((await curl('-k', '--pinnedpubkey', pin, ...header, node)).code).toBe(0);
  });
});

/** What each needs to be asked. */
async function examples(): Promise<Readonly<Record<string, string>>> {
  const networks = await cluster.json<{ name: string; id: string }[]>('network', 'ls');
  const id = networks.find(({ name }) => name === 'app')?.id ?? '';
  const [web] = await cluster.json<{ name: string; networks: { address: string }[] }[]>('ps', '--filter', 'name=web');
  return {
    'node.inspect': 'name=h1',
    'node.probe': `node=h2&network=${id}&address=${web?.networks[0]?.address}&id=77`,
    'user.inspect': 'name=vic',
    'network.inspect': 'name=app',
    'workload.inspect': 'name=web',
    'workload.wait': 'name=web&since=0&waitMs=100',
    'workload.path': 'name=web&path=%2Fetc',
    'workload.stats': 'names=web&names=big',
  };
}

/** What is not described is wrong: a newer server may answer more, this one may not. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, closed(one)]));
  const isObject = copy.type === 'object' && 'properties' in copy && !('additionalProperties' in copy);
  return isObject ? { ...copy, additionalProperties: false } : copy;
}

describe('the document', () => {
  test('is what is in the repository', async () => {
    expect(document).toEqual(JSON.parse(await readFile('docs/openapi.json', 'utf8')));
  });

  test('says what everything that looks answers to those whose role reaches', async () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    ajv.addSchema(closed(document) as object, 'api');
    const queries = await examples();
    const users: Readonly<Record<string, string>> = { viewer: 'vic', operator: 'oto', admin: 'ada' };
    let count = 0;
    for (const [path, { get }] of Object.entries(document.paths)) {
      if (get === undefined || get.responses['200']?.content?.['application/json'] === undefined) continue;
      const name = path.slice('/v1/'.length);
      const query = queries[name] ?? '';
      const pointer = `api#/paths/${path.replaceAll('/', '~1')}/get/responses/200/content/application~1json/schema`;
      const check = ajv.getSchema(pointer);
      const who = users[get['x-least-role']];
      // The node that it runs on is asked on its own socket.
      const local = ['--unix-socket', '/run/trama/agent.sock', `http://localhost${path}?${query}`];
      const { status, body } =
        get['x-least-role'] === 'root'
          ? await onHost(...local)
          : await asked(...(who === undefined ? ['--cacert', ca] : as(who)), `${base}/${name}?${query}`);
      expect({ path, status, body }).toMatchObject({ status: 200 });
      expect(check?.(body), `${path}: ${ajv.errorsText(check?.errors)}: ${JSON.stringify(body)}`).toBe(true);
      count += 1;
    }
    expect(count).toBeGreaterThan(15);
  });

  test('says who may not: nothing that takes a greater role answers a viewer', async () => {
    const queries = await examples();
    for (const [path, { get, post }] of Object.entries(document.paths)) {
      const least = (post ?? get)?.['x-least-role'];
      if (least !== 'operator' && least !== 'admin') continue;
      const query = queries[path.slice('/v1/'.length)];
      if (get === undefined || query === undefined) continue;
      expect([path, (await asked(...as('vic'), `${base}${path.slice(3)}?${query}`)).status]).toEqual([path, 403]);
    }
  });

  async function onHost(...args: string[]) {
    const said = await cluster.host('h1').output(['curl', '-sS', '-w', '\n%{http_code}', ...args]);
    const at = said.lastIndexOf('\n');
    return { status: Number(said.slice(at)), body: JSON.parse(said.slice(0, at)) as unknown };
  }
});

describe('requests', () => {
  test('a viewer who tries to remove is refused with a sentence, and it is written down', async () => {
    const body = '{"name":"web","force":true}';
    expect(await asked(...as('vic'), '-d', body, `${base}/workload.remove`)).toEqual({
      status: 403,
      body: refusal('denied', /^user vic \(viewer\) may not remove containers: that takes the role operator$/),
    });
    const audit = await cluster.host('h1').output(['cat', '/var/lib/trama/server/audit.log']);
    const [last] = audit.trim().split('\n').slice(-1);
    expect(JSON.parse(last ?? '')).toMatchObject({ who: 'user:vic', method: 'workload.remove', outcome: 'denied' });
    expect(await cluster.trama('ps')).toContain('web');
  });

  test('a body that is not as it should be names the field', async () => {
    const { status, body } = await asked(...as('oto'), '-d', '{"name":"web","force":"yes"}', `${base}/workload.remove`);
    expect({ status, body }).toEqual({ status: 400, body: refusal('invalid', /force/) });
  });

  test('asked twice under one Idempotency-Key it is done once', async () => {
    const make = () =>
      asked(...as('oto'), '-H', 'Idempotency-Key: 7f3a', '-d', '{"name":"once"}', `${base}/network.create`);
    const [first, second] = [await make(), await make()];
    expect(first).toMatchObject({ status: 200, body: { name: 'once' } });
    expect(second).toEqual(first);
    expect((await asked(...as('oto'), '-d', '{"name":"once"}', `${base}/network.create`)).status).toBe(409);
    await cluster.trama('network', 'rm', 'once');
  });
});

const numbers = (text: string): number[] =>
  [...text.matchAll(/^event: stdout\ndata: (.*)$/gm)]
    .flatMap(([, data = '""']) => (JSON.parse(data) as string).split('\n'))
    .flatMap((line) => (/^line (\d+)$/.test(line) ? [Number(line.slice(5))] : []));

describe('streams', () => {
  test('a log that is followed goes on from the last position, no line lost or doubled', async () => {
    const follow = (...more: string[]) =>
      curl('-N', '--max-time', '3', ...as('vic'), ...more, `${base}/workload.logs?name=web&follow`);
    const first = (await follow()).stdout;
    const at = first.lastIndexOf('\nid: ');
    const id = /^\nid: (.*)$/m.exec(first.slice(at))?.[1] ?? '';
    expect(id).toMatch(/^\d{4}-.*\/\d+$/);
    const heard = numbers(first.slice(0, at));
    const rest = numbers((await follow('-H', `Last-Event-ID: ${id}`)).stdout);
    expect(heard.length).toBeGreaterThan(5);
    expect(rest.length).toBeGreaterThan(5);
    expect([...heard, ...rest]).toEqual([...heard, ...rest].map((_, n) => n + 1));
  });

  test('what happens in the cluster is told as it happens', async () => {
    const { stdout } = await curl(...as('vic'), `${base}/cluster.events?since=0`);
    expect(stdout).toMatch(/^id: \d+.*\ndata: \{.*"name":"web"/m);
    expect(stdout).toMatch(/event: end\ndata: \{\}\n\n$/);
  });

  test('a log whose reader is slow is read no faster from its engine, and nobody keeps it meanwhile', async () => {
    const { host } = cluster;
    await eventually('the log is whole', async () => {
      const { stdout } = await host('h2').run(['sh', '-c', 'docker logs big | wc -c'], { timeoutMs: 60_000 });
      return Number(stdout) === 30_000_000;
    });
    const pids = [...cluster.servers.values(), ...cluster.agents.values()].map(({ pid }) => pid);
    const agent = cluster.agents.get('h2')?.pid ?? -1;
    const before = await Promise.all(pids.map(kilobytes));
    const readBefore = await bytesRead(agent);
    const slow = await laptop.start(
      ['curl', '-sSN', '--limit-rate', '1k', ...as('vic'), '-o', join(home, 'slow'), `${base}/workload.logs?name=big`],
      { name: 'slow' },
    );
    try {
      await eventually('some of it was read', async () => (await bytesRead(agent)) - readBefore > 100_000);
      let read = -1;
      await eventually('it stands still', async () => {
        const last = read;
        await systemClock.sleep(1000);
        read = (await bytesRead(agent)) - readBefore;
        return read - last < 128 * 1024;
      });
      expect(read).toBeLessThan(16 * 1024 * 1024);
      const growth = (await Promise.all(pids.map(kilobytes))).map((now, n) => now - (before[n] ?? 0));
      expect(Math.max(...growth)).toBeLessThan(32 * 1024);
      // Whoever waits behind it is not kept waiting.
      expect((await asked(...as('vic'), `${base}/node.list`)).status).toBe(200);
    } finally {
      slow.kill('SIGKILL');
      await slow.ended;
    }
  });

  test('a shell with a terminal, a resize, and the exit code', async () => {
    const url = `${base.replace('https', 'wss')}/workload.exec?name=web&command=sh&tty&stdin`;
    const client = (name: string) =>
      laptop.output([process.execPath, join(import.meta.dirname, 'web-socket-client.ts'), url, ca, headerOf(name)], {
        timeoutMs: 60_000,
      });
    const { output, last, code } = JSON.parse(await client('oto')) as { output: string; last: unknown; code: number };
    expect(output).toMatch(/^30 100\r$/m);
    expect({ last, code }).toEqual({ last: { type: 'end', result: { exitCode: 42 } }, code: 1000 });
    expect(JSON.parse(await client('vic'))).toEqual({ status: 403 });
  });

  test('files go into a container and come out of it as an archive', async () => {
    const script = `cd ${home} && echo hello > greeting && tar c greeting |
      curl -sS --cacert ${ca} -H @${headerOf('oto')} -T - -X POST '${base}/workload.extract?name=web&path=/tmp' &&
      curl -sS --cacert ${ca} -H @${headerOf('oto')} '${base}/workload.archive?name=web&path=/tmp/greeting' | tar xO`;
    expect(await laptop.output(['sh', '-c', script], { timeoutMs: 60_000 })).toBe('{}hello\n');
  });
});

async function kilobytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Bytes that a process has read by system calls: of files, pipes and sockets. */
async function bytesRead(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
