/** What users are not shown of what they may ask for. */
import type { UserRecord } from '../domain/domain.ts';
import type { ContainerView, Result } from '../protocol/protocol.ts';
import type { Context } from './context.ts';
import { theirsOf, within } from './limits.ts';

export async function shownTo(context: Context, user: UserRecord, method: string, result: unknown): Promise<unknown> {
  const theirs = await theirsOf(context, user);
  const seen = theirs === undefined ? result : await within(context, theirs, method, result);
  return user.role === 'viewer' ? withoutSecrets(method, seen) : seen;
}

/** Who only looks is not shown what is in environments: people keep passwords there. */
function withoutSecrets(method: string, result: unknown): unknown {
  if (method === 'workload.inspect') return withoutEnvironment(result as ContainerView);
  if (method !== 'workload.wait') return result;
  const waited = result as Result<'workload.wait'>;
  return { ...waited, container: waited.container && withoutEnvironment(waited.container) };
}

function withoutEnvironment(view: ContainerView): ContainerView {
  if (view.spec === undefined) return view;
  const env = view.spec.env.map((one) => `${one.slice(0, Math.max(0, one.indexOf('=')))}=(hidden)`);
  return { ...view, spec: { ...view.spec, env } };
}
