import { expect, test } from 'vitest';
import { pullProgress } from './pull-progress.ts';

test('layers add up to a sentence, at most twice a second and never the same twice', () => {
  let now = 0;
  const say = pullProgress('busybox:1', () => now);
  const at = (time: number, status: string, id?: string, current?: number, total?: number) => {
    now = time;
    return say({
      status,
      ...(id === undefined ? {} : { id }),
      ...(current === undefined || total === undefined ? {} : { progressDetail: { current, total } }),
    });
  };
  expect(at(0, 'Pulling from library/busybox', '1')).toBeUndefined();
  expect(at(1, 'Already exists', 'a')).toBe('pulling busybox:1: 1 of 1 layers, 0.0 of 0.0 MB');
  expect(at(2, 'Pulling fs layer', 'b')).toBeUndefined();
  expect(at(500, 'Downloading', 'b', 1_500_000, 3_000_000)).toBeUndefined();
  expect(at(501, 'Downloading', 'b', 2_000_000, 3_000_000)).toBe('pulling busybox:1: 1 of 2 layers, 2.0 of 3.0 MB');
  expect(at(1100, 'Waiting', 'b')).toBeUndefined();
  expect(at(1101, 'Download complete', 'b')).toBe('pulling busybox:1: 1 of 2 layers, 3.0 of 3.0 MB');
  expect(at(2000, 'Extracting', 'b', 1, 3_000_000)).toBeUndefined();
  expect(at(2001, 'Pull complete', 'b')).toBe('pulling busybox:1: 2 of 2 layers, 3.0 of 3.0 MB');
  expect(at(3000, 'Digest: sha256:0')).toBeUndefined();
});
