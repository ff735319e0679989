/** `ps`, `inspect`, `start`, `stop`, `rm`. */
import { type Command, Option } from 'commander';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import { checkNetworkName, checkNodeName } from '../../../domain/names.ts';
import type { ContainerView } from '../../../protocol/views.ts';
import { containerNames } from '../container-names.ts';
import { define, type Format, formatOption, run } from '../define.ts';
import { agrees, asksFor, type Keys } from '../filters.ts';
import { type ListFlags, listOptions, showList } from '../listing.ts';
import type { Session } from '../session.ts';
import { each, usage } from '../usage.ts';
import { whole } from '../values.ts';
import { containerSheet, containerTable } from '../views.ts';
import { inspectEach } from './inspect-each.ts';
import { removeOne, startOne, stopOne } from './lifecycle.ts';

interface PsFlags extends ListFlags {
  readonly all?: boolean;
  readonly node?: string;
  readonly network?: string;
}

export function containerCommands(program: Command, session: Session): void {
  ps(program, session);
  define(program, 'inspect', 'Show all there is to know of containers', ['inspect web', 'inspect web -o json'])
    .argument('<CONTAINER...>', 'names or ids of containers', each(checkContainerReference))
    .addOption(formatOption())
    .action(
      run(session, async (words: string[], format: Format) =>
        inspectEach(
          session,
          format,
          await containerNames(session, words),
          (name) => session.ask('workload.inspect', { name }),
          (one) => containerSheet(one, session.io.now()),
        ),
      ),
    );
  define(program, 'start', 'Start containers that were stopped', ['start web'])
    .argument('<CONTAINER...>', 'names or ids of containers', each(checkContainerReference))
    .action(
      run(session, async (words: string[]) =>
        session.forEach(await containerNames(session, words), (name) => startOne(session, name)),
      ),
    );
  stop(program, session);
  remove(program, session);
}

function ps(program: Command, session: Session): void {
  const command = define(program, 'ps', 'List containers: those that run, or should and do not yet', [
    'ps',
    'ps -a --node h1',
    'ps -a -q --network app',
    'ps --filter image=nginx:1.27 -o wide',
    'ps --filter label=tier=front --watch',
    "ps -o '{{.name}} {{.node}}'",
  ])
    .option('-a, --all', 'also those that have ended')
    .addOption(new Option('--node <NODE>', 'only on this node').argParser(usage(checkNodeName)))
    .addOption(new Option('--network <NETWORK>', 'only on this network').argParser(usage(checkNetworkName)));
  listOptions(command, keys, 'ids').action(
    run(session, (flags: PsFlags) =>
      showList<ContainerView>(session, flags, {
        topics: ['containers'],
        async items() {
          const shown = (await session.ask('workload.list', {})).filter((one) => isAsked(one, flags));
          if (shown.length === 0) await checkThere(session, flags);
          return shown;
        },
        word: ({ id }) => id,
        table: (all, look) => containerTable(all, session.io.now(), look),
      }),
    ),
  );
}

/** Nothing to see on a node or network that there is not is no answer. @throws Failure `not-found` */
async function checkThere(session: Session, { node, network }: PsFlags): Promise<void> {
  if (node !== undefined) await session.ask('node.inspect', { name: node });
  if (network !== undefined) await session.ask('network.inspect', { name: network });
}

const keys: Keys<ContainerView> = {
  name: ({ name }) => name,
  id: ({ id }) => id,
  node: ({ node }) => node,
  network: ({ networks }) => networks.map(({ network }) => network),
  image: ({ image }) => image,
  status: ({ status }) => status,
  /** `KEY`, or `KEY=VALUE`. */
  label: ({ labels = {} }) => Object.entries(labels).flatMap(([key, value]) => [key, `${key}=${value}`]),
};

function isAsked(one: ContainerView, flags: PsFlags): boolean {
  const { all = false, node, network } = flags;
  // Who asks for a status means all that have it.
  if (!all && one.status === 'exited' && !asksFor(flags, 'status')) return false;
  if (!agrees(one, flags, keys)) return false;
  if (node !== undefined && one.node !== node) return false;
  return network === undefined || one.networks.some((at) => at.network === network);
}

function stop(program: Command, session: Session): void {
  define(program, 'stop', 'Stop containers', ['stop web', 'stop -t 30 web db'])
    .argument('<CONTAINER...>', 'names or ids of containers', each(checkContainerReference))
    .addOption(
      new Option('-t, --time <SECONDS>', 'how long it may take to end by itself before it is killed')
        .default(10)
        .argParser(usage(whole('a number of seconds', 0, 86_400))),
    )
    .action(
      run(session, async (words: string[], { time }: { time: number }) =>
        session.forEach(await containerNames(session, words), (name) => stopOne(session, { name }, time)),
      ),
    );
}

function remove(program: Command, session: Session): void {
  define(program, 'rm', 'Remove containers', ['rm web', 'rm -f web db'])
    .argument('<CONTAINER...>', 'names or ids of containers', each(checkContainerReference))
    .option('-f, --force', 'also those that run')
    .action(
      run(session, async (words: string[], { force = false }: { force?: boolean }) =>
        session.forEach(await containerNames(session, words), (name) => removeOne(session, { name }, force)),
      ),
    );
}
