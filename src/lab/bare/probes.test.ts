import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type Spawn, spawn as spawnHere } from '../../platform/platform.ts';
import { modelFrom } from '../topology/testing/models.ts';
import { fetchFrom, hopsTo } from './probes.ts';

/** What becomes of a ping. */
type Fate = 'answered' | 'exceeded' | 'silence';

/** @param far the distance; undefined: nobody is there. @param fate instead of the usual, by the time to live and how often that was asked before */
function network(far: number | undefined, fate: (hops: number | undefined, before: number) => Fate | undefined) {
  const asked: (number | undefined)[] = [];
  const spawn: Spawn = async ({ argv }) => {
    const hops = argv.includes('-t') ? Number(argv[argv.indexOf('-t') + 1]) : undefined;
    const reaches = far !== undefined && (hops === undefined || hops >= far);
    const usual = reaches ? 'answered' : far === undefined ? 'silence' : 'exceeded';
    const became = fate(hops, asked.filter((one) => one === hops).length) ?? usual;
    asked.push(hops);
    return {
      code: became === 'answered' ? 0 : 1,
      stdout: became === 'exceeded' ? 'From 10.0.0.1 icmp_seq=1 Time to live exceeded' : '',
      stderr: '',
    };
  };
  return { asked, spawn };
}

const [node] = modelFrom('name: x\ntopology: {nodes: {a: {kind: router}}}').nodes;
const from = node ?? expect.fail('there is no node');

const hops = (spawn: Spawn) => hopsTo(from, '10.0.0.9', spawn);

test('routers on the way are asked once where they say that a time to live was exceeded', async () => {
  const { spawn, asked } = network(3, () => undefined);
  expect(await hops(spawn)).toBe(3);
  expect(asked).toEqual([undefined, 1, 2, 3]);
});

test('a router that says nothing is one all the same', async () => {
  const { spawn } = network(3, (hops) => (hops === 1 || hops === 2 ? 'silence' : undefined));
  expect(await hops(spawn)).toBe(3);
});

test('an answer that was lost once makes it no farther', async () => {
  const { spawn } = network(2, (_, before) => (before === 0 ? 'silence' : undefined));
  expect(await hops(spawn)).toBe(2);
});

test('nobody is at no distance, and that is soon found', async () => {
  const { spawn, asked } = network(undefined, () => undefined);
  expect(await hops(spawn)).toBe(undefined);
  expect(asked).toEqual([undefined, undefined]);
});

/** Without the namespace that comes first. */
const here: Spawn = ({ argv: [, , tool = '', ...words], ...command }) =>
  spawnHere({ ...command, argv: [tool, ...words] });

/** What is fetched of a server that answers so, at the first port of these that is free; 0: any. */
async function fetched(answer: RequestListener, ports: readonly number[] = [0]) {
  for (const port of ports) {
    const server = createServer(answer).listen(port, '127.0.0.1');
    if (!(await once(server, 'listening').then(Boolean, () => false))) continue;
    try {
      return await fetchFrom(from, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, here);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  throw new Error(`all of ${ports.join()} are taken`);
}

test('a page comes from a port that browsers ask nobody at', async () => {
  const ports = [6665, 6666, 6667, 6668, 6669, 10080, 6000, 2049];
  expect(await fetched((_, answer) => answer.end('hello\n'), ports)).toMatchObject({ ok: true, text: 'hello' });
});

test('a long page comes whole', async () => {
  const page = 'x'.repeat(1_000_000);
  expect((await fetched((_, answer) => answer.end(page))).text).toHaveLength(page.length);
});

test.each([
  [404, 'Not Found'],
  [500, 'Internal Server Error'],
])('an answer with status %i is no page, and no silence', async (status, words) => {
  const text = `${status} ${words}`;
  expect(await fetched((_, answer) => answer.writeHead(status).end(text))).toEqual({ ok: false, answered: true, text });
});

test('a page that is elsewhere is fetched there, and one that never ends is none', async () => {
  const elsewhere: RequestListener = ({ url }, answer) =>
    url === '/there' ? answer.end('found') : answer.writeHead(302, { location: '/there' }).end();
  expect(await fetched(elsewhere)).toMatchObject({ ok: true, text: 'found' });
  expect(await fetched((_, answer) => void answer.write('hel'))).toMatchObject({
    ok: false,
    answered: false,
    text: expect.stringContaining('timeout'),
  });
});

test('who hangs up is asked again', async () => {
  let times = 0;
  const third: RequestListener = ({ socket }, answer) => {
    times += 1;
    if (times < 3) socket.destroy();
    else answer.end('hello');
  };
  expect(await fetched(third)).toMatchObject({ ok: true, text: 'hello' });
});
