import { expect, test } from 'vitest';
import { Scene } from './testing/scene.ts';

/** Of the containers that run or should. */
const left = (filter: string, language: 'en' | 'es' = 'en') =>
  new Scene({ language, rows: 40 }).type(`:containers\r/${filter}\r`).names();

test('a text is in some cell, whatever its case; `!` turns it round', () => {
  expect(left('POSTGRES')).toEqual(['db']);
  expect(left('!nginx')).toEqual(['db']);
  expect(left('nginx !h2')).toEqual(['bad', 'mine', 'web']);
});

test('in one column, by its id or as its head says', () => {
  expect(left('node:h2')).toEqual(['api', 'db']);
  expect(left('!node:h2')).toEqual(['bad', 'mine', 'web']);
  expect(left('nodo:h2', 'es')).toEqual(['api', 'db']);
  expect(left('nginx:1.27 8080:80')).toEqual(['web']);
});

test('by label, with its value or any', () => {
  expect(left('-l tier=web')).toEqual(['web']);
  expect(left('-l tier')).toEqual(['api', 'db', 'web']);
  expect(left('!-l tier')).toEqual(['bad', 'mine']);
  expect(left('-l')).toHaveLength(5);
});

test('what is half typed leaves everything', () => {
  expect(left('!')).toHaveLength(5);
  expect(left('  ')).toHaveLength(5);
});
