import { createSocket, type SocketOptions } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clients } from './clients.ts';
import type { ListenerOptions, Open } from './listener.ts';

/** Bytes of questions that may wait while the agent is busy; the kernel gives at most net.core.rmem_max. */
const bufferSize = 1024 * 1024;

/** @throws the system's error when the port cannot be had */
export async function openUdp(options: ListenerOptions, clients: Clients): Promise<Open> {
  const { address, port, desk } = options;
  const type = isIPv6(address) ? 'udp6' : 'udp4';
  // Addresses need no look-up; without one, an answer leaves in the turn in which its question came.
  const lookup: SocketOptions['lookup'] = (host, _options, found) => found(null, host, type === 'udp6' ? 6 : 4);
  const socket = createSocket({ type, lookup, recvBufferSize: bufferSize, sendBufferSize: bufferSize });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port }, resolve);
  });
  socket.removeAllListeners('error');
  let open = true;
  const failed = new Promise<Error>((resolve) => socket.on('error', resolve));
  socket.on('message', (message, from) => {
    // Nobody can be answered at port 0, and Node throws.
    if (from.port === 0 || message.length < 2) return;
    desk.overUdp(clients.at(from.address), message, (answer) => {
      if (open) socket.send(answer, from.port, from.address);
    });
  });
  return {
    failed,
    close: () =>
      new Promise((resolve) => {
        open = false;
        socket.close(() => resolve());
      }),
  };
}
