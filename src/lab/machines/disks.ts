/**
 * Which labs have disks here. They lie in a directory that whoever is first may make, and what is in it is run and removed as root: one
 * that is not root's alone is nobody's.
 */
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { Failure } from '../../domain/domain.ts';
import { disksDirectory, disksOf } from './names.ts';

/** Undefined: there is no such thing. */
async function isRoots(): Promise<boolean | undefined> {
  const found = await lstat(disksDirectory).catch(() => undefined);
  return found?.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0;
}

export async function labsWithDisks(): Promise<string[]> {
  const names = (await isRoots()) ? await readdir(disksDirectory).catch(() => []) : [];
  return names.filter((name) => /^[\w-]+$/.test(name));
}

export const hasDisks = async (lab: string): Promise<boolean> => (await labsWithDisks()).includes(lab);

/** @throws Failure `denied`: there is a directory that others may write to, or no directory */
export async function refuseOthers(): Promise<void> {
  if ((await isRoots()) !== false) return;
  throw new Failure(
    'denied',
    `${disksDirectory} is no directory that root alone may write to, and what hosts have there is run as root: remove it`,
  );
}

/** @throws Failure */
export async function makeDisks(lab: string): Promise<void> {
  await mkdir(disksDirectory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await refuseOthers();
  await mkdir(disksOf(lab), { mode: 0o700 });
}
