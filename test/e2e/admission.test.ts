/** Only keys get in: each refusal, and the sentence that a person reads. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, type LabHost, startCluster } from '../../src/lab/lab.ts';

let lab: Lab;
let cluster: LabCluster;
let newcomer: LabHost;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1'] });
  newcomer = await lab.host('h2', { docker: false });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const token = async (...flags: string[]) => (await cluster.trama('token', 'create', ...flags)).trim();

/** Tries to join. @returns exit code and what it said last */
async function tryToJoin(joinWith: string): Promise<{ code: number; said: string }> {
  const agent = await newcomer.startAgent(['--join', joinWith]);
  const code = await agent.ended;
  return { code, said: (await agent.output()).trim().split('\n').at(-1) ?? '' };
}

test('a used-up token', async () => {
  const once = await token('--uses', '1');
  const first = await newcomer.startAgent(['--join', `${once}@${cluster.host('h1').address}`, '--name', 'first']);
  await eventually('it has joined', async () => (await first.output()).includes('agent ready'));
  await newcomer.output(['sh', '-c', `kill -9 ${first.pid} 2>/dev/null; true`]);
  first.kill('SIGKILL');
  await first.ended;
  await newcomer.output(['rm', '-rf', '/var/lib/trama']);
  const { code, said } = await tryToJoin(`${once}@${cluster.host('h1').address}`);
  expect(code).toBe(1);
  expect(said).toMatch(/^trama: .*token.*used/i);
});

test('an expired token', async () => {
  const short = await token('--ttl', '1s');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const { code, said } = await tryToJoin(`${short}@${cluster.host('h1').address}`);
  expect(code).toBe(1);
  expect(said).toMatch(/^trama: .*token.*expired/i);
});

test('a token whose key the server does not know', async () => {
  const good = await token();
  const other = await import('../../src/domain/domain.ts');
  const { serverKey } = other.parseToken(good);
  const forged = other.formatToken({ serverKey, secret: new Uint8Array(32).fill(7) });
  const { code, said } = await tryToJoin(`${forged}@${cluster.host('h1').address}`);
  expect(code).toBe(1);
  expect(said).toMatch(/^trama: .*does not know/i);
});

test('a server with another key than the token names', async () => {
  const good = await token();
  const { parseToken, formatToken } = await import('../../src/domain/domain.ts');
  const { createZeroMqBus } = await import('../../src/bus/zeromq/zeromq.ts');
  const { silentLog } = await import('../../src/platform/platform.ts');
  const wrong = formatToken({
    secret: parseToken(good).secret,
    serverKey: createZeroMqBus({ log: silentLog }).generateKeys().publicKey,
  });
  const { code, said } = await tryToJoin(`${wrong}@${cluster.host('h1').address}`);
  expect(code).toBe(1);
  expect(said).toMatch(/^trama: .*does not hold the key/i);
});

test('a mistyped token, and no server at all', async () => {
  const good = await token();
  const typo = `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`;
  expect(await tryToJoin(`${typo}@${cluster.host('h1').address}`)).toMatchObject({
    code: 2,
    said: expect.stringMatching(/^trama: .*token/),
  });
  const silent = await tryToJoin(`${good}@10.99.0.200`);
  expect(silent.code).toBe(1);
  expect(silent.said).toMatch(/^trama: no server answers: the server at 10.99.0.200:4701 cannot be reached/);
});

test('a name or an address that another node has', async () => {
  const { code, said } = await (async () => {
    const agent = await newcomer.startAgent([
      '--join',
      `${await token()}@${cluster.host('h1').address}`,
      '--name',
      'h1',
    ]);
    return { code: await agent.ended, said: (await agent.output()).trim().split('\n').at(-1) ?? '' };
  })();
  expect(code).toBe(1);
  expect(said).toMatch(/^trama: .*h1.*taken/i);
});

test('none of it has left a node or a file behind', async () => {
  expect((await cluster.json<{ name: string }[]>('node', 'ls')).map((node) => node.name).sort()).toEqual([
    'first',
    'h1',
  ]);
  expect((await newcomer.run(['test', '-e', '/var/lib/trama/agent/identity.json'])).code).toBe(1);
});
