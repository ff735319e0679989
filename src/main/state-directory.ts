/** What keeps a daemon from using its state directory, for the person who named it. */
import { Failure } from '../domain/domain.ts';

const reasons: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  // What Node.js says of a directory that cannot be made on a read-only file system.
  ENOENT: 'it cannot be made there',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a part of its path is a file',
  ENOSPC: 'its disk is full',
  EACCES: 'it may not be written',
};

/** @throws Failure `invalid` instead of a system error about something in `directory`; whatever else `work` throws */
export async function withState<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = '', path } = error as NodeJS.ErrnoException;
    const reason = reasons[code];
    if (reason === undefined || path === undefined || !isIn(directory, path)) throw error;
    throw new Failure(
      'invalid',
      `the state directory ${directory} cannot be used, since ${reason}: mend that, or name another with --state`,
      { cause: error },
    );
  }
}

const isIn = (directory: string, path: string): boolean => path === directory || path.startsWith(`${directory}/`);
