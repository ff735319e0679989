/** The command tree as completion needs it. Placeholders tell what a word is: `<NODE>` completes to names of nodes. */
import type { Command, Option } from 'commander';

const namedKinds = [
  'node',
  'network',
  'container',
  'lab',
  'place',
  'scenario',
  'user',
  'token',
  'context',
  'image',
] as const;
export type NamedKind = (typeof namedKinds)[number];

/** What a word can be completed to. */
export type Completes =
  | { readonly from: 'names'; readonly kind: NamedKind; readonly beside: readonly string[] }
  | { readonly from: 'words'; readonly words: readonly string[] }
  | { readonly from: 'files' }
  | { readonly from: 'nothing' };

export interface Flag {
  /** `--follow` and perhaps `-f`. */
  readonly spellings: readonly string[];
  readonly says: string;
  /** Absent: it takes no value. */
  readonly value?: Completes;
}

export interface Verb {
  /** `network create`; empty for the root. */
  readonly path: string;
  readonly says: string;
  /** Last words of the paths below it. */
  readonly below: readonly { readonly name: string; readonly says: string }[];
  readonly flags: readonly Flag[];
  readonly argument: Completes;
  /** Of those after the first, where they are something else. */
  readonly second?: Completes;
  /** Words after the first belong to another command. */
  readonly passes: boolean;
  /** Flags that are ours also behind the first. */
  readonly behind: readonly Flag[];
}

const choices: Readonly<Record<string, readonly string[]>> = {
  FORMAT: ['json', 'yaml', 'table', 'wide'],
  LOG: ['text', 'json'],
  DRIVER: ['overlay', 'routed', 'lan', 'bridge'],
  MODE: ['bridge', 'macvlan'],
  HOW: ['registry', 'multicast'],
  ATTACHMENT: ['bridge', 'p2p'],
  POLICY: ['no', 'always', 'unless-stopped', 'on-failure'],
  KIND: ['sqlite', 'memory', 'etcd://'],
  SHELL: ['bash', 'zsh', 'fish'],
  WHOSE: ['host', 'container:'],
  ROLE: ['admin', 'operator', 'viewer'],
};

const modes = ['host', 'none', 'bridge', 'container:'];

const flagsBehind: Readonly<Record<string, string>> = { debug: '--host-tools' };

export function commandTree(command: Command, path: readonly string[] = []): Verb[] {
  const below = command.commands.filter((one) => !one.name().startsWith('_'));
  const [first, second] = command.registeredArguments;
  const passes = command.registeredArguments.at(-1)?.name() === 'COMMAND';
  const shown = command.options.filter(({ hidden }) => !hidden);
  const here: Verb = {
    path: path.join(' '),
    says: command.description(),
    below: below.map((one) => ({ name: one.name(), says: one.description() })),
    flags: [...shown.map(flagOf), { spellings: ['-h', '--help'], says: 'display help for command' }],
    argument: completes(first?.name()),
    ...(second === undefined || passes ? {} : { second: completes(second.name()) }),
    passes,
    behind: shown.filter(({ long }) => long === flagsBehind[path.join(' ')]).map(flagOf),
  };
  return [here, ...below.flatMap((one) => commandTree(one, [...path, one.name()]))];
}

function flagOf(option: Option): Flag {
  const [, placeholder] = /<(.*)>/.exec(option.flags) ?? [];
  return {
    spellings: [option.short, option.long].filter((one) => one !== undefined && one !== null),
    says: option.description,
    ...(placeholder === undefined ? {} : { value: completes(placeholder) }),
  };
}

function completes(placeholder: string | undefined): Completes {
  const kind = namedKinds.find((one) => one.toUpperCase() === placeholder);
  if (kind !== undefined) return { from: 'names', kind, beside: [] };
  if (placeholder === 'NETWORK|MODE') return { from: 'names', kind: 'network', beside: modes };
  if (['DIR', 'PATH', 'FILE', 'SOURCE', 'DESTINATION'].includes(placeholder ?? '')) return { from: 'files' };
  const words = choices[placeholder ?? ''];
  return words === undefined ? { from: 'nothing' } : { from: 'words', words };
}
