/** Two Tramas that speak different versions of the protocol, over real sockets. */
import { expect, test } from 'vitest';
import { handles, Stage, until } from '../../../test/conformance/bus.ts';
import { type Log, silentLog } from '../../platform/platform.ts';
import type { VersionRange } from '../session/versions.ts';
import { createZeroMqBus } from './zeromq.ts';

/** A server and a client of these versions. */
async function meet(server: VersionRange, client: VersionRange) {
  const agreed: unknown[] = [];
  const noted = (message: string, more?: { version?: unknown }) => {
    if (message === 'versions agreed on') agreed.push(more?.version);
  };
  const log: Log = { ...silentLog, debug: noted as Log['debug'] };
  const stage = new Stage(createZeroMqBus({ log: silentLog, versions: server }));
  await stage.serve(handles({ echo: (params) => params }));
  const keys = stage.node('h1');
  const states: [string, string][] = [];
  const made = await createZeroMqBus({ log, versions: client }).connect({
    server: { host: '127.0.0.1', ports: stage.ports, key: stage.serverKeys.publicKey },
    keys,
    onState: (state, reason) => states.push([state, reason]),
  });
  await until('an outcome', () => made.state === 'ready' || made.state === 'refused');
  return {
    client: made,
    states,
    agreed,
    async [Symbol.asyncDispose]() {
      await made[Symbol.asyncDispose]();
      await stage[Symbol.asyncDispose]();
    },
  };
}

const [one, oneAndTwo, two] = [
  { lowest: 1, highest: 1 },
  { lowest: 1, highest: 2 },
  { lowest: 2, highest: 2 },
];

test.each([
  ['a newer client', one, oneAndTwo, 1],
  ['a newer server', oneAndTwo, one, 1],
  ['both new', oneAndTwo, oneAndTwo, 2],
  ['one that has given up the old', oneAndTwo, two, 2],
])('%s: they speak the highest that both know', async (_, server, client, version) => {
  await using meeting = await meet(server, client);
  expect(meeting.agreed).toEqual([version]);
  expect(await meeting.client.call('echo', 'hello')).toBe('hello');
});

test.each([
  [two, one, /Trama on this host is too old.*speaks version 2.*this host version 1.*Upgrade Trama on this host/],
  [one, two, /The server's Trama is too old.*Upgrade Trama on the servers first/],
])('with none in common, the sentence says which is to be upgraded', async (server, client, sentence) => {
  await using meeting = await meet(server, client);
  expect(meeting.states.at(-1)).toEqual(['refused', expect.stringMatching(sentence)]);
  await expect(meeting.client.call('echo', 1)).rejects.toMatchObject({ code: 'denied' });
});

test('a server that is upgraded is found by whom it refused', { timeout: 15_000 }, async () => {
  const stage = new Stage(createZeroMqBus({ log: silentLog, versions: one }));
  const old = await stage.serve(handles({ echo: (params) => params }));
  const client = await createZeroMqBus({ log: silentLog, versions: two }).connect({
    server: { host: '127.0.0.1', ports: stage.ports, key: stage.serverKeys.publicKey },
    keys: stage.node('h1'),
  });
  await until('refused', () => client.state === 'refused');
  await old[Symbol.asyncDispose]();
  const upgraded = await createZeroMqBus({ log: silentLog, versions: oneAndTwo }).serve({
    address: '127.0.0.1',
    ports: stage.ports,
    keys: stage.serverKeys,
    gatekeeper: { peerOf: (key) => stage.peers.get(key) },
    handler: handles({ echo: (params) => params }),
    onMetrics: () => {},
  });
  await until('ready', () => client.state === 'ready', 10_000);
  await client[Symbol.asyncDispose]();
  await upgraded[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});
