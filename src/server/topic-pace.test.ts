import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { FeedMessage } from '../bus/bus.ts';
import { TopicPace } from './topic-pace.ts';

function scene() {
  const clock = heldClock();
  const sent: FeedMessage[] = [];
  const pace = new TopicPace({ clock, send: (message) => sent.push(message) });
  const last = new Map<string, number>();
  /** The next delta of a topic, with one change. */
  const tell = (topic: string, revision: number, value: unknown = revision) => {
    const previous = last.get(topic) ?? 0;
    last.set(topic, revision);
    pace.add({ topic, previous, revision, data: JSON.stringify([{ key: `k${revision}`, value }]) });
  };
  const heard = () =>
    sent.splice(0).map(({ topic, previous, revision, data }) => {
      const keys = (JSON.parse(data) as { key: string }[]).map(({ key }) => key);
      return `${topic} ${previous}→${revision}: ${keys.join()}`;
    });
  return { clock, pace, tell, heard };
}

/** So many go at once. */
const burst = 10;

test('a few go at once; of what goes on, each waits for those after it and they go together, in order; each topic by itself', async () => {
  const { clock, tell, heard } = scene();
  const told = Array.from({ length: burst }, (_, i) => i + 1);
  for (const revision of told) tell('a', revision);
  expect(heard()).toEqual(told.map((revision) => `a ${revision - 1}→${revision}: k${revision}`));
  for (const revision of [11, 12, 14]) tell('a', revision);
  tell('b', 13);
  expect(heard()).toEqual(['b 0→13: k13']);
  await clock.advance(49);
  expect(heard()).toEqual([]);
  await clock.advance(1);
  expect(heard()).toEqual(['a 10→14: k11,k12,k14']);
  // Nothing went for as long as two would have waited: two may go.
  for (let turn = 0; turn < 2; turn += 1) await clock.advance(50);
  for (const revision of [15, 16, 17]) tell('a', revision);
  expect(heard()).toEqual(['a 14→15: k15', 'a 15→16: k16']);
  await clock.advance(50);
  expect(heard()).toEqual(['a 16→17: k17']);
  for (let turn = 0; turn < 20; turn += 1) await clock.advance(50);
  for (let revision = 18; revision < 18 + burst + 1; revision += 1) tell('a', revision);
  expect(heard()).toHaveLength(burst);
});

test('what is much does not wait, nor anything when it is not to be', async () => {
  const { clock, pace, tell, heard } = scene();
  for (let revision = 1; revision <= burst; revision += 1) tell('a', revision);
  expect(heard()).toHaveLength(burst);
  tell('a', 11, 'x'.repeat(40_000));
  expect(heard()).toEqual([]);
  tell('a', 12, 'x'.repeat(40_000));
  tell('a', 13);
  expect(heard()).toEqual(['a 10→12: k11,k12']);
  pace.flush();
  expect(heard()).toEqual(['a 12→13: k13']);
  await clock.advance(50);
  expect(heard()).toEqual([]);
});
