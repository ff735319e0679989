/** Ports of the host that are taken by being bound. Not part of the door: only the agent needs it. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

export interface HeldPort extends AsyncDisposable {
  /** The one that was given when any was asked for. */
  readonly port: number;
}

/**
 * Takes a port, so that nobody else can; nothing is served there. Costs one open file.
 * @param port 0: any free one of the host's range for that (ip_local_port_range)
 * @throws the system's error: EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE
 */
export type HoldPort = (protocol: 'tcp' | 'udp', address: string, port: number) => Promise<HeldPort>;

export const holdPort: HoldPort = (protocol, address, port) =>
  protocol === 'tcp' ? holdTcp(address, port) : holdUdp(address, port);

/** It must listen: a socket that is only bound keeps nobody from listening at another address of the host. */
async function holdTcp(address: string, port: number): Promise<HeldPort> {
  // Whoever comes here although the port leads elsewhere is sent away rather than left waiting.
  const server = createServer((socket) => socket.resetAndDestroy());
  await listening(server, () => server.listen({ host: address, port, backlog: 1, exclusive: true }));
  return {
    port: portOf(server.address()),
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function holdUdp(address: string, port: number): Promise<HeldPort> {
  const socket = createSocket('udp4');
  try {
    await listening(socket, () => socket.bind({ address, port, exclusive: true }));
  } catch (error) {
    // A server closes itself then.
    socket.close();
    throw error;
  }
  return {
    port: portOf(socket.address()),
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

interface Binding {
  once(event: 'listening' | 'error', heard: (error: Error) => void): unknown;
  on(event: 'error', heard: () => void): unknown;
  unref(): unknown;
}

function listening(socket: Binding, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => {
      // What goes wrong with single packets is of no consequence.
      socket.on('error', () => {});
      socket.unref();
      resolve();
    });
    bind();
  });
}

const portOf = (address: string | { readonly port: number } | null): number =>
  typeof address === 'object' && address !== null ? address.port : 0;
