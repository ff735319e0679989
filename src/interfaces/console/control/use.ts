/** What the container that one looks at uses. Pure. */
import type { StatsView } from '../../../protocol/views.ts';
import { containerId, referenceOf } from '../lists/containers.ts';
import type { State, Use, Used } from '../state.ts';
import { shownContainer } from './detail.ts';

/** Looks that are kept. */
const kept = 60;

export interface LookedAt {
  /** Row id. */
  readonly id: string;
  /** As the cluster finds it. */
  readonly reference: string;
}

/** Whose use is on the screen, and so asked for; undefined: nobody's. */
export function lookedAt(state: State): LookedAt | undefined {
  // What is typed in the last line hides nothing.
  if (state.overlay !== undefined && state.overlay.kind !== 'prompt') return undefined;
  const container = shownContainer(state);
  if (container === undefined || container.status !== 'running') return undefined;
  return { id: containerId(container), reference: referenceOf(container) };
}

/** An answer has come. Another container's looks are forgotten with the first of this one. */
export function looked(state: State, id: string, stats: StatsView): State {
  const before: Used = state.used?.id === id ? state.used : { id, samples: [], missing: '' };
  const { cpu, memory, network, time, missing } = stats;
  if (missing !== undefined || cpu === undefined || memory === undefined || network === undefined || time === undefined)
    return { ...state, used: { ...before, missing: missing ?? '' } };
  const now = { time, received: network.received, sent: network.sent };
  // A node that is asked again too soon tells the same.
  if (before.last?.time === time) return state;
  const sample: Use = { cpu, memory: memory.used, limit: memory.limit, ...ratesOf(before.last, now) };
  return { ...state, used: { id, samples: [...before.samples, sample].slice(-kept), last: now, missing: '' } };
}

type Counters = NonNullable<Used['last']>;

/** Bytes a second. Started anew, it counts from nothing. */
function ratesOf(before: Counters | undefined, now: Counters): Pick<Use, 'received' | 'sent'> {
  if (before === undefined || before.received > now.received || before.sent > now.sent || before.time > now.time)
    return { received: 0, sent: 0 };
  const seconds = (now.time - before.time) / 1000;
  return { received: (now.received - before.received) / seconds, sent: (now.sent - before.sent) / seconds };
}
