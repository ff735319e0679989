/**
 * What containers use, and what is in them. Use is asked of all nodes at once: a node that
 * does not answer is said so, and holds up none of the others.
 */
import { isFailure, toFailure } from '../domain/domain.ts';
import { ask, type ContainerStats, type ContainerView, type StatsView } from '../protocol/protocol.ts';
import type { Call, Context, Methods } from './context.ts';
import { askItsNode, findContainer, wayTo } from './find-container.ts';
import { workloadViewMethods } from './workload-view.ts';

/** A node that is slow is not waited for until the caller gives up. Milliseconds. */
const answerMs = 500;
const nodeMs = 5000;

interface Asked extends Pick<StatsView, 'name' | 'node' | 'containerId'> {
  readonly missing?: string;
}

export const lookMethods: Methods<'workload.stats' | 'workload.path'> = {
  'workload.path': async (context, { name, path }, call) => {
    const found = await findContainer(context, name);
    return askItsNode(context, name, found.node, 'container.path', { container: found.name, path }, call);
  },

  'workload.stats': async (context, { names }, call) => {
    const asked = await askedFor(context, names, call);
    const byNode = Map.groupBy(asked, ({ node }) => node);
    const answers = await Promise.all([...byNode].map(([node, those]) => ofNode(context, node, those, call)));
    const found = new Map(answers.flat().map((view) => [`${view.node}/${view.name}`, view]));
    return asked.flatMap(({ node, name }) => found.get(`${node}/${name}`) ?? []);
  },
};

/** @throws Failure `not-found` for a name that is nobody's */
async function askedFor(context: Context, names: readonly string[] | undefined, call: Call): Promise<Asked[]> {
  const all = await workloadViewMethods['workload.list'](context, {}, call);
  if (names === undefined) return all.filter(({ status }) => status === 'running').map((view) => askedOf(view));
  return Promise.all(
    names.map(async (reference) => {
      const found = await findContainer(context, reference);
      const view = all.find(
        ({ node, name, containerId }) => node === found.node && (name === found.name || containerId === found.name),
      );
      if (view === undefined) return { name: found.name, node: found.node, containerId: found.name };
      return askedOf(view, view.status === 'running' ? undefined : `it does not run: ${view.status}`);
    }),
  );
}

const askedOf = ({ name, node, containerId }: ContainerView, missing?: string): Asked => ({
  ...{ name, node, containerId: containerId || name },
  ...(missing === undefined ? {} : { missing }),
});

async function ofNode(context: Context, node: string, all: readonly Asked[], { deadline }: Call): Promise<StatsView[]> {
  const asked = all.filter(({ missing }) => missing === undefined);
  const silent = all.filter(({ missing }) => missing !== undefined);
  const containers = asked.map(({ containerId }) => containerId);
  const deadlineMs = Math.min(nodeMs, deadline - context.clock.now() - answerMs);
  try {
    const way = wayTo(context, asked[0]?.name ?? '', node);
    const stats = asked.length === 0 ? [] : await ask(way, 'container.stats', { containers }, { deadlineMs });
    const byContainer = new Map(stats.map((each) => [each.container, each]));
    return [...silent, ...asked.map((each) => viewOf(each, byContainer.get(each.containerId)))];
  } catch (error) {
    const missing = isFailure(error, 'deadline') ? `node ${node} does not answer in time` : toFailure(error).message;
    return [...silent, ...asked.map((each) => ({ ...each, missing }))];
  }
}

function viewOf(asked: Asked, stats: ContainerStats | undefined): StatsView {
  if (stats === undefined) return { ...asked, missing: 'it does not run any more' };
  const { container: _, ...rest } = stats;
  return { ...asked, ...rest };
}
