/** What can be done with a node. */
import type { NodeView } from '../../../protocol/views.ts';
import { isLost } from '../lists/nodes.ts';
import type { Effect, State, Step } from '../state.ts';
import type { Binding } from './binding.ts';
import { changing, only, refused, withOverlay } from './go.ts';

/** Leaving takes containers and networks down first. Milliseconds. */
const leaveMs = 120_000;

function drain(state: State, { name, status }: NodeView): Step {
  const drained = status !== 'draining';
  return only(state, {
    ...{ kind: 'change', method: 'node.drain', params: { name, drained } },
    done: { key: drained ? 'done.drain' : 'done.undrain', values: { name } },
  });
}

export function askToLeave(state: State, node: NodeView): Step {
  const { name } = node;
  const { say } = state.settings;
  const here = state.data.containers.filter((one) => one.node === name);
  const others = here.filter(({ managed }) => !managed).map((one) => one.name);
  const question = isLost(node) ? 'ask.forget' : 'ask.leave';
  return only(
    withOverlay(state, {
      kind: 'question',
      text: say(question, { name, count: here.length - (isLost(node) ? 0 : others.length) }),
      ...{ word: name, typed: '', force: false, others: isLost(node) ? [] : others },
      effect: (force) => departure(state, node, force),
    }),
  );
}

/** A lost node can only be forgotten; this host's own agent is asked itself, which answers before it ends. */
function departure({ data }: State, node: NodeView, force: boolean): Effect {
  const { name } = node;
  const values = { name };
  if (isLost(node)) {
    const params = { name, force: true };
    return { kind: 'change', method: 'node.remove', params, done: { key: 'done.forget', values } };
  }
  const done = { key: 'done.leave', values } as const;
  if (data.host === name) {
    const params = { force, dryRun: false };
    return { kind: 'change', method: 'agent.leave', params, deadlineMs: leaveMs, done };
  }
  return { kind: 'change', method: 'node.leave', params: { name, force }, deadlineMs: leaveMs, done };
}

/** @param chosen the node that one is on */
export function nodeBindings(chosen: (state: State) => NodeView | undefined): Binding[] {
  const change = (act: (state: State, node: NodeView) => Step) => (state: State) =>
    changing(state, () => {
      const node = chosen(state);
      return node === undefined ? refused(state, 'failed.nothing') : act(state, node);
    });
  return [
    { keys: ['t', 'delete'], does: 'do.leave', bar: true, changes: true, act: change(askToLeave) },
    { keys: ['r'], does: 'do.drain', bar: true, changes: true, act: change(drain) },
  ];
}
