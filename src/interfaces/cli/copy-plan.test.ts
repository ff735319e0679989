import { describe, expect, test } from 'vitest';
import { parseSide, planPacking, planUnpacking } from './copy-plan.ts';

describe('a side', () => {
  test.each([
    ['web:/etc', { at: 'container', name: 'web', path: '/etc' }],
    ['h2/web:etc/x', { at: 'container', name: 'h2/web', path: '/etc/x' }],
    ['web:/a:b', { at: 'container', name: 'web', path: '/a:b' }],
    ['./web:x', { at: 'here', path: './web:x' }],
    ['/tmp/a:b', { at: 'here', path: '/tmp/a:b' }],
    ['dir', { at: 'here', path: 'dir' }],
    ['-', { at: 'stream' }],
  ])('%s', (text, side) => expect(parseSide(text)).toEqual(side));

  test.each(['', 'web:', '-x:/etc', 'a b:/etc'])('%j is none', (text) => expect(() => parseSide(text)).toThrow());
});

const file = (path: string) => ({ path, kind: 'file' as const });
const directory = (path: string) => ({ path, kind: 'directory' as const });

describe('to here', () => {
  test('a file goes into a directory that is there, or gets the name that is given', () => {
    expect(planUnpacking(file('/etc/x'), '/d', 'directory')).toEqual({ how: 'into', directory: '/d' });
    expect(planUnpacking(file('/etc/x'), '/d/y', undefined)).toEqual({ how: 'as', directory: '/d', name: 'y' });
    expect(planUnpacking(file('/etc/x'), '/d/y', 'file')).toEqual({ how: 'as', directory: '/d', name: 'y' });
    expect(() => planUnpacking(file('/etc/x'), '/d/y/', undefined)).toThrow('there is no directory /d/y/');
  });

  test('a directory goes into one that is there, becomes one that is not, and its contents go where they are sent', () => {
    expect(planUnpacking(directory('/srv'), '/d', 'directory')).toEqual({ how: 'into', directory: '/d' });
    expect(planUnpacking(directory('/srv'), '/d/new', undefined)).toEqual({ how: 'contents', directory: '/d/new' });
    expect(planUnpacking(directory('/srv/.'), '/d', 'directory')).toEqual({ how: 'contents', directory: '/d' });
    expect(planUnpacking(directory('/'), '/d/new', undefined)).toEqual({
      how: 'into',
      directory: '/d/new',
      make: true,
    });
    expect(() => planUnpacking(directory('/srv'), '/d/file', 'file')).toThrow('is no directory');
  });
});

describe('to a container', () => {
  test('a file', () => {
    expect(planPacking(file('/h/x'), '/srv', 'directory')).toMatchObject({ as: 'x', into: '/srv' });
    expect(planPacking(file('/h/x'), '/srv/y', undefined)).toMatchObject({ as: 'y', into: '/srv' });
    expect(planPacking(file('/h/x'), '/srv/y', 'file')).toMatchObject({ as: 'y', into: '/srv' });
    expect(() => planPacking(file('/h/x'), '/srv/y/', undefined)).toThrow('there is no directory /srv/y/');
    expect(() => planPacking(file('/h/x'), '/srv/y/', 'file')).toThrow('is no directory');
  });

  test('a directory', () => {
    expect(planPacking(directory('/h/d'), '/srv', 'directory')).toEqual({
      ...{ path: '/h/d', directory: true, as: 'd', into: '/srv' },
    });
    expect(planPacking(directory('/h/d/.'), '/srv', 'directory')).toEqual({
      path: '/h/d',
      directory: true,
      into: '/srv',
    });
    expect(planPacking(directory('/h/d'), '/srv/new', undefined)).toMatchObject({ as: 'new', into: '/srv' });
    expect(planPacking(directory('/h/d/.'), '/srv/new/', undefined)).toMatchObject({ as: 'new', into: '/srv' });
    expect(() => planPacking(directory('/h/d'), '/srv/file', 'file')).toThrow('is no directory');
  });
});
