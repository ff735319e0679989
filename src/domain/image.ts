/** Names of images. Pure. Grammar: distribution's reference package, `[DOMAIN/]PATH[:TAG][@DIGEST]`. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';

export interface ImageReference {
  /** As written, without tag and digest. */
  readonly name: string;
  /** Tag or digest, never empty. */
  readonly tag: string;
  /** Host[:port] of the registry. */
  readonly registry: string;
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const domain =
  '(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\\d+)?/)?';
const pattern = new RegExp(
  `^(${domain}${component}(?:/${component})*)(?::(\\w[\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
/** Of the name, as engines have it; tag and digest come on top. */
const longestName = 255;
const defaultRegistry = 'docker.io';

/** @throws Failure `invalid` */
export function parseImageReference(text: string): ImageReference {
  const found = text.length <= 2 * longestName ? pattern.exec(text) : null;
  const [, name, tag, digest] = found ?? [];
  const registry = registryOf(name ?? '');
  // Without a dot or a port the first part is no host but part of the path, which has no capitals.
  if (name === undefined || name.length > longestName || (registry === defaultRegistry && /[A-Z]/.test(name))) {
    throw new Failure(
      'invalid',
      `${quoted(text)} is not an image: write it like nginx, nginx:1.27 or registry:5000/team/app:2`,
    );
  }
  return { name, tag: digest ?? tag ?? 'latest', registry };
}

/** HOST[:PORT] of a registry, as it stands before the names of its images. @throws Failure `invalid` */
export function checkRegistry(text: string): string {
  const isHost = text === defaultRegistry || (text.length <= longestName && registryOf(`${text}/x`) === text);
  if (isHost && new RegExp(`^${domain}$`).test(`${text}/`)) return text;
  throw new Failure(
    'invalid',
    `${quoted(text)} is not a registry: write it like registry.example.org or 10.0.0.1:5000`,
  );
}

/** The name of a repository within a registry. @throws Failure `invalid` */
export function checkRepository(text: string): string {
  if (text.length <= longestName && new RegExp(`^${component}(?:/${component})*$`).test(text)) return text;
  throw new Failure('invalid', `${quoted(text)} is not a repository: write it like nginx or team/app`);
}

/** The part before the first slash, if it looks like a host. */
function registryOf(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : defaultRegistry;
}

/** The reference as it is. @throws Failure `invalid` */
export function checkImage(text: string): string {
  parseImageReference(text);
  return text;
}
