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

test('what comes alone goes at once; what comes right after it goes together, in order; each topic by itself', async () => {
  const { clock, tell, heard } = scene();
  tell('a', 1);
  tell('b', 2);
  expect(heard()).toEqual(['a 0→1: k1', 'b 0→2: k2']);
  tell('a', 3);
  tell('a', 4);
  tell('a', 6);
  await clock.advance(49);
  expect(heard()).toEqual([]);
  await clock.advance(1);
  expect(heard()).toEqual(['a 1→6: k3,k4,k6']);
  tell('a', 7);
  tell('b', 8);
  expect(heard()).toEqual(['b 2→8: k8']);
  await clock.advance(50);
  expect(heard()).toEqual(['a 6→7: k7']);
  await clock.advance(50);
  tell('a', 9);
  expect(heard()).toEqual(['a 7→9: k9']);
});

test('what is much does not wait, nor anything when it is not to be', async () => {
  const { clock, pace, tell, heard } = scene();
  tell('a', 1);
  tell('a', 2, 'x'.repeat(40_000));
  expect(heard()).toEqual(['a 0→1: k1']);
  tell('a', 3, 'x'.repeat(40_000));
  tell('a', 4);
  expect(heard()).toEqual(['a 1→3: k2,k3']);
  pace.flush();
  expect(heard()).toEqual(['a 3→4: k4']);
  await clock.advance(50);
  expect(heard()).toEqual([]);
});
