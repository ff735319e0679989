import { expect, test } from 'vitest';
import { app, local, record, scene } from './testing/names-scene.ts';

test('what is on a silent node: nothing, neither its containers nor itself, until it is heard again', () => {
  const { names, remote, find, reverse, fence } = scene();
  names.local(undefined, local(record('e1', app, '10.42.0.10', 'web')));
  const there = record('e2', app, '10.42.1.10', 'api');
  remote(there);
  expect([find('api'), find('h2')]).toEqual([['10.42.1.10'], ['192.0.2.2']]);
  fence('h2', true, [there]);
  expect([find('api'), find('h2')]).toEqual([undefined, undefined]);
  expect(reverse('10.42.1.10')).toEqual([]);
  // What is told of it meanwhile does not bring it back.
  remote(record('e3', app, '10.42.1.11', 'late'));
  expect(find('late')).toBeUndefined();
  fence('h2', false, [there, record('e3', app, '10.42.1.11', 'late')]);
  expect([find('api'), find('late')]).toEqual([['10.42.1.10'], ['10.42.1.11']]);
  expect(find('web')).toEqual(['10.42.0.10']);
});
