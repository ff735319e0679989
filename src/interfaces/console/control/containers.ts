/** What can be done with a container. */
import type { ContainerView } from '../../../protocol/views.ts';
import { referenceOf } from '../lists/containers.ts';
import type { LogRange, LogsView, State, Step } from '../state.ts';
import type { Binding } from './binding.ts';
import { changing, only, pushed, refused, withOverlay } from './go.ts';

/** A node that answers removes within this, unless its engine is stuck. Milliseconds. */
const slowMs = 60_000;

const wholeLog: LogRange = { text: '' };

function openLogs(state: State, { name, node, ...rest }: ContainerView): Step {
  const reference = referenceOf({ name, node, ...rest });
  const stream = state.streams + 1;
  const view: LogsView = {
    ...{ kind: 'logs', stream, reference, name, node, lines: [], dropped: false },
    ...{ follow: true, wrap: false, timestamps: false, range: wholeLog, search: '', top: 0 },
  };
  return only(pushed({ ...state, streams: stream }, view), { kind: 'open-logs', stream, reference, range: wholeLog });
}

function shell(state: State, container: ContainerView): Step {
  const { name, node, status } = container;
  if (status !== 'running') return refused(state, 'failed.not-running', { name });
  return only(state, { kind: 'shell', reference: referenceOf(container), name, node });
}

function start(state: State, container: ContainerView): Step {
  const { name } = container;
  const params = { name: referenceOf(container) };
  return only(state, {
    ...{ kind: 'change', method: 'workload.start', params, deadlineMs: slowMs },
    done: { key: 'done.start', values: { name } },
  });
}

function stop(state: State, container: ContainerView): Step {
  const { name } = container;
  const params = { name: referenceOf(container) };
  return only(state, {
    ...{ kind: 'change', method: 'workload.stop', params, deadlineMs: slowMs },
    done: { key: 'done.stop', values: { name } },
  });
}

export function askToDestroy(state: State, container: ContainerView): Step {
  const { name, node } = container;
  const params = { name: referenceOf(container), force: true };
  return only(
    withOverlay(state, {
      kind: 'question',
      text: state.settings.say('ask.destroy', { name, node }),
      ...{ typed: '', others: [], force: false },
      effect: () => ({
        ...{ kind: 'change', method: 'workload.remove', params, deadlineMs: slowMs },
        done: { key: 'done.destroy', values: { name } },
      }),
    }),
  );
}

/** @param chosen the container that one is on */
export function containerBindings(chosen: (state: State) => ContainerView | undefined): Binding[] {
  const on = (act: (state: State, container: ContainerView) => Step) => (state: State) => {
    const container = chosen(state);
    return container === undefined ? refused(state, 'failed.nothing') : act(state, container);
  };
  const change = (act: (state: State, container: ContainerView) => Step) => (state: State) =>
    changing(state, () => on(act)(state));
  return [
    { keys: ['l'], does: 'do.logs', bar: true, act: on(openLogs) },
    { keys: ['s'], does: 'do.shell', bar: true, changes: true, act: change(shell) },
    { keys: ['d', 'delete'], does: 'do.destroy', bar: true, changes: true, act: change(askToDestroy) },
    { keys: ['x'], does: 'do.stop', bar: true, changes: true, act: change(stop) },
    { keys: ['u'], does: 'do.start', changes: true, act: change(start) },
  ];
}
