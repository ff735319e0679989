/** Every method that a server answers, and who may ask it. */
import { Failure, isFailure, quoted } from '../domain/domain.ts';
import { type ByteStream, methods, streams } from '../protocol/protocol.ts';
import { blockMethods } from './blocks.ts';
import { claimMethods } from './claims.ts';
import { connectionMethods } from './connections.ts';
import type { Call, Context, Methods, ServedMethod } from './context.ts';
import { departureMethods } from './departure.ts';
import { endpointSyncMethods } from './endpoint-sync.ts';
import { endpointMethods } from './endpoints.ts';
import { hostDepartureMethods } from './host-departure.ts';
import { imageMethods } from './images.ts';
import { networkRemovalMethods } from './network-removal.ts';
import { networkViewMethods } from './network-view.ts';
import { networkMethods } from './networks.ts';
import { nodeMethods } from './nodes.ts';
import { parseParams } from './params.ts';
import { checkMay, checkOf } from './permissions.ts';
import { verbsForAll } from './plain-containers.ts';
import { probeMethods } from './probes.ts';
import { requestMethods } from './requests.ts';
import { reservationMethods } from './reservations.ts';
import { shownTo } from './shown-to.ts';
import { snapshotMethods } from './snapshots.ts';
import { lookMethods } from './stats.ts';
import { isStream, openStream } from './streams.ts';
import { tokenMethods } from './tokens.ts';
import { userMethods } from './users.ts';
import { workloadViewMethods } from './workload-view.ts';
import { workloadMethods } from './workloads.ts';

const served: Methods<ServedMethod> = {
  ...nodeMethods,
  ...claimMethods,
  ...departureMethods,
  ...hostDepartureMethods,
  ...probeMethods,
  ...tokenMethods,
  ...userMethods,
  ...networkMethods,
  ...networkViewMethods,
  ...networkRemovalMethods,
  ...snapshotMethods,
  ...blockMethods,
  ...reservationMethods,
  ...endpointMethods,
  ...endpointSyncMethods,
  ...workloadMethods,
  ...workloadViewMethods,
  ...verbsForAll({ ...workloadMethods, ...workloadViewMethods }),
  ...connectionMethods,
  ...lookMethods,
  ...imageMethods,
  ...requestMethods,
};

type Answer = (context: Context, params: unknown, call: Call) => Promise<unknown>;

/** @throws Failure */
export function answer(context: Context, method: string, params: unknown, call: Call): Promise<unknown> {
  return observed(context, method, params, call, async () => {
    if (!isServed(method)) throw notServed(method);
    const asking = checkMay(context, call.caller, method);
    try {
      const parsed = parseParams(method, methods[method].params, params);
      if (asking === undefined) return await (served[method] as Answer)(context, parsed, call);
      await checkOf(context, asking, method, parsed, call);
      return await shownTo(context, asking.user, method, await (served[method] as Answer)(context, parsed, call));
    } catch (error) {
      if (!isFailure(error)) context.log.error('a request failed for a reason of our own', { method, error });
      throw error;
    }
  });
}

/** @throws Failure */
export function open(context: Context, method: string, params: unknown, call: Call): Promise<ByteStream> {
  return observed(context, method, params, call, async () => {
    if (!isStream(method)) throw notServed(method);
    const asking = checkMay(context, call.caller, method);
    if (asking !== undefined)
      await checkOf(context, asking, method, parseParams(method, streams[method], params), call);
    return openStream(context, method, params, call);
  });
}

/** Counted and, if it is to be, written down. */
function observed<T>(
  { meter, audit }: Context,
  method: string,
  params: unknown,
  call: Call,
  work: () => Promise<T>,
): Promise<T> {
  const known = Object.hasOwn(methods, method) || isStream(method);
  return meter(known ? method : 'unknown', () => audit.over(method, params, call, work));
}

function isServed(method: string): method is ServedMethod {
  return Object.hasOwn(served, method);
}

function notServed(method: string): Failure {
  if (Object.hasOwn(methods, method)) {
    return new Failure('invalid', `${method} is for an agent to answer: ask the one on that host`);
  }
  return new Failure('not-found', `a server does not know ${quoted(method)}: is it of another version?`);
}
