/** `node ls|inspect|drain|leave|rm`. */
import type { Command } from 'commander';
import { checkNodeName } from '../../../domain/names.ts';
import { define, type Format, formatOption, run, show, widthOf } from '../define.ts';
import type { Session } from '../session.ts';
import { each } from '../usage.ts';
import { nodeSheet, nodeTable } from '../views.ts';
import { inspectEach } from './inspect-each.ts';

/** Leaving takes containers and networks down first. Milliseconds. */
const leaveDeadlineMs = 120_000;

export function nodeCommands(program: Command, session: Session): void {
  const node = define(program, 'node', 'The hosts of the cluster', ['node ls', 'node inspect h1']);
  list(node, session);
  define(node, 'inspect', 'Show all there is to know of nodes', ['node inspect h1', 'node inspect h1 -o json'])
    .argument('<NODE...>', 'names of nodes', each(checkNodeName))
    .addOption(formatOption())
    .action(
      run(session, async (names: string[], format: Format) =>
        inspectEach(
          session,
          format,
          names,
          (name) => session.ask('node.inspect', { name }),
          (one) => nodeSheet(one, session.io.now()),
        ),
      ),
    );
  drain(node, session);
  leave(node, session);
  define(node, 'rm', 'Remove nodes that will not come back, with all they had', ['node rm h3', 'node rm --force h3 h4'])
    .argument('<NODE...>', 'names of nodes', each(checkNodeName))
    .option('-f, --force', 'also a node that has containers')
    .action(
      run(session, (names: string[], { force = false }: { force?: boolean }) =>
        session.forEach(names, async (name) => void (await session.ask('node.remove', { name, force }))),
      ),
    );
}

function list(node: Command, session: Session): void {
  define(node, 'ls', 'List the nodes', ['node ls', 'node ls -o json'])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const nodes = await session.ask('node.list', {});
        await show(session, format, nodes, (all) => nodeTable(all, session.io.now(), widthOf(session)));
        return 0;
      }),
    );
}

function drain(node: Command, session: Session): void {
  define(node, 'drain', 'Give nodes no new containers; what runs there goes on', [
    'node drain h1',
    'node drain --undo h1',
  ])
    .argument('<NODE...>', 'names of nodes', each(checkNodeName))
    .option('--undo', 'give them new containers again')
    .action(
      run(session, (names: string[], { undo = false }: { undo?: boolean }) =>
        session.forEach(names, async (name) => void (await session.ask('node.drain', { name, drained: !undo }))),
      ),
    );
}

function leave(node: Command, session: Session): void {
  define(node, 'leave', "Take this host out of the cluster; everything of Trama's goes from it", [
    'node leave --dry-run',
    'node leave',
  ])
    .option('-f, --force', 'also with containers running, and when no server answers')
    .option('--dry-run', 'only print the commands')
    .action(
      run(session, async ({ force = false, dryRun = false }: { force?: boolean; dryRun?: boolean }) => {
        const { commands } = await session.ask('agent.leave', { force, dryRun }, { deadlineMs: leaveDeadlineMs });
        for (const command of commands) await session.print(command);
        await session.note(dryRun ? 'dry run: nothing was changed' : 'this host has left the cluster');
        return 0;
      }),
    );
}
