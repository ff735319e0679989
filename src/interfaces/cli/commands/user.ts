/** `user create|ls|inspect|rm`: people who control the cluster from elsewhere. */
import { type Command, Option } from 'commander';
import { checkNetworkName } from '../../../domain/names.ts';
import { parseDuration } from '../../../domain/run-options.ts';
import { checkRole, checkUserName, formatUserKey, type Role } from '../../../domain/users.ts';
import type { UserView } from '../../../protocol/views.ts';
import { define, type Format, formatOption, run, show } from '../define.ts';
import type { Session } from '../session.ts';
import { age, sheet, table } from '../text.ts';
import { each, usage } from '../usage.ts';
import { inspectEach } from './inspect-each.ts';

export function userCommands(program: Command, session: Session): void {
  const user = define(program, 'user', 'People who control the cluster from elsewhere', [
    'user create ana --role operator',
    'user ls',
  ]);
  create(user, session);
  define(user, 'ls', 'List the users', ['user ls', 'user ls -o json'])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const users = await session.ask('user.list', {});
        await show(session, format, users, (all) => userTable(all, session.io.now()));
        return 0;
      }),
    );
  define(user, 'inspect', 'Show all there is to know of users', ['user inspect ana', 'user inspect ana -o json'])
    .argument('<USER...>', 'names of users', each(checkUserName))
    .addOption(formatOption())
    .action(
      run(session, async (names: string[], format: Format) =>
        inspectEach(session, format, names, (name) => session.ask('user.inspect', { name }), userSheet),
      ),
    );
  define(user, 'rm', 'Remove users: their keys are worth nothing from then on, and what they have open ends', [
    'user rm ana',
  ])
    .argument('<USER...>', 'names of users', each(checkUserName))
    .action(
      run(session, (names: string[]) =>
        session.forEach(names, async (name) => void (await session.ask('user.remove', { name }))),
      ),
    );
}

interface CreateFlags {
  readonly role: Role;
  readonly network?: string[];
  readonly ttl?: number;
}

function create(user: Command, session: Session): void {
  define(user, 'create', 'Make a user, and print the key, once, and nothing else', [
    'user create ana --role admin',
    'user create ben --role operator --network app --ttl 30d > ben.key',
  ])
    .argument('<NAME>', "the user's name", usage(checkUserName))
    .addOption(
      new Option('--role <ROLE>', 'what the user may do: admin, operator or viewer')
        .makeOptionMandatory()
        .argParser(usage(checkRole)),
    )
    .addOption(
      new Option('--network <NETWORK>', 'only what is on this network and on no other; may be repeated').argParser(
        each(checkNetworkName),
      ),
    )
    .addOption(new Option('--ttl <DURATION>', 'how long the key is good for: 8h, 30d').argParser(usage(parseDuration)))
    .action(
      run(session, async (name: string, { role, network = [], ttl }: CreateFlags) => {
        // The secret is made here and goes nowhere but to who reads this.
        const { secret, publicKey } = await session.io.newUserKey();
        const { serverKey } = await session.ask('user.create', {
          ...{ name, role, key: publicKey, networks: network },
          ...(ttl === undefined ? {} : { ttlMs: ttl }),
        });
        await session.print(formatUserKey({ serverKey, secret }));
        return 0;
      }),
    );
}

function userTable(users: readonly UserView[], now: number): string {
  return table(
    ['NAME', 'ROLE', 'NETWORKS', 'CREATED', 'EXPIRES'],
    users.map(({ name, role, networks, createdAt, ...user }) => [
      name,
      role,
      networks === null ? 'all' : networks.join(', '),
      `${age(createdAt, now)} ago`,
      expiry(user),
    ]),
  );
}

function expiry({ expiresAt, expired }: Pick<UserView, 'expiresAt' | 'expired'>): string {
  if (expiresAt === null) return 'never';
  return expired ? 'expired' : new Date(expiresAt).toISOString();
}

function userSheet(user: UserView): string {
  return sheet([
    ['Name', user.name],
    ['Role', user.role],
    ['Networks', user.networks ?? 'all'],
    ['Key', user.key],
    ['Created', new Date(user.createdAt).toISOString()],
    ['Expires', expiry(user)],
  ]);
}
