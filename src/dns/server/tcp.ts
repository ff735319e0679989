import { createServer, type Socket } from 'node:net';
import { Frames, framed } from '../message/frames.ts';
import type { Asker, Clients } from './clients.ts';
import type { Desk } from './desk.ts';
import type { ListenerOptions, Open } from './listener.ts';

const limits = {
  /** Connections of one client, and of all at one address. A further one is closed. */
  ofClient: 32,
  ofAll: 256,
  /** Milliseconds without a byte; an answer from elsewhere takes 3.8 s at most. */
  idle: 10_000,
  /** Bytes of answers that are not fetched, before no more questions are read. */
  unfetched: 256 * 1024,
} as const;

/** @throws the system's error when the port cannot be had */
export async function openTcp(options: ListenerOptions, clients: Clients): Promise<Open> {
  const { address, port, desk } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const asker = clients.at(socket.remoteAddress ?? '');
    if (asker.connections >= limits.ofClient || sockets.size >= limits.ofAll) return socket.destroy();
    asker.connections += 1;
    sockets.add(socket);
    socket.on('close', () => {
      asker.connections -= 1;
      sockets.delete(socket);
    });
    serve(socket, asker, desk);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, resolve);
  });
  server.removeAllListeners('error');
  return {
    failed: new Promise((resolve) => server.on('error', resolve)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Questions may follow one another without waiting; answers come in the order in which they are found (RFC 7766 §6.2.1.1). */
function serve(socket: Socket, asker: Asker, desk: Desk): void {
  const frames = new Frames();
  let awaited = 0;
  let ended = false;
  socket.setTimeout(limits.idle, () => socket.destroy());
  // It is closed then; there is nobody to tell.
  socket.on('error', () => {});
  socket.on('drain', () => socket.resume());
  socket.on('end', () => {
    ended = true;
    if (awaited === 0) socket.end();
  });
  socket.on('data', (bytes) => {
    for (const message of frames.take(bytes)) {
      awaited += 1;
      const asked = desk.overTcp(asker, message, (answer) => {
        awaited -= 1;
        if (socket.writable) socket.write(framed(answer));
        if (ended && awaited === 0) socket.end();
      });
      // Who speaks something else is not listened to any longer.
      if (!asked) return socket.destroy();
    }
    if (socket.writableLength > limits.unfetched) socket.pause();
  });
}
