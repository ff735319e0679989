/** What `trama cp` does with what is there, as `docker cp` does. Pure. */
import { basename, dirname, join, resolve } from 'node:path';
import { checkContainerReference } from '../../domain/container-reference.ts';
import { Failure } from '../../domain/errors.ts';
import { quoted } from '../../domain/quoted.ts';

export type PathKind = 'file' | 'directory' | 'link' | 'other';

/** `NAME:PATH`, a path here, or `-` for an archive on our input or output. */
export type Side =
  | { readonly at: 'container'; readonly name: string; readonly path: string }
  | { readonly at: 'here'; readonly path: string }
  | { readonly at: 'stream' };

/** As docker: what begins with `/` or `.` is a path here, also with a colon in it. @throws Failure `invalid` */
export function parseSide(text: string): Side {
  if (text === '-') return { at: 'stream' };
  const colon = text.indexOf(':');
  if (colon < 0 || text.startsWith('/') || text.startsWith('.')) {
    if (text === '' || text.includes('\0')) throw new Failure('invalid', `${quoted(text)} is not a path`);
    return { at: 'here', path: text };
  }
  const path = text.slice(colon + 1);
  if (path === '')
    throw new Failure('invalid', `${quoted(text)} names no path in the container: write it like web:/etc`);
  const name = checkContainerReference(text.slice(0, colon));
  return { at: 'container', name, path: path.startsWith('/') ? path : `/${path}` };
}

/** Ends with `/.`: what is in the directory, not the directory. */
const meansContents = (path: string): boolean => path === '.' || path.endsWith('/.');
const meansDirectory = (path: string): boolean => path.endsWith('/') || meansContents(path);

/** What becomes of an archive whose entries are one file or directory. */
export type Unpacking =
  /** Into the directory, by their own names; which is made if that is asked for. */
  | { readonly how: 'into'; readonly directory: string; readonly make?: true }
  /** What is in it into the directory, which is made if it is not there. */
  | { readonly how: 'contents'; readonly directory: string }
  /** Into the directory under this name. */
  | { readonly how: 'as'; readonly directory: string; readonly name: string };

/** @param here what the destination is, links followed @throws Failure */
export function planUnpacking(
  source: { readonly path: string; readonly kind: PathKind },
  destination: string,
  here: PathKind | undefined,
): Unpacking {
  const isDirectory = source.kind === 'directory';
  if (here === 'directory') {
    const contents = isDirectory && meansContents(source.path);
    return { how: contents ? 'contents' : 'into', directory: resolve(destination) };
  }
  if (isDirectory) {
    if (here !== undefined) throw notADirectory(destination);
    const directory = resolve(destination);
    // Entries of the root have no directory before them.
    if (/^[/.]*$/.test(source.path)) return { how: 'into', directory, make: true };
    return { how: 'contents', directory };
  }
  if (meansDirectory(destination)) throw noDirectory(destination);
  const to = resolve(destination);
  return { how: 'as', directory: dirname(to), name: basename(to) };
}

export interface Packing {
  /** What is packed, and what it is called in the archive; absent: what is in the directory, as it is. */
  readonly path: string;
  readonly directory: boolean;
  readonly as?: string;
  /** Directory of the container that the archive is taken apart in. */
  readonly into: string;
}

/** @param there what the destination is in the container, links followed @throws Failure */
export function planPacking(
  source: { readonly path: string; readonly kind: PathKind },
  destination: string,
  there: PathKind | undefined,
): Packing {
  const directory = source.kind === 'directory';
  const path = resolve(source.path);
  const what = { path, directory };
  if (there === 'directory') {
    if (directory && meansContents(source.path)) return { ...what, into: destination };
    return { ...what, as: basename(path), into: destination };
  }
  if (directory && there !== undefined) throw notADirectory(destination);
  if (!directory && meansDirectory(destination)) {
    throw there === undefined ? noDirectory(destination) : notADirectory(destination);
  }
  const to = join('/', destination.replace(/\/\.?$/, ''));
  return { ...what, as: basename(to), into: dirname(to) };
}

const notADirectory = (path: string): Failure =>
  new Failure('conflict', `${path} is there and is no directory: name another destination, or remove it`);

const noDirectory = (path: string): Failure =>
  new Failure('not-found', `there is no directory ${path}: make it first, or leave out its last /`);
