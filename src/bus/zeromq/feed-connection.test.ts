/** When a client is connected to a server's feed: a thousand connections are a tenth of a gigabyte there. */
import { expect, test } from 'vitest';
import { handles, Stage, until } from '../../../test/conformance/bus.ts';
import { listener } from '../../../test/conformance/listener.ts';
import { type Log, silentLog } from '../../platform/platform.ts';
import { createZeroMqBus } from './zeromq.ts';

/** A node with a session, at a server whose feed takes connections and says nothing. */
async function connected(log: Log = silentLog) {
  await using made = new AsyncDisposableStack();
  const feed = made.use(await listener());
  const bus = createZeroMqBus({ log });
  const stage = made.use(new Stage(bus));
  await stage.serve(handles({ echo: (params) => params }));
  const client = made.use(
    await bus.connect({
      server: { host: '127.0.0.1', ports: { ...stage.ports, feed: feed.port }, key: stage.serverKeys.publicKey },
      keys: stage.node('h1'),
    }),
  );
  await until('a session', () => client.state === 'ready');
  const resources = made.move();
  return { client, feed, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('a client is connected to the feed while it wants to hear of something', async () => {
  await using scene = await connected();
  const { client, feed } = scene;
  expect(await client.call('echo', 1)).toBe(1);
  expect(feed.accepted()).toBe(0);
  client.subscribe('cluster');
  client.subscribe('network/a');
  await until('a connection', () => feed.open() === 1);
  client.unsubscribe('cluster');
  expect(await client.call('echo', 2)).toBe(2);
  expect(feed.open()).toBe(1);
  client.unsubscribe('network/a');
  await until('none', () => feed.open() === 0);
  expect(await client.call('echo', 3)).toBe(3);
});

test('whether subscriptions hold is asked once for all that are made at once', async () => {
  const warnings: string[] = [];
  await using scene = await connected({ ...silentLog, warn: (message) => void warnings.push(message) });
  const { client } = scene;
  for (const topic of ['cluster', 'node/h1', 'network/a']) client.subscribe(topic);
  // It waits for the answer, which does not come.
  expect(await client.call('echo', 1)).toBe(1);
  expect(warnings).toEqual([expect.stringContaining('the feed does not answer')]);
});
