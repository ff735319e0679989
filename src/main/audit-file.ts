/** Where a server keeps who changed what: lines of JSON in `audit.log`, 50 MiB at most, some 200,000 changes. */
import { join } from 'node:path';
import { privateDirectory, rotatingFile } from '../platform/platform.ts';

/** @param directory the server's own; made if it is not there: with a store elsewhere nothing else may be in it */
export async function auditFile(directory: string): Promise<(line: string) => void> {
  await privateDirectory(directory);
  const file = rotatingFile({ path: join(directory, 'audit.log'), bytes: 10 * 1024 * 1024, kept: 4 });
  return (line) => file.append(line);
}
