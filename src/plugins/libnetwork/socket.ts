/** The plugin's unix socket: taken over from a dead agent, never from a live one, and never seen half-made. */
import { chmod, rename, rm, stat } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { Failure } from '../../domain/domain.ts';
import { privateDirectory } from '../../platform/platform.ts';

/** sun_path, with its closing zero; see unix(7). */
const longestPath = 107;

/**
 * Listens at `path`, mode 0600. @returns what removes the socket file, if it is still this one.
 * @throws Failure `conflict` when a live process listens there.
 */
export async function listenAt(server: Server, path: string): Promise<() => Promise<void>> {
  // dockerd takes every *.sock here for a plugin.
  const temporary = `${path}.${process.pid}.tmp`;
  if (Buffer.byteLength(temporary) > longestPath) {
    throw new Failure('invalid', `The path of the plugin socket ${path} is too long; at most 90 characters will do.`);
  }
  await privateDirectory(dirname(path));
  if (await answers(path)) {
    throw new Failure(
      'conflict',
      `Another process already serves ${path}; only one agent can run on a host: stop the other first.`,
    );
  }
  await rm(temporary, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(temporary, () => {
      server.off('error', reject);
      resolve();
    });
  });
  await chmod(temporary, 0o600);
  const { ino } = await stat(temporary);
  await rename(temporary, path);
  return async () => {
    const now = await stat(path).catch(() => undefined);
    if (now?.ino === ino) await rm(path, { force: true });
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // ENOTSOCK: some other file lies there; the rename replaces it.
      if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes(error.code ?? '')) resolve(false);
      else reject(error);
    });
  });
}
