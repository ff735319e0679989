/** docs/reference.md, from the command tree that `--help` shows and from what the manual page tells of the rest. */
import { type Command, Help } from 'commander';
import { examplesOf } from './define.ts';
import { environment, exitStatus, files, type Row } from './reference.ts';
import { topics } from './topics.ts';

const help = new Help();

/** Topics that are nothing but tables which the page has already. */
const tables: readonly string[] = ['exit-codes', 'environment', 'files'];

/** @returns the page, Markdown */
export function referencePage(program: Command): string {
  const commands = commandsOf(program);
  const blocks: readonly (readonly string[])[] = [
    ['# Reference of the command line'],
    [
      `Made from the program itself: \`trama __reference > docs/reference.md\`. What belongs together is told in [cli.md](cli.md).`,
    ],
    ['## Before a command', table('flag', optionsOf(program))],
    [
      '## Commands',
      ...commands.map((one) => `- [${code(nameOf(one))}](#${anchorOf(one)}): ${text(one.description())}`),
    ],
    ...commands.map(section),
    ['## Exit codes', table('code', exitStatus)],
    ['## Variables', table('variable', environment())],
    ['## Files', table('file', files)],
    ['## Topics', 'As `trama help TOPIC` says them.'],
    ...topics
      .filter(({ name }) => !tables.includes(name))
      .map(({ name, says, text: lines }) => [`### ${name}: ${says}`, fenced(lines)]),
  ];
  return `${blocks.flatMap(parted).join('\n\n')}\n`;
}

/** Items of a list stand beneath one another, everything else apart. */
function parted(block: readonly string[]): string[] {
  const items = block.filter((part) => part.startsWith('- '));
  const rest = block.filter((part) => !part.startsWith('- '));
  return items.length === 0 ? rest : [...rest, items.join('\n')];
}

/** Those that do something, in the order of the help. */
function commandsOf(command: Command): Command[] {
  const below = command.commands.filter((one) => !one.name().startsWith('_'));
  return below.flatMap((one) => (one.commands.length === 0 ? [one] : commandsOf(one)));
}

function section(command: Command): string[] {
  const examples = examplesOf(command).map((one) => `trama ${one}`);
  const words = help.visibleArguments(command).map((one): Row => [one.name(), help.argumentDescription(one)]);
  return [
    `### ${nameOf(command)}`,
    `${text(command.description())}.`,
    fenced([help.commandUsage(command).replace('[options]', '[OPTIONS]')]),
    ...(words.length === 0 ? [] : [table('word', words)]),
    ...(optionsOf(command).length === 0 ? [] : [table('option', optionsOf(command))]),
    ...(examples.length === 0 ? [] : [fenced(examples)]),
  ];
}

const nameOf = (command: Command): string =>
  command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;

/** As GitHub makes it of a heading. */
const anchorOf = (command: Command): string => nameOf(command).replaceAll(' ', '-');

/** `--help` itself is told of once. */
const optionsOf = (command: Command): Row[] =>
  help
    .visibleOptions(command)
    .filter(({ long }) => command.parent === null || long !== '--help')
    .map((one) => [help.optionTerm(one), help.optionDescription(one)]);

const table = (head: string, rows: readonly Row[]): string =>
  [`| ${head} | |`, '|---|---|', ...rows.map(([term, says]) => `| ${code(term)} | ${text(says)} |`)].join('\n');

/** A bar would end the cell, also within code. */
const code = (term: string): string => `\`${term.replaceAll('|', '\\|')}\``;

const text = (says: string): string => says.replace(/[\\|<>*]/g, (mark) => `\\${mark}`);

const fenced = (lines: readonly string[]): string => ['```', ...lines, '```'].join('\n');
