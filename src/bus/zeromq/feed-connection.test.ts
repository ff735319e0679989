/** When a client is connected to a server's feed: a thousand connections are a tenth of a gigabyte there. */
import { expect, test } from 'vitest';
import { handles, Stage, until } from '../../../test/conformance/bus.ts';
import { listener } from '../../../test/conformance/listener.ts';
import { type Log, silentLog } from '../../platform/platform.ts';
import { createZeroMqBus } from './zeromq.ts';

test('a client is connected to the feed while it wants to hear of something', async () => {
  await using feed = await listener();
  const bus = createZeroMqBus({ log: silentLog });
  await using stage = new Stage(bus);
  await stage.serve(handles({ echo: (params) => params }));
  await using client = await bus.connect({
    server: { host: '127.0.0.1', ports: { ...stage.ports, feed: feed.port }, key: stage.serverKeys.publicKey },
    keys: stage.node('h1'),
  });
  await until('a session', () => client.state === 'ready');
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
  await using feed = await listener();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  const bus = createZeroMqBus({ log });
  await using stage = new Stage(bus);
  await stage.serve(handles({ echo: (params) => params }));
  await using client = await bus.connect({
    server: { host: '127.0.0.1', ports: { ...stage.ports, feed: feed.port }, key: stage.serverKeys.publicKey },
    keys: stage.node('h1'),
  });
  await until('a session', () => client.state === 'ready');
  for (const topic of ['cluster', 'node/h1', 'network/a']) client.subscribe(topic);
  // It waits for the answer, which does not come.
  expect(await client.call('echo', 1)).toBe(1);
  expect(warnings).toEqual([expect.stringContaining('the feed does not answer')]);
});
