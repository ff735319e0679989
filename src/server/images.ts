/** Which images there are to run: those of nodes' engines, and what registries have, as a node sees them. */
import { checkRegistry, checkRepository, Failure, isFailure, toFailure } from '../domain/domain.ts';
import { ask, type ImagesOfNode, type MethodName, type Params, type Result } from '../protocol/protocol.ts';
import type { Call, Context, Methods } from './context.ts';
import { findNode } from './nodes.ts';
import { place } from './placement.ts';

/** A node that is slow is not waited for until the caller gives up, who may be in a hurry. Milliseconds, and a share. */
const answerMs = 500;
const answerShare = 0.25;
const imagesMs = 5000;

export const imageMethods: Methods<'image.list' | 'registry.list'> = {
  'image.list': async (context, { node }, call) => {
    if (node !== undefined) {
      await findNode(context, node);
      return [{ node, images: await askNode(context, node, 'agent.images', {}, call) }];
    }
    const nodes = [...context.bus.connectedNodes()].sort();
    return Promise.all(nodes.map((each) => imagesOf(context, each, call)));
  },

  'registry.list': async (context, { node, registry, repository, registryAuth }, call) => {
    const asked = {
      registry: checkRegistry(registry),
      ...(repository === undefined ? {} : { repository: checkRepository(repository) }),
      ...(registryAuth === undefined ? {} : { registryAuth }),
    };
    if (node !== undefined) await findNode(context, node);
    const from = node ?? (await place(context));
    return { ...(await askNode(context, from, 'agent.registry', asked, call)), node: from };
  },
};

async function imagesOf(context: Context, node: string, { deadline, ...call }: Call): Promise<ImagesOfNode> {
  try {
    const soon = Math.min(deadline, context.clock.now() + imagesMs);
    return { node, images: await askNode(context, node, 'agent.images', {}, { ...call, deadline: soon }) };
  } catch (error) {
    return { node, images: [], missing: toFailure(error).message };
  }
}

/** @throws Failure of the node; `unavailable` and `deadline` that name it */
async function askNode<M extends Extract<MethodName, 'agent.images' | 'agent.registry'>>(
  { bus, clock }: Context,
  node: string,
  method: M,
  params: Params<M>,
  { deadline }: Call,
): Promise<Result<M>> {
  if (!bus.connectedNodes().includes(node))
    throw new Failure('unavailable', `node ${node} is not connected at this moment: try again, or ask another`);
  const left = Math.max(1, deadline - clock.now());
  const deadlineMs = left - Math.min(answerMs, left * answerShare);
  try {
    return await ask(bus.toNode(node), method, params, { deadlineMs });
  } catch (error) {
    const { code, message } = toFailure(error);
    if (isFailure(error, 'deadline')) throw new Failure(code, `node ${node} does not answer in time`, { cause: error });
    throw new Failure(code, `node ${node}: ${message}`, { cause: error });
  }
}
