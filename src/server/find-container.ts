/** Which container people mean: a workload before one of the same name that somebody started with docker. */
import { Failure, parseContainerReference, quoted, toFailure, type WorkloadRecord } from '../domain/domain.ts';
import { ask, type MethodName, type Params, type Result } from '../protocol/protocol.ts';
import type { AttachedContainer } from './containers.ts';
import type { Call, Context } from './context.ts';
import { workloadKey } from './keys.ts';
import { findNode } from './nodes.ts';
import { type Found, read } from './records.ts';
import { named } from './sentences.ts';

export type FoundContainer =
  | {
      readonly kind: 'workload';
      readonly name: string;
      readonly node: string;
      readonly workload: Found<WorkloadRecord>;
    }
  | {
      readonly kind: 'plain';
      /** As its node's engine finds it. */
      readonly name: string;
      readonly node: string;
      /** Absent when it is on none of the cluster's networks now: it does not run, or is not there at all. */
      readonly attached?: AttachedContainer;
    };

/**
 * @param reference `NAME`, an id, or `NODE/NAME`
 * @throws Failure `invalid`; `not-found`; `conflict` when containers of several nodes are called so
 */
export async function findContainer(context: Context, reference: string): Promise<FoundContainer> {
  const { node, name } = parseContainerReference(reference);
  if (node !== undefined) await findNode(context, node);
  const workload = await workloadOn(context, name, node);
  if (workload) return workload;
  // What was read from the store may be newer than what was heard of it: an endpoint of a workload that is gone.
  await context.follow.reached(await context.store.revision());
  const found = context.containers.called(name, node);
  const [attached, ...others] = found;
  if (others.length > 0) throw ambiguous(name, found);
  if (attached !== undefined) {
    const owner = await workloadOn(context, attached.name, attached.node);
    return owner ?? { kind: 'plain', name: attached.name, node: attached.node, attached };
  }
  if (node !== undefined) return { kind: 'plain', name, node };
  throw new Failure('not-found', `there is no container ${quoted(name)}: \`trama ps\` shows those there are`);
}

async function workloadOn(context: Context, name: string, node?: string): Promise<FoundContainer | undefined> {
  const workload = await read<WorkloadRecord>(context.store, workloadKey(name));
  if (!workload || (node !== undefined && workload.value.node !== node)) return undefined;
  return { kind: 'workload', name, node: workload.value.node, workload };
}

function ambiguous(name: string, found: readonly AttachedContainer[]): Failure {
  const nodes = found.map(({ node }) => node).sort();
  const which = `containers on ${named(nodes)} are called ${quoted(name)}`;
  return new Failure('conflict', `${which}: say which is meant, like ${nodes[0]}/${name}`);
}

type AskedOfAgents = Extract<MethodName, `container.${string}`>;

/** Asks the container's node. @throws Failure of the node; `unavailable` that names it */
export async function askItsNode<M extends AskedOfAgents>(
  context: Context,
  reference: string,
  node: string,
  method: M,
  params: Params<M>,
  call: Call,
): Promise<Result<M>> {
  const way = wayTo(context, reference, node);
  const once = context.requests.of(call);
  // Asked again by another server, the node does it once.
  const id = once === undefined ? {} : { id: once.idFor(method) };
  try {
    return await ask(way, method, params, { deadlineMs: call.deadline - context.clock.now(), ...id });
  } catch (error) {
    throw explained(reference, node, error);
  }
}

/** @throws Failure `unavailable` */
export function wayTo(context: Context, reference: string, node: string) {
  if (context.bus.connectedNodes().includes(node)) return context.bus.toNode(node);
  const why = context.presence.isLost(node) ? 'is down' : 'is not connected at this moment, try again';
  throw new Failure('unavailable', `container ${reference} cannot be reached: its node ${node} ${why}`);
}

export function explained(reference: string, node: string, error: unknown): Failure {
  const { code, message } = toFailure(error);
  if (code !== 'unavailable' && code !== 'deadline') return toFailure(error);
  const sentence = `container ${reference} cannot be reached on its node ${node}: ${message}`;
  return new Failure(code, sentence, { cause: error });
}
