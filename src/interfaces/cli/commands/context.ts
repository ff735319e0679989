/** `context create|ls|use|show|rm`: clusters that are controlled from this machine. */
import type { Command } from 'commander';
import { Failure } from '../../../domain/errors.ts';
import { quoted } from '../../../domain/quoted.ts';
import { parseServer } from '../../../domain/token.ts';
import { checkContextName, localContext, parseUserKey } from '../../../domain/users.ts';
import { chosen, readContext } from '../context-choice.ts';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { ContextServer } from '../io.ts';
import type { Session } from '../session.ts';
import { sheet, table } from '../text.ts';
import { each, UsageError, usage } from '../usage.ts';

const requestsPort = 4701;
/** A key has some 150 characters. */
const longestKey = 4096;

/** These work on the machine where they are typed: to name another cluster for them can only be a mistake. */
const here = ['up', 'server', 'agent', 'store', 'lab', 'doctor', 'context', 'completion', 'help'];

/** @throws UsageError for a command that takes no `--context` */
export function checkGoesElsewhere(command: Command): void {
  const path = pathOf(command);
  if (!here.includes(path[0] ?? '')) return;
  throw new UsageError(
    `trama ${path.join(' ')} works on the host where it is typed: run it on a host of the cluster, without --context`,
  );
}

function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

export function contextCommands(program: Command, session: Session): void {
  const context = define(program, 'context', 'Clusters that are controlled from this machine', [
    'context create prod --server 10.0.0.1,10.0.0.2 --key - < key',
    'context use prod',
    'context ls',
  ]);
  create(context, session);
  list(context, session);
  define(context, 'use', 'Choose the cluster that commands are about from now on; local is this host', [
    'context use prod',
    'context use local',
  ])
    .argument('<CONTEXT>', 'its name', usage(checkContextName))
    .action(
      run(session, async (name: string) => {
        if (name !== localContext) await readContext(session.io, name);
        await session.io.contexts.use(name === localContext ? undefined : name);
        await session.print(name);
        if (session.io.env.TRAMA_CONTEXT) await session.note('TRAMA_CONTEXT is set, and goes before it');
        return 0;
      }),
    );
  define(context, 'show', 'Show a context (the one that is used), without its key', [
    'context show',
    'context show prod',
  ])
    .argument('[CONTEXT]', 'its name', usage(checkContextName))
    .addOption(formatOption())
    .action(
      run(session, async (asked: string | undefined, format: Format) => {
        const name = asked ?? (await chosen(session.io)).name;
        const [shown] = await shownOf(session, [name]);
        if (shown === undefined) throw new Failure('internal', 'there is nothing to show');
        await show(session, format, shown, (one) =>
          sheet([
            ['Name', one.name],
            ['Current', one.current ? 'yes' : 'no'],
            ['Servers', one.name === localContext ? ['the daemon of this host'] : one.servers],
          ]),
        );
        return 0;
      }),
    );
  define(context, 'rm', 'Remove contexts, with their keys', ['context rm prod'])
    .argument('<CONTEXT...>', 'their names', each(checkContextName))
    .action(
      run(session, (names: string[]) =>
        session.forEach(names, async (name) => {
          const { contexts } = session.io;
          if (name === localContext) throw new Failure('invalid', 'local is this host, and is always there');
          // One that is damaged can be removed too.
          if (!(await contexts.names()).includes(name)) await readContext(session.io, name);
          if ((await contexts.current()) === name) await contexts.use(undefined);
          await contexts.remove(name);
        }),
      ),
    );
}

function create(context: Command, session: Session): void {
  define(context, 'create', 'Keep where a cluster is, with the key of a user there', [
    'context create prod --server 10.0.0.1 --key - < key',
    'context create prod --server h1.lan:4701,h2.lan --key -',
  ])
    .argument('<NAME>', 'what it shall be called here', usage(newName))
    .requiredOption('--server <HOST>', 'one of its servers or more: HOST[:PORT][,HOST…]', usage(serversOf))
    .requiredOption('--key <KEY>', 'what `trama user create` printed; -: read it from standard input')
    .action(
      run(session, async (name: string, { server, key }: { server: ContextServer[]; key: string }) => {
        const { contexts } = session.io;
        const given = key === '-' ? await fromInput(session) : key;
        usage(parseUserKey)(given);
        if ((await contexts.names()).includes(name)) {
          throw new Failure(
            'conflict',
            `there is a context ${quoted(name)} already: choose another name, or remove it with \`trama context rm ${name}\``,
          );
        }
        await contexts.write({ name, key: given, servers: server });
        await session.print(name);
        return 0;
      }),
    );
}

function list(context: Command, session: Session): void {
  define(context, 'ls', 'List the contexts; the one that is used has a star', ['context ls', 'context ls -o json'])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const all = await shownOf(session, [localContext, ...(await session.io.contexts.names())]);
        await show(session, format, all, (them) =>
          table(
            ['NAME', 'CURRENT', 'SERVERS'],
            them.map(({ name, current, servers }) => [
              name,
              current ? '*' : '',
              name === localContext ? 'this host' : servers.join(', '),
            ]),
          ),
        );
        return 0;
      }),
    );
}

interface Shown {
  readonly name: string;
  readonly current: boolean;
  readonly servers: readonly string[];
}

async function shownOf(session: Session, names: readonly string[]): Promise<Shown[]> {
  const { name: now } = await chosen(session.io);
  return Promise.all(
    names.map(async (name) => {
      const servers = name === localContext ? [] : (await readContext(session.io, name)).servers.map(placeOf);
      return { name, current: name === now, servers };
    }),
  );
}

const placeOf = ({ host, ports }: ContextServer): string =>
  host.includes(':') ? `[${host}]:${ports.requests}` : `${host}:${ports.requests}`;

/** @throws Failure `invalid` */
function newName(name: string): string {
  if (checkContextName(name) !== localContext) return name;
  throw new Failure('invalid', '"local" is this host: choose another name');
}

/** @throws Failure `invalid` */
function serversOf(text: string): ContextServer[] {
  return text.split(',').map((one) => {
    const { host, port } = parseServer(one, requestsPort);
    return { host, ports: { requests: port, feed: port + 1 } };
  });
}

/** So that a key is in no list of processes. */
async function fromInput({ io }: Session): Promise<string> {
  if (io.stdin.isTTY) await io.stderr.write('the key, and Enter: ');
  let text = '';
  const enough = new AbortController();
  for await (const data of io.stdin.read(enough.signal)) {
    text += Buffer.from(data).toString();
    if (text.includes('\n') || text.length > longestKey) enough.abort();
  }
  return text.split('\n')[0]?.trim() ?? '';
}
