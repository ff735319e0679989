/** On which node a container is: one of the cluster's workloads, or one that somebody started there with docker. */
import { Failure, quoted, type WorkloadRecord } from '../domain/domain.ts';
import type { Context } from './context.ts';
import { workloadKey } from './keys.ts';
import { findNode } from './nodes.ts';
import { read } from './records.ts';
import { named } from './sentences.ts';

/**
 * @param asked where people say that it is
 * @throws Failure `not-found`, `invalid` when it is elsewhere, `conflict` when several are called so
 */
async function nodeOf(context: Context, container: string, asked?: string): Promise<string> {
  if (asked !== undefined) await findNode(context, asked);
  const workload = await read<WorkloadRecord>(context.store, workloadKey(container));
  if (workload) return sameNode(container, workload.value.node, asked);
  // On none of its networks the cluster does not know of it: there people have to say where it is.
  if (asked !== undefined) return asked;
  const nodes = new Set(context.containers.called(container).map(({ node }) => node));
  const [node, ...others] = nodes;
  if (node === undefined) {
    const what = `there is no container ${quoted(container)} that the cluster knows`;
    throw new Failure(
      'not-found',
      `${what}: \`trama ps\` shows those there are; of others say where it is with --node`,
    );
  }
  if (others.length === 0) return node;
  const where = `containers on the nodes ${named([...nodes])} are called ${quoted(container)}`;
  throw new Failure('conflict', `${where}: say which is meant with --node`);
}

/** The node of all that are joined; undefined when none is. @throws Failure, as `nodeOf`, and `invalid` when they are apart */
export async function nodeJoined(
  context: Context,
  containers: readonly string[],
  asked?: string,
): Promise<string | undefined> {
  let node = asked;
  for (const container of containers) node = await nodeOf(context, container, node);
  return containers.length === 0 ? undefined : node;
}

function sameNode(container: string, node: string, asked: string | undefined): string {
  if (asked === undefined || asked === node) return node;
  throw new Failure(
    'invalid',
    `container ${container} is on node ${node}, and who joins it is there too, not on node ${asked}`,
  );
}
