/** What can be done with networks. */
import type { NetworkView } from '../../../protocol/views.ts';
import type { State, Step } from '../state.ts';
import type { Binding } from './binding.ts';
import { networkForm } from './forms.ts';
import { changing, only, refused, withOverlay } from './go.ts';

function askToRemove(state: State, { name }: NetworkView): Step {
  return only(
    withOverlay(state, {
      kind: 'question',
      text: state.settings.say('ask.remove-network', { name }),
      ...{ typed: '', others: [], force: false },
      effect: () => ({
        ...{ kind: 'change', method: 'network.remove', params: { name } },
        done: { key: 'done.remove-network', values: { name } },
      }),
    }),
  );
}

/** The segment that is offered comes a moment later. */
export const createNetwork = (state: State): Step =>
  changing(state, () => only(withOverlay(state, networkForm(false, '')), { kind: 'offer' }));

/** @param chosen the network that one is on */
export function networkBindings(chosen: (state: State) => NetworkView | undefined): Binding[] {
  return [
    { keys: ['n'], does: 'do.create-network', bar: true, changes: true, act: createNetwork },
    {
      ...{ keys: ['d', 'delete'], does: 'do.remove-network', bar: true, changes: true },
      act: (state) =>
        changing(state, () => {
          const network = chosen(state);
          return network === undefined ? refused(state, 'failed.nothing') : askToRemove(state, network);
        }),
    },
  ];
}
