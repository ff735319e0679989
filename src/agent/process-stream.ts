/**
 * Serves a process of the host as a ByteStream. Back-pressure goes through in both directions. When the client goes away
 * the process is hung up, as by a terminal, and killed if it does not mind.
 */
import { toFailure } from '../domain/domain.ts';
import { type Clock, type Piped, writeTo } from '../platform/platform.ts';
import { type ByteStream, type Channel, channels, readControl, streamPair } from '../protocol/protocol.ts';

export interface ServedProcess {
  readonly clock: Clock;
  /** False: its input is at its end from the beginning. */
  readonly stdin: boolean;
  /** Never rejects. */
  readonly resize: (columns: number, rows: number) => Promise<void>;
  /** Exit code → what the stream ends with. @throws Failure */
  readonly finish: (code: number) => unknown;
}

const graceMs = 2000;

export function serveProcess(child: Piped, served: ServedProcess): ByteStream {
  const [client, own] = streamPair();
  void forwardOutput(child, own, served);
  void forwardInput(own, child, served);
  return client;
}

async function forwardOutput(child: Piped, own: ByteStream, { finish }: ServedProcess): Promise<void> {
  try {
    await Promise.all([pump(child.stdout, channels.stdout, own), pump(child.stderr, channels.stderr, own)]);
    own.end(finish(await child.ended));
  } catch (error) {
    own.reset(toFailure(error));
  }
}

async function pump(source: AsyncIterable<Buffer>, channel: Channel, own: ByteStream): Promise<void> {
  for await (const data of source) await own.send(channel, data);
}

async function forwardInput(own: ByteStream, child: Piped, served: ServedProcess): Promise<void> {
  try {
    // Nothing will come: a tool that reads must not wait for it.
    if (!served.stdin) child.stdin.end();
    for await (const { channel, data } of own) {
      if (channel === channels.stdin && served.stdin) await writeTo(child.stdin, data);
      if (channel !== channels.control) continue;
      const message = readControl(data);
      if (message?.type === 'resize') void served.resize(message.columns, message.rows);
      if (message?.type === 'end-of-input') child.stdin.end();
    }
    child.stdin.end();
  } catch {
    await hangUp(child, served.clock);
  }
}

async function hangUp(child: Piped, clock: Clock): Promise<void> {
  child.kill('SIGHUP');
  child.stdin.destroy();
  await Promise.race([child.ended, clock.sleep(graceMs)]);
  // Also when it has ended: what it has started need not have.
  child.kill('SIGKILL');
}
