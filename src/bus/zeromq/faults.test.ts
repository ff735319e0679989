/** The network and the process around the bus fail. */
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { handles, host, Stage, until } from '../../../test/conformance/bus.ts';
import { silentLog, spawn } from '../../platform/platform.ts';
import { createZeroMqBus } from './zeromq.ts';

/** Stands between client and server; can cut the connections, or swallow what they carry. */
async function proxyTo(port: () => number) {
  const sockets = new Set<Socket>();
  let swallowing = false;
  const server = createServer((near) => {
    const far = connect(port(), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (bytes) => {
        if (!swallowing) to.write(bytes);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as { port: number }).port,
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    swallow: (on: boolean) => {
      swallowing = on;
    },
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function proxied() {
  const stage = new Stage(createZeroMqBus({ log: silentLog }));
  const proxy = await proxyTo(() => stage.server?.ports.requests ?? 0);
  const connected = async (name: string) => {
    const server = { host, ports: { ...stage.ports, requests: proxy.port }, key: stage.serverKeys.publicKey };
    return await stage.ready(stage.node(name), { server });
  };
  return { stage, proxy, connected };
}

test('a connection that is cut while a request runs: it runs once and is answered', async () => {
  const { stage, proxy, connected } = await proxied();
  using _proxy = proxy;
  await using _stage = stage;
  let runs = 0;
  const began = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await stage.serve(
    handles({
      slow: async () => {
        runs += 1;
        began.resolve();
        await gate.promise;
        return runs;
      },
    }),
  );
  const { client, states } = await connected('h1');
  const answer = client.call('slow', {});
  await began.promise;
  proxy.cut();
  // The answer is given to a connection that is no more, then asked for by the next.
  gate.resolve();
  expect(await answer).toBe(1);
  expect(runs).toBe(1);
  expect(states.map(([state]) => state)).toEqual(['ready', 'connecting', 'ready']);
});

test('many requests over a connection that is cut again and again: each runs once and is answered', async () => {
  const { stage, proxy, connected } = await proxied();
  using _proxy = proxy;
  await using _stage = stage;
  const runs = new Map<number, number>();
  await stage.serve(
    handles({
      count: async (n: number) => {
        runs.set(n, (runs.get(n) ?? 0) + 1);
        return n;
      },
    }),
  );
  const { client } = await connected('h1');
  const cutting = setInterval(proxy.cut, 60);
  try {
    const asked = Array.from({ length: 200 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * 4));
      return await client.call('count', n, { deadlineMs: 4000 });
    });
    setTimeout(() => clearInterval(cutting), 900);
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  } finally {
    clearInterval(cutting);
  }
  expect([...runs.values()].every((count) => count === 1)).toBe(true);
});

test('a connection that is silently dead is given up within 10 s, then made anew', { timeout: 20_000 }, async () => {
  const { stage, proxy, connected } = await proxied();
  using _proxy = proxy;
  await using _stage = stage;
  await stage.serve(handles({ echo: (x) => x }));
  const { client } = await connected('h1');
  const stream = client.open('missing', {}).catch(() => {});
  await stream;
  proxy.swallow(true);
  await until('given up', () => client.state === 'connecting', 11_000);
  proxy.swallow(false);
  expect(await client.call('echo', 1)).toBe(1);
});

test('a process that disposes of everything ends by itself', async () => {
  const here = import.meta.dirname;
  const program = `
    const { createZeroMqBus } = await import('${here}/zeromq.ts');
    const { silentLog } = await import('${here}/../../platform/platform.ts');
    const bus = createZeroMqBus({ log: silentLog });
    const keys = bus.generateKeys(), mine = bus.generateKeys();
    const server = await bus.serve({
      address: '${host}', ports: { requests: 0, feed: 0, metrics: 0 }, keys,
      gatekeeper: { peerOf: (key) => ({ kind: 'node', key, node: 'h1' }) },
      handler: { call: async () => 'answer', open: async () => { throw new Error('none'); } },
      onMetrics() {},
    });
    const client = await bus.connect({ server: { host: '${host}', ports: server.ports, key: keys.publicKey }, keys: mine });
    client.subscribe('cluster');
    console.log(await client.call('ask', {}));
    const lost = await bus.connect({
      server: { host: '${host}', ports: { requests: 1, feed: 1, metrics: 1 }, key: keys.publicKey }, keys: mine });
    await lost[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  `;
  const argv = [process.execPath, '--input-type=module', '-e', program] as const;
  expect(await spawn({ argv, timeoutMs: 4000 })).toMatchObject({ code: 0, stdout: 'answer\n', stderr: '' });
});
