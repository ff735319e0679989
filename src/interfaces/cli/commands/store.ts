/** `store backup`, `restore`, `migrate`: what the cluster is kept in, as a whole. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Failure } from '../../../domain/errors.ts';
import { quoted } from '../../../domain/quoted.ts';
import { define, run } from '../define.ts';
import type { StorePlace } from '../io.ts';
import type { Session } from '../session.ts';
import { addSettings, resolveSettings, type Values } from '../settings.ts';
import { etcdSettings, type StoreKind, storeKind, storeOptions } from '../store-flags.ts';
import { UsageError, usage } from '../usage.ts';

const ofPlace = ['store', ...etcdSettings, 'state'] as const;
const ofMove = [...etcdSettings, 'state'] as const;

type Flags = Readonly<Record<string, string | undefined>> & { readonly force?: boolean };

export function storeCommands(program: Command, session: Session): void {
  const { io } = session;
  const note = (text: string) => void session.note(`trama: ${text}`);
  const store = define(program, 'store', 'What the cluster is kept in, as a whole', [
    'store backup /root/trama.backup',
  ]);
  addSettings(
    define(
      store,
      'backup',
      'Write everything to a file, also while servers run; it holds the secret keys of the servers',
      ['store backup /root/trama.backup', 'store backup --store etcd://10.0.0.1,10.0.0.2 --force /root/trama.backup'],
    ).argument('<FILE>', 'where to', usage(file)),
    ofPlace,
  )
    .addOption(force('replace FILE if it is there'))
    .action(
      run(session, async (path: string, flags: Flags) =>
        said(session, io.store.backup(await place(session, flags), path, flags.force === true, note)),
      ),
    );
  addSettings(
    define(store, 'restore', 'Fill an empty store from a backup, while all servers are stopped', [
      'store restore /root/trama.backup',
      'store restore --store etcd://10.0.0.1,10.0.0.2 /root/trama.backup',
    ]).argument('<FILE>', 'what `trama store backup` wrote', usage(file)),
    ofPlace,
  )
    .addOption(force('replace what the store holds'))
    .action(
      run(session, async (path: string, flags: Flags) =>
        said(session, io.store.restore(path, await place(session, flags), flags.force === true, note)),
      ),
    );
  migrateCommand(store, session, note);
}

function migrateCommand(store: Command, session: Session, note: (text: string) => void): void {
  addSettings(
    define(store, 'migrate', 'Move the cluster to another store, while all servers are stopped', [
      'store migrate --from sqlite --to etcd://10.0.0.1,10.0.0.2,10.0.0.3',
      'store migrate --from etcd://10.0.0.1 --to sqlite --state /srv/trama',
    ])
      .addOption(new Option('--from <KIND>', 'where it is kept').argParser(usage(lasting)).makeOptionMandatory())
      .addOption(new Option('--to <KIND>', 'where it shall be kept').argParser(usage(lasting)).makeOptionMandatory()),
    ofMove,
  )
    .addOption(force('replace what is in the other store'))
    .action(
      run(session, async ({ from, to, force, ...flags }: Flags & { from: never; to: never }) => {
        const values = await resolveSettings(session.io, flags, ofMove);
        const [source, target] = bothPlaces(from, to, values);
        return said(session, session.io.store.migrate(source, target, force === true, note));
      }),
    );
}

const force = (says: string): Option => new Option('--force', says);

function file(text: string): string {
  if (text !== '' && !text.includes('\0') && !text.endsWith('/')) return resolve(text);
  throw new Failure('invalid', `${quoted(text)} is not a file: write a path like /root/trama.backup`);
}

/** @throws Failure `invalid` */
function lasting(text: string): StoreKind {
  const kind = storeKind(text);
  if (kind !== 'memory') return kind;
  throw new Failure('invalid', 'memory ends with its server, and nothing can be moved there: use sqlite or an etcd');
}

async function place(session: Session, flags: Flags): Promise<StorePlace> {
  const values = await resolveSettings(session.io, flags, ofPlace);
  if (values.store === 'memory') {
    throw new UsageError('store: what is kept in memory ends with its server: there is nothing to save or to fill');
  }
  return { store: storeOptions(values.store, values), state: values.state };
}

/** The settings of an etcd are those of whichever is one. @throws UsageError */
function bothPlaces(from: StoreKind, to: StoreKind, values: Values<(typeof ofMove)[number]>): [StorePlace, StorePlace] {
  if (JSON.stringify(from) === JSON.stringify(to)) {
    throw new UsageError('--from and --to are the same store: name two');
  }
  const { state } = values;
  const at = (kind: StoreKind) => ({ store: kind === 'sqlite' ? kind : storeOptions(kind, values), state });
  return [at(from), at(to)];
}

async function said(session: Session, done: Promise<string>): Promise<number> {
  await session.note(await done);
  return 0;
}
