import { describe, expect, test } from 'vitest';
import { Failure, isFailure } from '../domain/domain.ts';
import { GroupCommit } from './group-commit.ts';

/** A medium that holds a list, and can fail at a commit; what was done is undone then. */
function listMedium() {
  const list: string[] = [];
  const medium = {
    list,
    commits: [] as number[],
    failing: (_: readonly string[]): boolean => false,
    atomically(work: () => void): void {
      const before = list.length;
      try {
        work();
        if (medium.failing(list.slice(before))) throw new Failure('exhausted', 'The disk is full.');
      } catch (error) {
        list.length = before;
        throw error;
      }
    },
  };
  const commits = new GroupCommit(medium.atomically, (members) => medium.commits.push(members));
  const add = (name: string) => commits.submit(() => () => list.push(name));
  return { medium, commits, add };
}

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: unknown) => (isFailure(error) ? error.code : String(error)),
  );

describe('group commit', () => {
  test('what is submitted together is committed together, in order', async () => {
    const { medium, add } = listMedium();
    await Promise.all(['a', 'b', 'c'].map(add));
    expect(medium.list).toEqual(['a', 'b', 'c']);
    expect(medium.commits).toEqual([3]);
  });

  test('nothing settles before the commit, and `after` comes before anybody hears', async () => {
    const { medium, commits } = listMedium();
    const log: string[] = [];
    const one = commits.submit(
      () => () => {
        log.push('write');
        return 1;
      },
      (value) => log.push(`after ${value} with ${medium.list.length}`),
    );
    const settled = one.then((value) => log.push(`settled ${value}`));
    await Promise.resolve();
    expect(log).toEqual([]);
    await settled;
    expect(log).toEqual(['write', 'after 1 with 0', 'settled 1']);
  });

  test('a member that refuses leaves its siblings alone', async () => {
    const { medium, commits, add } = listMedium();
    const refused = commits.submit(() => {
      throw new Failure('not-found', 'The lease x is not there.');
    });
    const results = await Promise.all([add('a'), refused, add('b')].map(outcome));
    expect(results).toEqual(['done', 'not-found', 'done']);
    expect(medium.list).toEqual(['a', 'b']);
    expect(medium.commits).toEqual([3]);
  });

  test('a member that the medium cannot take fails alone, and nothing of it is left', async () => {
    const { medium, add } = listMedium();
    medium.failing = (added) => added.includes('too big');
    const results = await Promise.all(['a', 'too big', 'b'].map((name) => outcome(add(name))));
    expect(results).toEqual(['done', 'exhausted', 'done']);
    expect(medium.list).toEqual(['a', 'b']);
  });

  test('a medium that fails altogether fails each, and works again afterwards', async () => {
    const { medium, add } = listMedium();
    medium.failing = () => true;
    expect(await Promise.all(['a', 'b'].map((name) => outcome(add(name))))).toEqual(['exhausted', 'exhausted']);
    medium.failing = () => false;
    expect(await outcome(add('c'))).toBe('done');
    expect(medium.list).toEqual(['c']);
  });

  test('beyond 10,000 waiting it says that it is overloaded; those that wait are done', async () => {
    const { medium, add } = listMedium();
    const results = await Promise.all(Array.from({ length: 10_001 }, (_, index) => outcome(add(String(index)))));
    expect(results.filter((result) => result === 'done')).toHaveLength(10_000);
    expect(results.at(-1)).toBe('overloaded');
    expect(medium.list).toHaveLength(10_000);
    expect(medium.commits.length).toBeLessThan(30);
  });

  test('flush commits what waits at once', async () => {
    const { medium, commits, add } = listMedium();
    const waiting = add('a');
    commits.flush();
    expect(medium.list).toEqual(['a']);
    await waiting;
  });
});
