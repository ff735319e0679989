/** What `cp` does: archives in the format of tar, between a container and this host or our input and output. */
import { posix } from 'node:path';
import { Failure } from '../../domain/errors.ts';
import { type Piped, writeTo } from '../../platform/piped.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import { tell } from './carry.ts';
import { containerNames } from './container-names.ts';
import { type Packing, type PathKind, planPacking, planUnpacking, type Side } from './copy-plan.ts';
import { kindHere, pack, unpack } from './copy-tools.ts';
import { lost } from './in-container.ts';
import { Interrupted, type Session } from './session.ts';
import { UsageError } from './usage.ts';

export interface CopyFlags {
  readonly archive?: boolean;
  readonly followLink?: boolean;
}

/** A chain of links is not endless. */
const mostLinks = 40;

/** @returns the exit code. @throws UsageError, Failure */
export async function copy(session: Session, from: Side, to: Side, flags: CopyFlags): Promise<number> {
  if (from.at === 'container' && to.at === 'container') {
    throw new UsageError('from one container to another there is no way but over here: copy it here first');
  }
  if (from.at === 'container' && to.at !== 'container') return new Copy(session, from, flags).from(to);
  if (from.at !== 'container' && to.at === 'container') return new Copy(session, to, flags).to(from);
  throw new UsageError('neither side is in a container: name one like web:/etc');
}

class Copy {
  readonly #session: Session;
  readonly #container: Extract<Side, { at: 'container' }>;
  readonly #flags: CopyFlags;
  #name: string;

  constructor(session: Session, container: Extract<Side, { at: 'container' }>, flags: CopyFlags) {
    this.#session = session;
    this.#container = container;
    this.#flags = flags;
    this.#name = container.name;
  }

  async from(to: Exclude<Side, { at: 'container' }>): Promise<number> {
    await this.#findName();
    const { archive: owners = false, followLink = false } = this.#flags;
    const { path, kind } = await this.#look(this.#container.path, followLink);
    if (kind === undefined) throw this.#nothingAt(path);
    const unpacking =
      to.at === 'here' ? planUnpacking({ path, kind }, to.path, await kindHere(to.path, true)) : undefined;
    const stream = await this.#session.open('workload.archive', { name: this.#name, path });
    return this.#carry(stream, async () => {
      if (unpacking === undefined) {
        for await (const data of bytesOf(stream)) await this.#session.io.stdout.write(data);
      } else await take(bytesOf(stream), await unpack(unpacking, { owners }));
      await stream.result;
      return 0;
    });
  }

  async to(from: Exclude<Side, { at: 'container' }>): Promise<number> {
    await this.#findName();
    const { archive: toUser = false, followLink: follow = false } = this.#flags;
    const { path, kind } = await this.#look(this.#container.path, true);
    if (from.at === 'stream') {
      if (kind !== 'directory') throw notADirectory(this.#name, path, kind);
      const stream = await this.#session.open('workload.extract', { name: this.#name, path, toUser });
      const over = new AbortController();
      return this.#carry(stream, () => give(stream, this.#session.io.stdin.read(over.signal))).finally(() =>
        over.abort(),
      );
    }
    const own = await kindHere(from.path, follow);
    if (own === undefined) throw new Failure('not-found', `there is no ${from.path} here`);
    const packing = planPacking({ path: from.path, kind: own }, path, kind);
    const stream = await this.#session.open('workload.extract', { name: this.#name, path: packing.into, toUser });
    return this.#carry(stream, () => packed(stream, packing, follow));
  }

  async #findName(): Promise<void> {
    [this.#name = this.#name] = await containerNames(this.#session, [this.#container.name]);
  }

  /** What is at the path, behind its links if they are to be followed. */
  async #look(path: string, follow: boolean): Promise<{ readonly path: string; readonly kind: PathKind | undefined }> {
    let at = path;
    for (let links = 0; links < mostLinks; links += 1) {
      const { found } = await this.#session.ask('workload.path', { name: this.#name, path: at });
      if (found?.kind !== 'link' || !follow) return { path: at, kind: found?.kind };
      at = posix.resolve(posix.dirname(at), found.linkTarget);
    }
    throw new Failure('invalid', `${path} in ${this.#name} leads from link to link without end`);
  }

  #nothingAt(path: string): Failure {
    return new Failure('not-found', `there is no ${path} in ${this.#name}`);
  }

  /** Ctrl-C leaves it, with what has been copied by then. */
  async #carry(stream: ByteStream, work: () => Promise<number>): Promise<number> {
    const { io } = this.#session;
    const stop = () => stream.reset(new Interrupted(''));
    const undo = [io.onSignal('SIGINT', stop), io.onSignal('SIGTERM', stop)];
    try {
      return await work();
    } catch (error) {
      stream.reset(error instanceof Error ? error : new Error(String(error)));
      throw lost(this.#name, error, 'and not all is copied');
    } finally {
      for (const one of undo) one();
    }
  }
}

async function* bytesOf(stream: ByteStream): AsyncGenerator<Uint8Array> {
  for await (const { channel, data } of stream) if (channel === channels.stdout) yield data;
}

/** @returns 0 when all of it is in the container. @throws what the source fails with; Failure of the container's */
async function give(stream: ByteStream, source: AsyncIterable<Uint8Array>): Promise<number> {
  let broken: { readonly why: unknown } | undefined;
  const sending = (async () => {
    const reader = source[Symbol.asyncIterator]();
    for (;;) {
      const next = await reader.next().catch((why: unknown) => {
        broken = { why };
        throw why;
      });
      if (next.done) break;
      await stream.send(channels.stdin, next.value);
    }
    tell(stream, { type: 'end-of-input' });
  })();
  // What the container refuses it for is worth more than that it cannot be sent on.
  await Promise.race([stream.result, sending.catch(() => {})]);
  if (broken !== undefined) throw broken.why;
  await stream.result;
  return 0;
}

async function packed(stream: ByteStream, packing: Packing, follow: boolean): Promise<number> {
  const tar = await pack(packing, { follow });
  const said = textOf(tar.stderr);
  const whole = (async function* () {
    yield* tar.stdout as AsyncIterable<Uint8Array>;
    await checked(tar, said);
  })();
  try {
    return await give(stream, whole);
  } finally {
    tar.kill('SIGKILL');
  }
}

/** Takes an archive apart. @throws Failure with what tar says */
async function take(source: AsyncIterable<Uint8Array>, tar: Piped): Promise<void> {
  const said = textOf(tar.stderr);
  tar.stdout.resume();
  try {
    for await (const data of source) {
      // It may have seen the archive's end: what fills up the rest is read all the same.
      if (!tar.stdin.writable && (await tar.ended) !== 0) break;
      await writeTo(tar.stdin, data);
    }
    tar.stdin.end();
    await checked(tar, said);
  } finally {
    tar.kill('SIGKILL');
  }
}

async function checked(tar: Piped, said: Promise<string>): Promise<void> {
  const code = await tar.ended;
  if (code === 0) return;
  if (code < 0) throw new Failure('not-found', 'tar is not installed on this host: install it, or copy to and from -');
  const [why = `it ended with ${code}`] = (await said).trim().split('\n');
  throw new Failure('invalid', `not all is copied: ${why}`);
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of source) if (parts.length < 100) parts.push(part);
  return Buffer.concat(parts).toString();
}

const notADirectory = (name: string, path: string, kind: PathKind | undefined): Failure =>
  new Failure(
    kind === undefined ? 'not-found' : 'conflict',
    kind === undefined ? `there is no directory ${path} in ${name}` : `${path} in ${name} is no directory`,
  );
