/** When a client is connected to a server's feed: a thousand connections are a tenth of a gigabyte there. */
import { expect, test } from 'vitest';
import { handles, Stage, until } from '../../../test/conformance/bus.ts';
import { listener } from '../../../test/conformance/listener.ts';
import { silentLog } from '../../platform/platform.ts';
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
