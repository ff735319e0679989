/** What a container uses, as it was and as it is. Pure. */
import type { ContainerView } from '../../../protocol/views.ts';
import { percent, size } from '../../cli/text.ts';
import { sparkline } from '../glyphs.ts';
import { containerId } from '../lists/containers.ts';
import type { State, Use } from '../state.ts';
import type { StringKey } from '../strings/strings.ts';

/** Cells of a chart: what stands beside it takes some fifty. */
export const chartWidth = ({ columns }: Pick<State, 'columns'>): number => Math.max(8, Math.min(60, columns - 50));

export type UseEntry = readonly [title: StringKey, values: readonly string[]];

/** None of a container that does not run. A full bar is a core, the memory it may have, the busiest moment. */
export function entriesOfUse(state: State, one: ContainerView): UseEntry[] {
  if (one.status !== 'running') return [];
  const { say, glyphs } = state.settings;
  const used = state.used?.id === containerId(one) ? state.used : undefined;
  const samples = used?.samples ?? [];
  const now = samples.at(-1);
  const all = (values: readonly string[]): UseEntry[] => [
    ['column.cpu', values],
    ['column.memory', values],
    ['column.traffic', values],
  ];
  if (used !== undefined && used.missing !== '') return all([state.settings.tell(used.missing)]);
  if (now === undefined) return all([say('use.waiting')]);
  const course = (of: (use: Use) => number, most: number, text: string) =>
    `${sparkline(samples.map(of), most, chartWidth(state), glyphs)}  ${text}`;
  const cores = Math.max(1, ...samples.map(({ cpu }) => cpu));
  const busiest = Math.max(1, ...samples.flatMap(({ received, sent }) => [received, sent]));
  const rate = (bytes: number) => say('per-second', { size: size(bytes) });
  return [
    ['column.cpu', [course(({ cpu }) => cpu, cores, `${(100 * now.cpu).toFixed(1)}%`)]],
    ['column.memory', [course(({ memory }) => memory, now.limit, memoryText(now))]],
    [
      'column.traffic',
      [
        course(({ received }) => received, busiest, `${glyphs.received} ${rate(now.received)}`),
        course(({ sent }) => sent, busiest, `${glyphs.sent} ${rate(now.sent)}`),
      ],
    ],
  ];
}

const memoryText = ({ memory, limit }: Use): string =>
  limit <= 0 ? size(memory) : `${percent(memory / limit)}  ${size(memory)} / ${size(limit)}`;
