/**
 * `trama exec` as it is mostly typed, and `trama --help`, understood without the command tree: half of its time would be that of loading it. Whatever is not
 * certain, a mistake above all, is for the tree. Imports nothing: it is what comes first.
 */

export interface QuickExec {
  readonly container: string;
  readonly command: readonly string[];
  readonly flags: { readonly interactive?: boolean; readonly tty?: boolean };
}

/** Names that are right without doubt. */
const reference = /^([a-z0-9][a-z0-9-]{0,62}\/)?[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/;

const shortFlags: Readonly<Record<string, QuickExec['flags']>> = {
  '-i': { interactive: true },
  '-t': { tty: true },
  '-it': { interactive: true, tty: true },
  '-ti': { interactive: true, tty: true },
};

/** @param argv the words after `trama`. @returns undefined for what the command tree is to see */
export function parseQuickExec([verb, ...words]: readonly string[]): QuickExec | undefined {
  if (verb !== 'exec') return undefined;
  let flags: QuickExec['flags'] = {};
  let at = 0;
  for (let more = shortFlags[words[at] ?? '']; more !== undefined; more = shortFlags[words[at] ?? '']) {
    flags = { ...flags, ...more };
    at += 1;
  }
  const [container = '', ...command] = words.slice(at);
  if (container.startsWith('-') || command.length === 0 || command[0]?.startsWith('-')) return undefined;
  return reference.test(container) ? { container, command, flags } : undefined;
}

/** The words after `trama` that ask for what there is at all. */
export const asksForOverview = (words: readonly string[]): boolean =>
  words.length === 0 || (words.length === 1 && (words[0] === '--help' || words[0] === '-h'));

/** What is asked of the cluster for it, as `exec` does. */
export const paramsOf = ({ container, command, flags }: QuickExec) => ({
  ...{ name: container, command, tty: flags.tty === true, stdin: flags.interactive === true, env: [] },
});
