/** Files of this host as archives, and back: tar(1) does it, which knows of links, holes and long names, and does not let an archive out of its directory. */
import { lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Failure } from '../../domain/errors.ts';
import { type Piped, startPiped } from '../../platform/piped.ts';
import type { Packing, PathKind, Unpacking } from './copy-plan.ts';

/** @returns undefined when there is nothing. @throws Failure */
export async function kindHere(path: string, follow: boolean): Promise<PathKind | undefined> {
  const found = await (follow ? stat : lstat)(path).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new Failure('invalid', `${path} cannot be looked at: ${message}`, { cause: error });
  });
  return found && kindOf(found);
}

/** A process that writes an archive on its output. */
export async function pack(packing: Packing, { follow }: { readonly follow: boolean }): Promise<Piped> {
  const path = follow ? await realpath(packing.path) : packing.path;
  const how = ['--create', '--numeric-owner', '--warning=no-file-changed'];
  return startPiped(['tar', ...how, ...packed({ ...packing, path })]);
}

/** A process that takes an archive on its input apart. @throws Failure when the directory is not there, or cannot be made */
export async function unpack(unpacking: Unpacking, { owners }: { readonly owners: boolean }): Promise<Piped> {
  const { directory } = unpacking;
  if (unpacking.how === 'contents' || (unpacking.how === 'into' && unpacking.make)) await make(directory);
  else if ((await kindHere(directory, true)) !== 'directory') throw noDirectory(directory);
  const whose = owners ? ['--same-owner', '--numeric-owner'] : ['--no-same-owner'];
  const how = ['--extract', '--same-permissions', '--delay-directory-restore', ...whose];
  return startPiped(['tar', ...how, `--directory=${directory}`, ...unpacked(unpacking)]);
}

function kindOf(found: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): PathKind {
  if (found.isDirectory()) return 'directory';
  if (found.isSymbolicLink()) return 'link';
  return found.isFile() ? 'file' : 'other';
}

/** Names of entries and targets of hard links are changed, those of symbolic links are not. */
function packed({ path, directory, as }: Packing): string[] {
  const renamed = (pattern: string) =>
    as === undefined ? [] : [`--transform=flags=rhS;s|${pattern}|${replacement(as)}|`];
  if (directory) return [...renamed('^\\.'), `--directory=${path}`, '.'];
  return [...renamed('^.*$'), `--directory=${dirname(path)}`, '--', basename(path)];
}

function unpacked(unpacking: Unpacking): string[] {
  if (unpacking.how === 'contents') return ['--strip-components=1'];
  return unpacking.how === 'as' ? [`--transform=flags=rhS;s|^.*$|${replacement(unpacking.name)}|`] : [];
}

/** What has a meaning in the replacement of tar's expressions. */
const replacement = (name: string): string => name.replace(/[\\&|]/g, '\\$&').replaceAll('\n', '\\n');

async function make(directory: string): Promise<void> {
  await mkdir(directory).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code === 'ENOENT') throw noDirectory(dirname(directory));
    throw new Failure('invalid', `${directory} cannot be made: ${message}`, { cause: error });
  });
}

const noDirectory = (path: string): Failure => new Failure('not-found', `there is no directory ${path}: make it first`);
