/** `help`, of a command or of a topic. */
import type { Command } from 'commander';
import { define, helpOf, run } from '../define.ts';
import type { Session } from '../session.ts';
import { alternatives } from '../text.ts';
import { type Topic, topics } from '../topics.ts';
import { UsageError } from '../usage.ts';

export function helpCommand(program: Command, session: Session): void {
  define(program, 'help', 'Show the help of a command, or of a topic', ['help', 'help network create', 'help ports'])
    .argument('[COMMAND|TOPIC...]', `a command, or ${alternatives(topics.map(({ name }) => name))}`)
    .action(
      run(session, async (words: string[]) => {
        await session.print(textOf(program, words));
        return 0;
      }),
    );
}

/** @throws UsageError */
function textOf(program: Command, words: readonly string[]): string {
  const topic = topics.find(({ name }) => words.length === 1 && name === words[0]);
  if (topic !== undefined) return `${titleOf(topic)}\n\n${topic.text.join('\n')}\n`;
  let command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word && !word.startsWith('_'));
    if (next === undefined) {
      const names = topics.map(({ name }) => name);
      throw new UsageError(
        `there is no command and no topic "${words.join(' ')}": topics are ${alternatives(names)}; see \`trama --help\``,
      );
    }
    command = next;
  }
  if (command !== program) return helpOf(command);
  const lines = topics.map(({ name, says }) => `  ${name.padEnd(12)}  ${says}\n`).join('');
  return `${helpOf(command)}\nTopics (trama help TOPIC):\n${lines}`;
}

const titleOf = ({ name, says }: Topic): string => `${name}: ${says}`;
