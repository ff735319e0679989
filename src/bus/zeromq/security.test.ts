/** Who does not play by the rules: peers that speak to the server's sockets themselves, with keys that are let in. */
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Dealer, Subscriber } from 'zeromq';
import { handles, host, pause, Stage, until } from '../../../test/conformance/bus.ts';
import { silentLog, systemClock } from '../../platform/platform.ts';
import type { KeyPair } from '../bus.ts';
import { sharedKey } from '../keys.ts';
import { encodeHeader, encodeJson, noPayload } from '../session/wire.ts';
import { curveClient } from './dealer.ts';
import { endpoint } from './options.ts';
import { Sealer } from './seal.ts';
import { ZeroMqServer } from './server.ts';
import { createZeroMqBus } from './zeromq.ts';

const request = (id: string) => encodeHeader({ t: 'request', id, method: 'count', left: 1000 });

/** A stage whose only method counts how often it was called. */
async function counted() {
  const stage = new Stage(createZeroMqBus({ log: silentLog }));
  const runs = { count: 0 };
  await stage.serve(
    handles({
      count: () => {
        runs.count += 1;
        return runs.count;
      },
    }),
  );
  return { stage, runs };
}

function raw(stage: Stage, keys: KeyPair) {
  const server = { host, ports: stage.ports, key: stage.serverKeys.publicKey };
  const socket = new Dealer({ linger: 0, receiveTimeout: 1000, ...curveClient({ keys, server }) });
  socket.connect(endpoint(host, stage.ports.requests));
  return {
    socket,
    /** Says to be `publicKey`. @returns the session's id and the two nonces, or what else came. */
    async hello(publicKey: string) {
      const nonce = '00'.repeat(16);
      await socket.send(['H', encodeJson({ version: 1, publicKey, nonce })]);
      const [mark, body] = await socket.receive();
      const { session, nonce: other, ...rest } = JSON.parse(`${body}`);
      return {
        mark: `${mark}`,
        rest,
        session: Buffer.from(session ?? '', 'hex'),
        nonces: Buffer.from(nonce + other, 'hex'),
      };
    },
    async ask(sealer: Sealer, id: string) {
      const header = request(id);
      await socket.send([sealer.seal(header, noPayload), header, noPayload]);
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

describe('a session', () => {
  test('of another node is not had by naming its key', async () => {
    const { stage, runs } = await counted();
    await using _ = stage;
    const mallory = stage.node('mallory');
    const victim = stage.node('victim');
    using connection = raw(stage, mallory);
    const { mark, session, nonces } = await connection.hello(victim.publicKey);
    expect(mark).toBe('W');
    const names = victim.publicKey + stage.serverKeys.publicKey;
    for (const key of [
      sharedKey(mallory.secretKey, stage.serverKeys.publicKey, nonces, names),
      sharedKey(mallory.secretKey, victim.publicKey, nonces, names),
      Buffer.alloc(32),
    ]) {
      await connection.ask(new Sealer(session, key), 'x');
      const [answer, body] = await connection.socket.receive();
      expect([`${answer}`, JSON.parse(`${body}`).code]).toEqual(['X', 'unavailable']);
    }
    expect(runs.count).toBe(0);
    expect(stage.seen).toEqual([]);
  });

  test('is had with the right key; a message said twice or without a seal is done once or not at all', async () => {
    const { stage, runs } = await counted();
    await using _ = stage;
    const keys = stage.node('h1');
    using connection = raw(stage, keys);
    const { session, nonces } = await connection.hello(keys.publicKey);
    const names = keys.publicKey + stage.serverKeys.publicKey;
    const key = sharedKey(keys.secretKey, stage.serverKeys.publicKey, nonces, names);
    const header = request('1');
    const seal = new Sealer(session, key).seal(header, noPayload);
    await connection.socket.send([seal, header, noPayload]);
    expect(`${(await connection.socket.receive())[0]}`).toBe('A');
    expect(`${(await connection.socket.receive())[2]}`).toBe('1');
    const other = request('2');
    await connection.socket.send([seal, header, noPayload]);
    expect(`${(await connection.socket.receive())[0]}`).toBe('X');
    await connection.socket.send([seal, other, noPayload]);
    expect(`${(await connection.socket.receive())[0]}`).toBe('X');
    await connection.socket.send([Buffer.alloc(41, 0x53), other, noPayload]);
    expect(`${(await connection.socket.receive())[0]}`).toBe('X');
    expect(runs.count).toBe(1);
  });

  test('is bound to its connection: who knows its id and even its key speaks in vain from another', async () => {
    const { stage, runs } = await counted();
    await using _ = stage;
    const keys = stage.node('h1');
    using owner = raw(stage, keys);
    using thief = raw(stage, stage.node('h2'));
    const { session, nonces } = await owner.hello(keys.publicKey);
    const names = keys.publicKey + stage.serverKeys.publicKey;
    const sealer = new Sealer(session, sharedKey(keys.secretKey, stage.serverKeys.publicKey, nonces, names));
    await thief.ask(sealer, 'x');
    expect(`${(await thief.socket.receive())[0]}`).toBe('X');
    expect(runs.count).toBe(0);
    await owner.ask(sealer, 'x');
    expect(`${(await owner.socket.receive())[0]}`).toBe('A');
  });
});

describe('the door', () => {
  test('shut, lets nobody in: not even a key that it knows', async () => {
    await using stage = new Stage(createZeroMqBus({ log: silentLog }));
    let asked = 0;
    const server = await ZeroMqServer.start(
      {
        address: host,
        ports: stage.ports,
        keys: stage.serverKeys,
        gatekeeper: { peerOf: (key) => stage.peers.get(key) },
        handler: handles({ echo: () => (asked += 1) }),
        onMetrics: () => {},
      },
      silentLog,
      systemClock,
    );
    await using _ = server;
    stage.ports = server.ports;
    const inside = await stage.ready(stage.node('h1'));
    server.door.close();
    await pause(50);
    const late = await stage.connect(stage.node('h2'));
    await expect(late.client.call('echo', 1, { deadlineMs: 1000 })).rejects.toMatchObject({ code: 'denied' });
    expect(asked).toBe(0);
    expect(server.connectedNodes()).toEqual(['h1']);
    // Who was inside stays: the door is asked at the handshake only.
    expect(await inside.client.call('echo', 1)).toBe(1);
  });

  test('keeps tokens and users from the feed socket itself, and unknown keys from all', async () => {
    const { stage } = await counted();
    await using _ = stage;
    const listen = (keys: KeyPair) => {
      const server = { host, ports: stage.ports, key: stage.serverKeys.publicKey };
      const socket = new Subscriber({ linger: 0, ...curveClient({ keys, server }) });
      const got: string[] = [];
      const status: number[] = [];
      socket.events.on('handshake:error:auth', ({ error }) => status.push(error.status));
      socket.subscribe('');
      socket.connect(endpoint(host, stage.ports.feed));
      void (async () => {
        for await (const [topic] of socket) got.push(`${topic}`);
      })();
      return { got, status, [Symbol.dispose]: () => socket.close() };
    };
    using token = listen(stage.token());
    using user = listen(stage.user('ana'));
    using stranger = listen(stage.bus.generateKeys());
    using node = listen(stage.node('h1'));
    await until('the node hears', () => {
      stage.server?.publish({ topic: 'cluster', previous: 0, revision: 1, data: '[]' });
      return node.got.length > 0;
    });
    await pause(50);
    expect([token.got, token.status]).toEqual([[], [400]]);
    expect([user.got, user.status]).toEqual([[], [400]]);
    expect([stranger.got, stranger.status]).toEqual([[], [400]]);
  });

  test('an expelled node that does not care is cut off from the feed, though its socket stays', async () => {
    const { stage } = await counted();
    await using _ = stage;
    const keys = stage.node('bad');
    const server = { host, ports: stage.ports, key: stage.serverKeys.publicKey };
    using socket = disposable(new Subscriber({ linger: 0, reconnectInterval: 20, ...curveClient({ keys, server }) }));
    let got = 0;
    socket.it.subscribe('');
    socket.it.connect(endpoint(host, stage.ports.feed));
    void (async () => {
      for await (const _ of socket.it) got += 1;
    })();
    const publish = () => stage.server?.publish({ topic: 'cluster', previous: 0, revision: 1, data: '[]' });
    await until('it hears', () => {
      publish();
      return got > 0;
    });
    stage.peers.delete(keys.publicKey);
    await stage.server?.expel(keys.publicKey);
    await pause(20);
    const before = got;
    for (let n = 0; n < 20; n++) {
      publish();
      await pause(10);
    }
    expect(got).toBe(before);
  });
});

test('whoever stays while another is expelled is told when the feed, which was interrupted for that, is heard again', async () => {
  const { stage } = await counted();
  await using _ = stage;
  let again = 0;
  const { client, feed } = await stage.ready(stage.node('h1'), { onFeedAgain: () => (again += 1) });
  client.subscribe('cluster');
  const keys = stage.node('bad');
  const bad = await stage.ready(keys);
  bad.client.subscribe('cluster');
  const publish = (revision: number) =>
    stage.server?.publish({ topic: 'cluster', previous: revision - 1, revision, data: '[]' });
  await until('both hear', () => {
    publish(1);
    return feed.length > 0 && bad.feed.length > 0;
  });
  expect(again).toBe(0);
  stage.peers.delete(keys.publicKey);
  await stage.server?.expel(keys.publicKey);
  await until('it is told', () => again === 1);
  // From then on nothing is missed.
  publish(7);
  await until('it hears', () => feed.at(-1)?.revision === 7);
  expect(client.state).toBe('ready');
});

test('metrics are sealed as all else: changed on the way they are dropped, and what is no JSON ends nothing', async () => {
  const { stage } = await counted();
  await using _ = stage;
  const keys = stage.node('h1');
  using connection = raw(stage, keys);
  const { session, nonces } = await connection.hello(keys.publicKey);
  const names = keys.publicKey + stage.serverKeys.publicKey;
  const sealer = new Sealer(session, sharedKey(keys.secretKey, stage.serverKeys.publicKey, nonces, names));
  const header = encodeHeader({ t: 'metrics' });
  const tell = (sealed: Uint8Array, sent = sealed) =>
    connection.socket.send([sealer.seal(header, sealed), header, sent]);
  await tell(encodeJson('own'), encodeJson('forged'));
  expect(`${(await connection.socket.receive())[0]}`).toBe('X');
  await tell(Buffer.from('{'));
  expect(`${(await connection.socket.receive())[0]}`).toBe('A');
  await tell(encodeJson('own'));
  await connection.ask(sealer, '1');
  expect(`${(await connection.socket.receive())[2]}`).toBe('1');
  expect(stage.metrics).toEqual([{ node: 'h1', data: 'own' }]);
});

test.for([
  ['says nothing', false, 'unavailable'],
  ['hangs up', true, 'denied'],
] as const)('something else on the port that %s is found out soon', async ([, hangsUp, code]) => {
  await using stage = new Stage(createZeroMqBus({ log: silentLog }));
  const stranger = createServer((socket) => {
    socket.on('error', () => {});
    if (hangsUp) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((resolve) => stranger.listen(0, host, resolve));
  try {
    const { port } = stranger.address() as { port: number };
    stage.ports = { requests: port, feed: 1 };
    const { client } = await stage.connect(stage.bus.generateKeys());
    const began = Date.now();
    await expect(client.call('echo', 1, { deadlineMs: 3500 })).rejects.toMatchObject({ code });
    expect(Date.now() - began).toBeLessThan(4000);
  } finally {
    stranger.close();
  }
});

function disposable<T extends { close(): void }>(it: T) {
  return { it, [Symbol.dispose]: () => it.close() };
}
