/** Every method that a server answers, and who may ask it. */
import { Failure, isFailure, quoted } from '../domain/domain.ts';
import { type ByteStream, methods } from '../protocol/protocol.ts';
import { blockMethods } from './blocks.ts';
import { connectionMethods } from './connections.ts';
import type { Call, Caller, Context, Methods, ServedMethod } from './context.ts';
import { departureMethods } from './departure.ts';
import { endpointMethods } from './endpoints.ts';
import { networkRemovalMethods } from './network-removal.ts';
import { networkViewMethods } from './network-view.ts';
import { networkMethods } from './networks.ts';
import { nodeMethods } from './nodes.ts';
import { parseParams } from './params.ts';
import { verbsForAll } from './plain-containers.ts';
import { reservationMethods } from './reservations.ts';
import { snapshotMethods } from './snapshots.ts';
import { isStream, openStream } from './streams.ts';
import { tokenMethods } from './tokens.ts';
import { workloadViewMethods } from './workload-view.ts';
import { workloadMethods } from './workloads.ts';

const served: Methods<ServedMethod> = {
  ...nodeMethods,
  ...departureMethods,
  ...tokenMethods,
  ...networkMethods,
  ...networkViewMethods,
  ...networkRemovalMethods,
  ...snapshotMethods,
  ...blockMethods,
  ...reservationMethods,
  ...endpointMethods,
  ...workloadMethods,
  ...workloadViewMethods,
  ...verbsForAll({ ...workloadMethods, ...workloadViewMethods }),
  ...connectionMethods,
};

type Answer = (context: Context, params: unknown, call: Call) => Promise<unknown>;

/** @throws Failure */
export async function answer(context: Context, method: string, params: unknown, call: Call): Promise<unknown> {
  if (!isServed(method)) throw notServed(method);
  checkMay(call.caller, method);
  try {
    return await (served[method] as Answer)(context, parseParams(method, methods[method].params, params), call);
  } catch (error) {
    if (!isFailure(error)) context.log.error('a request failed for a reason of our own', { method, error });
    throw error;
  }
}

/** @throws Failure */
export async function open(context: Context, method: string, params: unknown, call: Call): Promise<ByteStream> {
  if (!isStream(method)) throw notServed(method);
  checkMay(call.caller, method);
  return openStream(context, method, params, call);
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

function checkMay(caller: Caller, method: string): void {
  if (caller.kind !== 'token' || method === 'node.join') return;
  throw new Failure('denied', `a join token can be used to join and for nothing else, so not for ${method}`);
}
