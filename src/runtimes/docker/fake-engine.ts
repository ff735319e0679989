/** For tests: what answers at an engine's socket, request by request. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeEngine extends AsyncDisposable {
  readonly socketPath: string;
  /** Method and path of every request so far. */
  readonly requests: string[];
  /** Connections ever opened, and those that are open. */
  readonly connections: { opened: number; open: number };
  apiVersion: string;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  listen(): Promise<void>;
  /** Listens no more, and goes on to answer whoever is connected, as a daemon does while it stops its containers. */
  shutDown(): void;
  /** Closes every connection and listens no more; the socket's file stays, as after a kill. */
  die(): Promise<void>;
}

export async function createFakeEngine(): Promise<FakeEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'trama-engine-'));
  const requests: string[] = [];
  const connections = { opened: 0, open: 0 };
  const fake: FakeEngine = {
    socketPath: join(directory, 'docker.sock'),
    requests,
    connections,
    apiVersion: '1.41',
    answer: (_, response) => void response.end('{}'),
    async listen() {
      await rm(fake.socketPath, { force: true });
      await new Promise<void>((resolve) => server.listen(fake.socketPath, resolve));
    },
    shutDown() {
      // That of node:http would close idle connections as well.
      Server.prototype.close.call(server);
    },
    async die() {
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await ended;
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await fake.die();
      server.closeAllConnections();
      await rm(directory, { recursive: true, force: true });
    },
  };
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (request.url === '/version') {
      response.end(JSON.stringify({ Version: '28.0.0', ApiVersion: fake.apiVersion, MinAPIVersion: fake.apiVersion }));
    } else if (!request.url?.startsWith(`/v${fake.apiVersion}/`)) {
      response.writeHead(400);
      response.end(
        JSON.stringify({ message: 'client version 1.41 is too old. Minimum supported API version is 1.44' }),
      );
    } else {
      fake.answer(request, response);
    }
  });
  server.on('connection', (socket) => {
    connections.opened += 1;
    connections.open += 1;
    socket.on('close', () => {
      connections.open -= 1;
    });
  });
  return fake;
}
