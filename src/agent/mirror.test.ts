import { describe, expect, test } from 'vitest';
import type { NodeRecord } from '../domain/domain.ts';
import type { TopicChange, TopicValue } from '../protocol/protocol.ts';
import { TopicMirror } from './mirror.ts';

const node = (name: string): TopicValue => ({
  kind: 'node',
  node: {
    name,
    address: '10.0.0.1',
    interface: 'eth0',
    underlayMtu: 1500,
    key: name,
    routes: [],
    joinedAt: 0,
    drained: false,
  } satisfies NodeRecord,
});

const delta = (previous: number, revision: number, ...changes: TopicChange[]) => ({
  topic: 'cluster',
  previous,
  revision,
  data: JSON.stringify(changes),
});

function mirrorAt(revision: number): TopicMirror {
  const mirror = new TopicMirror('cluster');
  mirror.applySnapshot({ topic: 'cluster', revision, items: [{ key: 'node/a', value: node('a') }] });
  return mirror;
}

describe('a topic mirror', () => {
  test('knows nothing before its first snapshot', () => {
    const mirror = new TopicMirror('cluster');
    expect(mirror.applyDelta(delta(0, 1, { key: 'node/a', value: node('a') })).outcome).toBe('gap');
    expect(mirror.items.size).toBe(0);
  });

  test('applies a delta whose predecessor it has', () => {
    const mirror = mirrorAt(5);
    const { outcome, changes } = mirror.applyDelta(
      delta(3, 7, { key: 'node/b', value: node('b') }, { key: 'node/a', value: null }),
    );
    expect(outcome).toBe('applied');
    expect(changes.map(({ key, value }) => [key, value !== undefined])).toEqual([
      ['node/b', true],
      ['node/a', false],
    ]);
    expect([...mirror.items.keys()]).toEqual(['node/b']);
    expect(mirror.revision).toBe(7);
  });

  test('sees a gap and changes nothing', () => {
    const mirror = mirrorAt(5);
    expect(mirror.applyDelta(delta(6, 7, { key: 'node/a', value: null })).outcome).toBe('gap');
    expect([...mirror.items.keys()]).toEqual(['node/a']);
    expect(mirror.revision).toBe(5);
  });

  test('drops what another replica has told already', () => {
    const mirror = mirrorAt(5);
    expect(mirror.applyDelta(delta(0, 5, { key: 'node/a', value: null })).outcome).toBe('seen');
    expect(mirror.items.has('node/a')).toBe(true);
  });

  test('tells what a new snapshot changes, and nothing for what is equal', () => {
    const mirror = mirrorAt(5);
    const changes = mirror.applySnapshot({
      topic: 'cluster',
      revision: 9,
      items: [
        { key: 'node/a', value: node('a') },
        { key: 'node/c', value: node('c') },
      ],
    });
    expect(changes.map((change) => change.key)).toEqual(['node/c']);
  });

  test('keeps what is missing in a snapshot as long as not all nodes have told what they have', () => {
    const mirror = mirrorAt(5);
    const items = [{ key: 'node/b', value: node('b') }];
    expect(
      mirror.applySnapshot({ topic: 'cluster', revision: 9, items, settled: false }).map(({ key }) => key),
    ).toEqual(['node/b']);
    expect([...mirror.items.keys()].sort()).toEqual(['node/a', 'node/b']);
    mirror.applySnapshot({ topic: 'cluster', revision: 10, items, settled: true });
    expect([...mirror.items.keys()]).toEqual(['node/b']);
  });
});
