/** Names of images. Pure. Grammar: distribution's reference package, `[DOMAIN/]PATH[:TAG][@DIGEST]`. */
import { Failure } from '../../domain/domain.ts';

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
const longest = 512;

/** @throws Failure `invalid` */
export function parseImageReference(text: string): ImageReference {
  const found = text.length <= longest ? pattern.exec(text) : null;
  const [, name, tag, digest] = found ?? [];
  if (name === undefined) {
    const shown = text.length <= 100 ? text : `${text.slice(0, 100)}…`;
    throw new Failure('invalid', `"${shown}" is not the name of an image; write NAME, NAME:TAG or HOST:PORT/NAME:TAG.`);
  }
  return { name, tag: digest ?? tag ?? 'latest', registry: registryOf(name) };
}

/** The part before the first slash, if it looks like a host. */
function registryOf(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}
