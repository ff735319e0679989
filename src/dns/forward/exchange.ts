/** One question put to one other server, over a socket of its own: from a port that nobody can foresee (RFC 5452 §9.2). */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';
import { Frames, framed } from '../message/frames.ts';
import { flags, headerSize, rcodes } from '../message/wire.ts';
import type { Upstream } from './upstream.ts';

export type Transport = 'udp' | 'tcp';

/** Gives up; nothing is told any more. */
export type Cancel = () => void;

/**
 * @param query its id is replaced @param questionEnd where its question section ends
 * @param tell called once: with the server's answer, whose id is the question's, or undefined when none can come
 */
export function exchange(
  upstream: Upstream,
  transport: Transport,
  query: Buffer,
  questionEnd: number,
  tell: (answer: Buffer | undefined) => void,
): Cancel {
  const sent = Buffer.from(query);
  sent.writeUInt16BE(randomInt(0x10000), 0);
  let over = false;
  let close: Cancel = () => {};
  const finish = (answer: Buffer | undefined) => {
    if (over) return;
    over = true;
    close();
    if (answer !== undefined) query.copy(answer, 0, 0, 2);
    tell(answer);
  };
  const receive = (answer: Buffer) => {
    if (answers(sent, questionEnd, answer)) finish(answer);
  };
  close = (transport === 'udp' ? overUdp : overTcp)(upstream, sent, receive, () => finish(undefined));
  // A socket that this host cannot open (it has no IPv6, say) fails before it could be closed.
  if (over) close();
  return () => {
    if (over) return;
    over = true;
    close();
  };
}

type Carry = (upstream: Upstream, sent: Buffer, receive: (answer: Buffer) => void, fail: () => void) => () => void;

const overUdp: Carry = (upstream, sent, receive, fail) => {
  // Connected, so that only this server's datagrams arrive, and that it is heard when nobody is at its port.
  const type = isIPv6(upstream.address) ? 'udp6' : 'udp4';
  const lookup = (host: string, _options: unknown, found: (error: null, address: string, family: number) => void) =>
    found(null, host, type === 'udp6' ? 6 : 4);
  const socket = createSocket({ type, lookup });
  let open = true;
  socket.on('message', (answer) => receive(Buffer.from(answer)));
  socket.on('error', fail);
  socket.on('connect', () => {
    if (open) socket.send(sent, (error) => (error ? fail() : undefined));
  });
  socket.connect(upstream.port, upstream.address);
  return () => {
    open = false;
    socket.close();
  };
};

const overTcp: Carry = (upstream, sent, receive, fail) => {
  const socket = createConnection({ host: upstream.address, port: upstream.port, noDelay: true });
  const frames = new Frames();
  socket.on('data', (bytes) => {
    for (const answer of frames.take(bytes)) receive(Buffer.from(answer));
  });
  socket.on('error', fail);
  socket.on('close', fail);
  socket.write(framed(sent));
  return () => socket.destroy();
};

/** Whether it is the answer to what was sent: id and question are echoed. An error may come without the question. */
function answers(sent: Buffer, questionEnd: number, answer: Buffer): boolean {
  if (answer.length < headerSize || answer.readUInt16BE(0) !== sent.readUInt16BE(0)) return false;
  if ((answer.readUInt8(2) & flags.response) === 0) return false;
  const questions = answer.readUInt16BE(4);
  if (questions === 0) return rcodeOf(answer) !== rcodes.noError;
  const asked = (message: Buffer) => message.toString('latin1', headerSize, questionEnd).toLowerCase();
  return questions === 1 && answer.length >= questionEnd && asked(answer) === asked(sent);
}

export function rcodeOf(answer: Buffer): number {
  return answer.readUInt8(3) & 0x0f;
}
