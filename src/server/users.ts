/** Users: people who control the cluster from elsewhere, each with a key of their own. Its secret half never comes here. */
import {
  checkRole,
  checkUserName,
  decodeZ85,
  Failure,
  type NetworkRecord,
  quoted,
  type UserRecord,
} from '../domain/domain.ts';
import type { UserView } from '../protocol/protocol.ts';
import { change } from './change.ts';
import type { Context, Methods } from './context.ts';
import { allOf, networkKey, nodeKeyKey, tokenKey, userKey } from './keys.ts';
import { findNetwork } from './network-view.ts';
import { absent, type Found, put, read, readAll, remove, unchanged } from './records.ts';

const shortestMs = 1000;

export const userMethods: Methods<'user.create' | 'user.list' | 'user.inspect' | 'user.remove'> = {
  'user.create': async (context, { name, key, role, networks, ttlMs }, call) => {
    checkUserName(name);
    checkKey(context, key);
    const record = { name, key, role: checkRole(role) };
    if (role === 'admin' && networks.length > 0) {
      throw new Failure(
        'invalid',
        'an administrator is not limited to networks: leave out --network, or give another role',
      );
    }
    if (ttlMs !== undefined && !(ttlMs >= shortestMs)) {
      throw new Failure('invalid', `a key cannot be valid for ${ttlMs / 1000} s: give it one second or more`);
    }
    const plan = async () => {
      const known = await read<UserRecord>(context.store, userKey(name));
      if (known) {
        throw new Failure(
          'conflict',
          `there is a user ${quoted(name)} already: remove it first with \`trama user rm ${name}\``,
        );
      }
      const found = await Promise.all(networks.map((each) => findNetwork(context, each)));
      const ids = [...new Set(found.map(({ value }) => value.id))];
      const createdAt = context.clock.now();
      const user: UserRecord = {
        ...record,
        ...(ids.length === 0 ? {} : { networks: ids }),
        createdAt,
        ...(ttlMs === undefined ? {} : { expiresAt: createdAt + ttlMs }),
      };
      // Whose key it is has to be certain.
      const free = [absent(userKey(name)), absent(nodeKeyKey(key)), absent(tokenKey(key))];
      const stay = found.map((network) => unchanged(network));
      return { conditions: [...free, ...stay], writes: [put(userKey(name), user)], result: name };
    };
    const { revision } = await change(context, `user ${name}`, plan, context.requests.of(call));
    // The key may be used at once, and the gatekeeper has to know it then.
    await context.follow.reached(revision);
    return { serverKey: context.keys.publicKey };
  },

  'user.list': async (context) => {
    const users = await readAll<UserRecord>(context.store, allOf('users'));
    return Promise.all(users.map(({ value }) => userView(context, value)));
  },

  'user.inspect': async (context, { name }) => userView(context, (await findUser(context, name)).value),

  'user.remove': async (context, { name }, call) => {
    const { caller } = call;
    if (caller.kind === 'user' && caller.user === name) {
      throw new Failure(
        'denied',
        `user ${name} cannot remove itself: another administrator can, or root on a host of the cluster`,
      );
    }
    const plan = async () => {
      const user = await findUser(context, name);
      return { conditions: [unchanged(user)], writes: [remove(user.key)], result: {} };
    };
    const { revision } = await change(context, `user ${name}`, plan, context.requests.of(call));
    // From then on this server knows the key no more, and has ended what it had open.
    await context.follow.reached(revision);
    return {};
  },
};

/** @throws Failure `not-found` */
async function findUser({ store }: Context, name: string): Promise<Found<UserRecord>> {
  const user = await read<UserRecord>(store, userKey(name));
  if (user) return user;
  throw new Failure('not-found', `there is no user ${quoted(name)}: \`trama user ls\` shows those there are`);
}

/** @throws Failure `invalid`, `conflict` */
function checkKey({ members }: Context, key: string): void {
  if (decodeZ85(key)?.length !== 32)
    throw new Failure('invalid', 'a key is 40 characters of Z85: what was given is not one');
  if (members.peerOf(key) !== undefined) throw new Failure('conflict', 'this key is known already: make another');
}

async function userView({ store, clock }: Context, user: UserRecord): Promise<UserView> {
  const { name, role, key, networks, createdAt, expiresAt } = user;
  const nameOf = async (id: string) => (await read<NetworkRecord>(store, networkKey(id)))?.value.name ?? id;
  return {
    ...{ name, role, key, createdAt },
    networks: networks === undefined ? null : await Promise.all(networks.map(nameOf)),
    expiresAt: expiresAt ?? null,
    expired: expiresAt !== undefined && clock.now() >= expiresAt,
  };
}
