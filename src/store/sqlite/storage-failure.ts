import { Failure, type FailureCode } from '../../domain/domain.ts';

/** SQLite's primary result codes, https://sqlite.org/rescode.html */
const meanings: Readonly<Record<number, readonly [FailureCode, string]>> = {
  5: ['conflict', 'is in use by another process: end that one first, or give this one a state directory of its own'],
  8: ['unavailable', 'cannot be written: make its file and its file system writable, then try again'],
  10: ['unavailable', 'could not be read or written, the disk reports an error: check the disk and the system log'],
  11: ['internal', 'is damaged: put it away and bring back a copy'],
  13: ['exhausted', 'cannot grow, the disk is full: free space there, then try again'],
  14: ['unavailable', 'cannot be opened: make its directory exist and be writable'],
  26: ['invalid', 'is no store of Trama: name another state directory'],
};

/** What an error of SQLite means to whoever asked. Nothing of the transaction in which it happened is kept. */
export function storageFailure(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code = (error as { readonly errcode?: unknown }).errcode;
  // Extended codes carry the primary one in their lowest byte.
  const [meaning, sentence] = (typeof code === 'number' ? meanings[code & 0xff] : undefined) ?? [
    'internal',
    `failed: ${error instanceof Error ? error.message : String(error)}`,
  ];
  return new Failure(meaning, `The store ${path} ${sentence}.`, { cause: error });
}
