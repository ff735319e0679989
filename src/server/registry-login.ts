/**
 * What a registry is to be shown for a container's image goes to its node by word of mouth: it is in no record, since
 * records are on the disks of servers and nodes. A node that restarts before it has pulled has forgotten it.
 */
import { Failure, toFailure } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';
import type { Context } from './context.ts';

/** @throws Failure `unavailable`, naming the node */
export async function login({ bus }: Context, node: string, workload: string, registryAuth: string): Promise<void> {
  try {
    await ask(bus.toNode(node), 'image.login', { workload, registryAuth });
  } catch (error) {
    const { code, message } = toFailure(error);
    throw new Failure(code, `the registry's login cannot be given to node ${node}: ${message}`, { cause: error });
  }
}
