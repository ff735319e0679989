/** `node ls|inspect|drain|leave|rm`. */
import type { Command } from 'commander';
import { checkNodeName } from '../../../domain/names.ts';
import type { NodeView } from '../../../protocol/views.ts';
import { define, type Format, formatOption, run } from '../define.ts';
import { agrees, type Keys } from '../filters.ts';
import { type ListFlags, listOptions, showList } from '../listing.ts';
import type { Session } from '../session.ts';
import { each, UsageError } from '../usage.ts';
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
  define(node, 'rm', 'Remove nodes that will not come back, with all they had; nothing is stopped on their hosts', [
    'node rm h3',
    'node rm --force h3 h4',
  ])
    .argument('<NODE...>', 'names of nodes', each(checkNodeName))
    .option('-f, --force', 'also a node that has containers')
    .action(
      run(session, (names: string[], { force = false }: { force?: boolean }) =>
        session.forEach(names, async (name) => void (await session.ask('node.remove', { name, force }))),
      ),
    );
}

const keys: Keys<NodeView> = {
  name: ({ name }) => name,
  status: ({ status }) => status,
  version: ({ version }) => version,
};

function list(node: Command, session: Session): void {
  const command = define(node, 'ls', 'List the nodes', [
    'node ls',
    'node ls -o wide',
    "node ls --filter status=down -o '{{.name}}'",
    'node ls --watch',
  ]);
  listOptions(command, keys, 'names').action(
    run(session, (flags: ListFlags) =>
      showList<NodeView>(session, flags, {
        topics: ['nodes'],
        items: async () => (await session.ask('node.list', {})).filter((one) => agrees(one, flags, keys)),
        word: ({ name }) => name,
        table: (all, look) => nodeTable(all, session.io.now(), look),
      }),
    ),
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

interface LeaveFlags {
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

function leave(node: Command, session: Session): void {
  define(node, 'leave', "Take this host, or others, out of the cluster; everything of Trama's goes from there", [
    'node leave --dry-run',
    'node leave',
    'node leave h3 h4',
  ])
    .argument('[NODE...]', 'names of nodes (default: this host)', each(checkNodeName))
    .option('-f, --force', 'also with containers running, and, of this host, when no server answers')
    .option('--dry-run', 'of this host: only print the commands')
    .action(
      run(session, async (names: string[] | undefined, { force = false, dryRun = false }: LeaveFlags) => {
        if (names === undefined || names.length === 0) return leaveHere(session, { force, dryRun });
        if (dryRun)
          throw new UsageError('what a host would do is known there only: run it on the host, or leave out --dry-run');
        return session.forEach(names, async (name) => {
          await session.ask('node.leave', { name, force }, { deadlineMs: leaveDeadlineMs });
        });
      }),
    );
}

async function leaveHere(session: Session, how: Required<LeaveFlags>): Promise<number> {
  const { commands } = await session.ask('agent.leave', how, { deadlineMs: leaveDeadlineMs });
  for (const command of commands) await session.print(command);
  await session.note(how.dryRun ? 'dry run: nothing was changed' : 'this host has left the cluster');
  return 0;
}
