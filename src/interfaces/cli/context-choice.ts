/** Which cluster a command is about: `--context`, else TRAMA_CONTEXT, else what `context use` chose, else this host's. */
import { Failure } from '../../domain/errors.ts';
import { quoted } from '../../domain/quoted.ts';
import { localContext } from '../../domain/users.ts';
import type { CliIo, StoredContext } from './io.ts';

export interface Choice {
  readonly name: string;
  /** Who says so, for sentences. */
  readonly by: '--context' | 'TRAMA_CONTEXT' | 'trama context use' | 'default';
}

export async function chosen({ env, contexts }: Pick<CliIo, 'env' | 'contexts'>, flag?: string): Promise<Choice> {
  if (flag !== undefined) return { name: flag, by: '--context' };
  // An empty variable counts as none.
  if (env.TRAMA_CONTEXT) return { name: env.TRAMA_CONTEXT, by: 'TRAMA_CONTEXT' };
  const used = await contexts.current();
  return used === undefined ? { name: localContext, by: 'default' } : { name: used, by: 'trama context use' };
}

/** @returns undefined: this host's. @throws Failure `not-found` */
export async function chosenContext(
  io: Pick<CliIo, 'env' | 'contexts'>,
  flag?: string,
): Promise<StoredContext | undefined> {
  const { name, by } = await chosen(io, flag);
  if (name === localContext) return undefined;
  return readContext(io, name, ` (${by})`);
}

/** @throws Failure `not-found` */
export async function readContext(
  { contexts }: Pick<CliIo, 'contexts'>,
  name: string,
  by = '',
): Promise<StoredContext> {
  // What is no name is no file either.
  const found = /^[\w.@-]+$/.test(name) ? await contexts.read(name) : undefined;
  if (found !== undefined) return found;
  throw new Failure(
    'not-found',
    `there is no context ${quoted(name)}${by}: \`trama context ls\` shows those there are`,
  );
}
