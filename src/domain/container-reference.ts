/** How people name a container: by its name or id, or with the node before it, where containers of several are called so. */
import { Failure } from './errors.ts';
import { checkNodeName } from './names.ts';
import { quoted } from './quoted.ts';

export interface ContainerReference {
  readonly node?: string;
  readonly name: string;
}

/** Docker's rule: containers that Trama did not start may be called more than ours. */
const engineName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/;

/** `NAME` or `NODE/NAME`. @throws Failure `invalid` */
export function parseContainerReference(text: string): ContainerReference {
  const slash = text.indexOf('/');
  const name = text.slice(slash + 1);
  if (!engineName.test(name)) {
    throw new Failure('invalid', `${quoted(text)} cannot be a container: give its name, its id, or NODE/NAME`);
  }
  return slash < 0 ? { name } : { node: checkNodeName(text.slice(0, slash)), name };
}

/** @throws Failure `invalid`. @returns the same text */
export function checkContainerReference(text: string): string {
  parseContainerReference(text);
  return text;
}

/** Ids as engines have them, from the twelve digits that people see on. */
export const looksLikeContainerId = (text: string): boolean => /^[0-9a-f]{12,64}$/.test(text);
