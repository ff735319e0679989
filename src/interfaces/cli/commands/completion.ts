/** `completion`, and the hidden `__complete` that its scripts call. */
import { Argument, type Command } from 'commander';
import type { ContainerView, ImagesOfNode } from '../../../protocol/views.ts';
import { completionScript, type Shell, shells } from '../completion-scripts.ts';
import { commandTree, type NamedKind } from '../completion-tree.ts';
import { define, run } from '../define.ts';
import type { Session } from '../session.ts';
import { usage } from '../usage.ts';
import { oneOf } from '../values.ts';

/** Somebody waits with a finger on the Tab key. Milliseconds. */
const deadlineMs = 500;

/** What no shell takes for more than a word. */
const harmless = /^[\w./:-]+$/;

export function completionCommands(program: Command, session: Session): void {
  define(program, 'completion', 'Print a script that completes our commands', [
    'completion bash > /etc/bash_completion.d/trama',
    'completion zsh > /usr/share/zsh/vendor-completions/_trama',
    'completion fish > /etc/fish/completions/trama.fish',
  ])
    .addArgument(new Argument('<SHELL>', 'bash, zsh or fish').argParser(usage(oneOf('a shell we know', shells))))
    .action(
      run(session, async (shell: Shell) => {
        await session.print(completionScript(shell, commandTree(program)));
        return 0;
      }),
    );
  program
    .command('__complete', { hidden: true })
    .argument('<kind>')
    .action(
      run(session, async (kind: string) => {
        const names = await namesOf(session, kind).catch(() => []);
        for (const name of names) if (harmless.test(name)) await session.print(name);
        return 0;
      }),
    );
}

const lists = {
  node: 'node.list',
  network: 'network.list',
  container: 'workload.list',
  user: 'user.list',
} as const satisfies Partial<Record<NamedKind, string>>;

async function namesOf(session: Session, kind: string): Promise<string[]> {
  const { lab } = session.io;
  if (kind === 'lab') return (await lab.list()).map(({ name }) => name);
  if (kind === 'scenario') return [...(await lab.scenarios())];
  if (kind === 'context') return ['local', ...(await session.io.contexts.names())];
  if (kind === 'image') return namesOfImages(await session.ask('image.list', {}, { deadlineMs }));
  if (kind === 'place') return (await lab.inspect()).nodes.map(({ name }) => name);
  if (kind === 'token') return (await session.ask('token.list', {}, { deadlineMs })).map(({ id }) => id);
  if (!Object.hasOwn(lists, kind)) return [];
  if (kind === 'container') return namesOfContainers(await session.ask(lists.container, {}, { deadlineMs }));
  const found: readonly { name: string }[] = await session.ask(lists[kind as keyof typeof lists], {}, { deadlineMs });
  return found.map((one) => one.name);
}

const namesOfImages = (nodes: readonly ImagesOfNode[]): string[] =>
  [...new Set(nodes.flatMap(({ images }) => images.map(({ name }) => name)))].sort();

/** With its node where the name alone means another one, or none. */
function namesOfContainers(containers: readonly ContainerView[]): string[] {
  const means = (one: ContainerView) => {
    const namesakes = containers.filter(({ name }) => name === one.name);
    return one.managed || namesakes.length === 1 ? one.name : `${one.node}/${one.name}`;
  };
  return containers.map(means);
}
