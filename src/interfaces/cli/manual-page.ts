/** trama(1), from the command tree that `--help` shows; see man(7). */
import { type Command, Help } from 'commander';
import { examplesOf } from './define.ts';
import { environment, exitStatus, files, firstSteps, type Row } from './reference.ts';
import { definitions, prose, roff, section, subsection, verbatim } from './roff.ts';

export interface Edition {
  readonly version: string;
  /** As in 2027-01-31. */
  readonly date: string;
}

const help = new Help();

/** @returns the page's source */
export function manualPage(program: Command, { version, date }: Edition): string {
  const blocks: readonly (readonly string[])[] = [
    [`.TH TRAMA 1 "${date}" "${roff(`trama ${version}`)}" "User Commands"`],
    [section('NAME'), 'trama \\- join containers on many Linux hosts into one network'],
    [
      section('SYNOPSIS'),
      '.B trama',
      `.I ${roff('COMMAND')}`,
      `.RI [ ${roff('OPTIONS')} ]`,
      `.RI [ ${roff('WORDS')} ]`,
    ],
    [section('DESCRIPTION'), prose(program.description()), ...paragraphs(description)],
    [section('OPTIONS'), ...definitions(optionsOf(program))],
    [section('COMMANDS'), ...commandsOf(program).flatMap(commandBlock)],
    [section('EXIT STATUS'), ...definitions(exitStatus)],
    [section('ENVIRONMENT'), ...definitions(environment())],
    [section('FILES'), ...definitions(files)],
    [
      section('EXAMPLES'),
      'The first steps of a cluster:',
      ...verbatim([
        ...firstSteps,
        ...examplesOf(program)
          .slice(1)
          .map((one) => `trama ${one}`),
      ]),
    ],
    [section('SEE ALSO'), ...seeAlso],
  ];
  return `${blocks.flat().join('\n')}\n`;
}

/** Those that do something, in the order of the help. */
function commandsOf(command: Command): Command[] {
  const below = command.commands.filter((one) => !one.name().startsWith('_'));
  return below.flatMap((one) => (one.commands.length === 0 ? [one] : commandsOf(one)));
}

function commandBlock(command: Command): string[] {
  return [
    subsection(help.commandUsage(command).replace('[options]', '[OPTIONS]')),
    prose(`${command.description()}.`),
    ...definitions(help.visibleArguments(command).map((one): Row => [one.name(), help.argumentDescription(one)])),
    ...definitions(optionsOf(command)),
    ...verbatim(examplesOf(command).map((one) => `$ trama ${one}`)),
  ];
}

/** `--help` itself is told of once. */
const optionsOf = (command: Command): Row[] =>
  help
    .visibleOptions(command)
    .filter(({ long }) => command.parent === null || long !== '--help')
    .map((one) => [help.optionTerm(one), help.optionDescription(one)]);

const paragraphs = (texts: readonly string[]): string[] => texts.flatMap((text) => ['.PP', prose(text)]);

const description = [
  "A server holds the cluster; an agent on every host wires its containers, Docker's own included. Commands work on any host of the cluster, for containers on any host: they ask the agent of their own host, or else the server.",
  'Data goes to standard output, messages go to standard error; every failure is one sentence. With --output json, lists are arrays and keys are camelCase.',
  'The Debian package installs the services trama-server and trama-agent, and starts neither: see install.md among the documents below.',
];

const references: readonly Row[] = [
  ['docker', '1'],
  ['systemctl', '1'],
  ['ip', '8'],
  ['nft', '8'],
];

const seeAlso = references.map(
  ([name, part], at) => `.BR ${roff(name)} (${part})${at === references.length - 1 ? '' : ' ,'}`,
);
