/** The rules applied: whether a caller may ask something at all, and of what. Asked anew each time: a role is never remembered. */
import { Failure, quoted, reaches, type UserRecord } from '../domain/domain.ts';
import type { ParsedParams } from '../protocol/protocol.ts';
import type { Call, Caller, Context } from './context.ts';
import { findContainer } from './find-container.ts';
import { checkTheirNetwork, checkTheirs, theirsOf } from './limits.ts';
import { type Rule, type Ruled, rules } from './rules.ts';

/** @returns the user who asks, with the rule; undefined when it is a node, or root. @throws Failure `denied` */
export function checkMay(
  context: Context,
  caller: Caller,
  method: string,
): { readonly user: UserRecord; readonly rule: Rule } | undefined {
  if (caller.kind === 'root' || caller.kind === 'node') return undefined;
  if (caller.kind === 'token') {
    if (method === 'node.join') return undefined;
    throw new Failure('denied', `a join token can be used to join and for nothing else, so not for ${method}`);
  }
  const user = context.members.userOf(caller.key);
  if (user === undefined) throw new Failure('denied', `user ${caller.user} was removed, or its key expired`);
  const rule: Ruled | undefined = Object.hasOwn(rules, method) ? rules[method as keyof typeof rules] : undefined;
  if (rule === 'host') {
    throw new Failure(
      'denied',
      `${named(user)} may not ask for ${method}: it is for root on the host of a server, run it there`,
    );
  }
  // What nobody has thought of is nobody's.
  if (rule === undefined || rule === 'node') {
    throw new Failure('denied', `${named(user)} may not ask for ${method}: only a node can, about itself`);
  }
  if (!reaches(user.role, rule.least)) {
    throw new Failure('denied', `${named(user)} may not ${rule.does}: that takes the role ${rule.least}`);
  }
  if (user.networks !== undefined && rule.within === 'never') {
    throw new Failure('denied', `${named(user)} is limited to networks and may not ${rule.does}`);
  }
  return { user, rule };
}

/** Whether it may be asked of these. @param params as the method's schema has them. @throws Failure `denied`, `not-found` */
export async function checkOf(
  context: Context,
  { user, rule }: { readonly user: UserRecord; readonly rule: Rule },
  method: string,
  params: unknown,
  call: Call,
): Promise<void> {
  if (user.role === 'admin') return;
  if (method === 'workload.run') checkProcesses(user, params as ParsedParams<'workload.run'>);
  const { name = '', container = '', network = '' } = params as Readonly<Record<string, string | undefined>>;
  if (method === 'workload.debug') await checkTools(context, user, params as { name: string; image?: string });
  const theirs = await theirsOf(context, user);
  if (theirs === undefined) return;
  const refused = (why: string) => new Failure('denied', `${named(user)} may not ${rule.does} ${theirs.only}: ${why}`);
  if (rule.within === 'network' || rule.within === 'both') {
    await checkTheirNetwork(context, theirs, rule.within === 'both' ? network : name, refused);
  }
  if (rule.within === 'run') {
    const { spec } = params as ParsedParams<'workload.run'>;
    const { networks, networkMode } = spec;
    if (networkMode !== undefined) throw refused('it would have no network of its own');
    if (networks.length === 0) throw refused('name one of these with --network');
    for (const one of networks) await checkTheirNetwork(context, theirs, one.network, refused);
  }
  const which = rule.within === 'container' ? name : rule.within === 'both' ? container : undefined;
  if (which === undefined) return;
  // Gone, by an earlier try of this request, or while somebody waits for that: the method says so.
  const gone = async () => method === 'workload.wait' || Boolean(await context.requests.of(call)?.done());
  await checkTheirs(context, theirs, which, refused, gone);
}

/** Of others' processes, the host's among them, a container can end any. @throws Failure `denied` */
function checkProcesses(user: UserRecord, { spec }: ParsedParams<'workload.run'>): void {
  if (spec.pid === undefined) return;
  throw new Failure(
    'denied',
    `${named(user)} may not run containers among the processes of a host or of another container (--pid): that takes the role admin`,
  );
}

/** Tools of the host are root there, and so are tools with rights over processes that are the host's. @throws Failure `denied` */
async function checkTools(
  context: Context,
  user: UserRecord,
  { name, image }: { readonly name: string; readonly image?: string },
): Promise<void> {
  const may = `${named(user)} may not bring`;
  if (image === undefined) {
    throw new Failure(
      'denied',
      `${may} the tools of a host into a container, which is to be root there: name an image with tools, or run it on a host of the cluster`,
    );
  }

  const found = await findContainer(context, name);
  if (found.kind === 'workload' && found.workload.value.spec.pid === undefined) return;
  throw new Failure(
    'denied',
    `${may} tools into ${quoted(name)}: its processes may be the host's; run it on a host of the cluster`,
  );
}

/** `user ana (viewer)` */
const named = ({ name, role }: Pick<UserRecord, 'name' | 'role'>): string => `user ${name} (${role})`;
