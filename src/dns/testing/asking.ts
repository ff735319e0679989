/** Real clients and servers on loopback addresses that nobody else has. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export const port = 5353;

/** Any address of 127.0.0.0/8 can be had. */
export function loopback(): string {
  return `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(1, 255)}`;
}

export interface UdpAsker {
  /** @returns the next datagram that comes, or undefined after `ms` */
  ask(message: Buffer, ms?: number): Promise<Buffer | undefined>;
  send(message: Buffer): void;
  readonly received: Buffer[];
}

export async function udpAsker(server: string, from = '127.0.0.1'): Promise<UdpAsker> {
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  const received: Buffer[] = [];
  const waiting: ((answer: Buffer) => void)[] = [];
  socket.on('message', (answer) => {
    received.push(answer);
    waiting.shift()?.(answer);
  });
  const send = (message: Buffer) => socket.send(message, port, server);
  return {
    received,
    send,
    ask: (message, ms = 3000) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), ms);
        waiting.push((answer) => {
          clearTimeout(timer);
          resolve(answer);
        });
        send(message);
      }),
  };
}

export interface TcpAsker {
  readonly socket: Socket;
  /** By the server. */
  readonly ended: boolean;
  /** Bytes as they are. */
  write(bytes: Buffer): void;
  /** The next message, without its length. @throws when the connection ends before */
  next(): Promise<Buffer>;
}

export async function tcpAsker(server: string): Promise<TcpAsker> {
  const socket = createConnection({ host: server, port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.removeAllListeners('error');
  socket.on('error', () => {});
  const received: Buffer[] = [];
  const asker = { socket, ended: false, write: (bytes: Buffer) => void socket.write(bytes), next };
  const changed = new EventEmitter();
  const change = (ended: boolean) => {
    asker.ended ||= ended;
    changed.emit('change');
  };
  socket.on('end', () => change(true));
  socket.on('close', () => change(true));
  eachMessage(socket, (message) => {
    received.push(message);
    change(false);
  });
  return asker;

  async function next(): Promise<Buffer> {
    while (received.length === 0 && !asker.ended) await once(changed, 'change');
    const message = received.shift();
    if (message === undefined) throw new Error('the connection has ended');
    return message;
  }
}

export function withLength(message: Buffer): Buffer {
  return Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message]);
}

function eachMessage(socket: Socket, use: (message: Buffer) => unknown): void {
  let held = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const end = 2 + held.readUInt16BE(0);
      use(held.subarray(2, end));
      held = held.subarray(end);
    }
  });
}

export interface FakeUpstream {
  /** `ADDRESS:PORT` */
  readonly at: string;
  readonly asked: { readonly message: Buffer; readonly transport: 'udp' | 'tcp'; readonly port: number }[];
}

/** @param answer answers it sends, in order, to each question that arrives; none: silence */
export async function fakeUpstream(
  answer: (message: Buffer, transport: 'udp' | 'tcp') => readonly Buffer[] | Promise<readonly Buffer[]>,
): Promise<FakeUpstream> {
  const address = loopback();
  const asked: FakeUpstream['asked'] = [];
  let open = true;
  const udp = createSocket('udp4');
  udp.on('message', async (message, from) => {
    asked.push({ message, transport: 'udp', port: from.port });
    const answers = await answer(message, 'udp');
    if (open) for (const each of answers) udp.send(each, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, address, resolve));
  const tcp = createServer((socket) => {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    eachMessage(socket, async (message) => {
      asked.push({ message, transport: 'tcp', port: socket.remotePort ?? 0 });
      for (const each of await answer(message, 'tcp')) if (socket.writable) socket.write(withLength(each));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(port, address, resolve));
  onTestFinished(async () => {
    open = false;
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
  });
  return { at: `${address}:${port}`, asked };
}

/** The question back as an answer with one A record. @param rcode 0 */
export function answerTo(message: Buffer, address = '192.0.2.80', rcode = 0): Buffer {
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(0x8180 | rcode, 2);
  header.writeUInt16BE(rcode === 0 ? 1 : 0, 6);
  header.writeUInt16BE(0, 10);
  const end = message.indexOf(0, 12) + 5;
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([header, message.subarray(12, end), ...(rcode === 0 ? [record] : [])]);
}
