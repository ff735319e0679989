/** Files of containers as archives in the format of tar, of containers that run and of those that do not. */
import type { ClientRequest } from 'node:http';
import { type Failure, isFailure, toFailure } from '../../domain/domain.ts';
import { writeTo } from '../../platform/platform.ts';
import { type ByteStream, channels, readControl, streamPair } from '../../protocol/protocol.ts';
import type { ContainerRuntime, PathInContainer } from '../runtimes.ts';
import { shortId } from './container-info.ts';
import type { Engine } from './engine.ts';
import { unframed } from './frames.ts';
import { serveOutput } from './serve-stream.ts';

type Archives = Pick<ContainerRuntime, 'pathIn' | 'archive' | 'extract'>;

interface Context {
  readonly engine: Engine;
  readonly explain: (error: unknown) => Failure;
}

const statHeader = 'x-docker-container-path-stat';

export function createArchives({ engine, explain }: Context): Archives {
  const pathOf = (id: string) => `/containers/${encodeURIComponent(id)}/archive`;

  return {
    async pathIn(id, path) {
      const doing = `look at ${path} in the container ${shortId(id)}`;
      try {
        const { headers, body } = await engine.read({ method: 'HEAD', path: pathOf(id), query: { path }, doing });
        body.destroy();
        return readStat(headers[statHeader] ?? '');
      } catch (error) {
        if (isFailure(error, 'not-found')) return undefined;
        throw error;
      }
    },

    async archive(id, path) {
      const doing = `copy ${path} from the container ${shortId(id)}`;
      const { body } = await engine.read({ method: 'GET', path: pathOf(id), query: { path }, doing });
      return serveOutput(body, { tty: true, reading: unframed, finish: async () => ({}), explain });
    },

    async extract(id, path, { toUser }) {
      const doing = `copy to ${path} in the container ${shortId(id)}`;
      const query = { path, noOverwriteDirNonDir: true, copyUIDGID: toUser };
      const { outgoing, taken } = await engine.upload({ method: 'PUT', path: pathOf(id), query, doing });
      return serveUpload(outgoing, taken);
    },
  };
}

/** Bits of Go's os.FileMode: a directory, a symbolic link; a device, a pipe, a socket, or what else is no plain file. */
const bits = { directory: 31, link: 27, other: [26, 25, 24, 21, 19] } as const;

/** @param text JSON in base64. Pure. */
export function readStat(text: string): PathInContainer {
  const { size, mode, linkTarget } = JSON.parse(Buffer.from(text, 'base64').toString()) as Record<string, unknown>;
  // Not by operators on bits: those are of 32 with a sign.
  const has = (bit: number) => Math.floor(Number(mode) / 2 ** bit) % 2 === 1;
  const irregular = bits.other.some(has) ? 'other' : 'file';
  const kind = has(bits.directory) ? 'directory' : has(bits.link) ? 'link' : irregular;
  return { kind, size: Number(size), linkTarget: String(linkTarget ?? '') };
}

/** What comes as input, until its end, is the request's body; the stream ends when the engine has taken it all. */
function serveUpload(outgoing: ClientRequest, taken: Promise<void>): ByteStream {
  const [client, own] = streamPair();
  let over = false;
  const end = (act: () => void) => {
    over = true;
    act();
    outgoing.destroy();
  };
  taken.then(
    () => end(() => own.end({})),
    (error) => end(() => own.reset(toFailure(error))),
  );
  forward(own, outgoing).catch((error) => {
    if (!over) outgoing.destroy(toFailure(error));
  });
  return client;
}

async function forward(own: ByteStream, outgoing: ClientRequest): Promise<void> {
  for await (const { channel, data } of own) {
    if (channel === channels.stdin) await writeTo(outgoing, data);
    else if (channel === channels.control && readControl(data)?.type === 'end-of-input') outgoing.end();
  }
  outgoing.end();
}
