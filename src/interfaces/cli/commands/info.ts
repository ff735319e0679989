/** `info`. */
import type { Command } from 'commander';
import { isFailure } from '../../../domain/errors.ts';
import type { Result } from '../../../protocol/methods.ts';
import type { NodeView } from '../../../protocol/views.ts';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';
import { age, sheet } from '../text.ts';

type Answer = Result<'cluster.servers'>;

interface Info {
  readonly cluster: string;
  /** The server that has answered, by its id; null: it is reached by its own host only. */
  readonly asked: string | null;
  /** Whether its store answers it. */
  readonly able: boolean;
  readonly servers: Answer['servers'];
  /** How many are in which state. This and what follows: null while the store does not answer. */
  readonly nodes: Readonly<Partial<Record<NodeView['status'], number>>> | null;
  readonly networks: number | null;
  readonly containers: number | null;
}

export function infoCommand(program: Command, session: Session): void {
  define(program, 'info', 'Show the servers, and how many there are of what', [
    'info',
    "info -o '{{range .servers}}{{.id}} {{.version}} {{end}}'",
  ])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const [{ cluster, server, able, servers }, nodes, networks] = await Promise.all([
          session.ask('cluster.servers', {}),
          unlessLost(session.ask('node.list', {})),
          unlessLost(session.ask('network.list', {})),
        ]);
        const info: Info = {
          ...{ cluster, asked: server ?? null, able },
          servers: servers.toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })),
          nodes: nodes && countOf(nodes),
          networks: networks?.length ?? null,
          containers: nodes?.reduce((sum, node) => sum + node.containers, 0) ?? null,
        };
        await show(session, format, info, (all) => infoSheet(all, session.io.now()));
        return 0;
      }),
    );
}

/** The servers are to be seen most of all when not everything works. */
const unlessLost = <T>(asking: Promise<T>): Promise<T | null> =>
  asking.catch((error: unknown) => {
    if (isFailure(error, 'unavailable') || isFailure(error, 'deadline')) return null;
    throw error;
  });

function countOf(nodes: readonly NodeView[]): Info['nodes'] {
  const count: Partial<Record<NodeView['status'], number>> = {};
  for (const { status } of nodes) count[status] = (count[status] ?? 0) + 1;
  return count;
}

function infoSheet({ cluster, asked, able, servers, nodes, networks, containers }: Info, now: number): string {
  const states = nodes && Object.entries(nodes).map(([status, count]) => `${count} ${status}`);
  return sheet([
    ['Cluster', cluster],
    ['Store', able ? 'answers' : 'does not answer the server that was asked'],
    ['Servers', servers.length === 0 ? unlisted : servers.map((server) => serverLine(server, asked, now))],
    ['Nodes', states === null ? unknown : states.join(', ') || '0'],
    ['Networks', `${networks ?? unknown}`],
    ['Containers', `${containers ?? unknown}`],
  ]);
}

const unknown = 'not known';
const unlisted = 'none that tells agents where it is: say it with `trama server --advertise`';

function serverLine({ id, version, since, keepsHouse }: Answer['servers'][number], asked: string | null, now: number) {
  const said = [
    ...(version === '' ? [] : [version]),
    ...(since === undefined ? [] : [`for ${age(since, now)}`]),
    ...(keepsHouse ? ['keeps house'] : []),
    ...(id === asked ? ['has answered this'] : []),
  ];
  return [id, ...said].join(', ');
}
