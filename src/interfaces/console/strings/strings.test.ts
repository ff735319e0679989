import { describe, expect, test } from 'vitest';
import { glyphsFor } from '../glyphs.ts';
import { cluster, container, keys, network, node, now, Scene } from '../testing/scene.ts';
import { initial } from '../update.ts';
import { type Catalogue, catalogues, chooseLanguage, type StringKey, sayIn, writesUnicode } from './strings.ts';

const { en, es } = catalogues;

test('both catalogues say the same things with the same values, and nothing is empty', () => {
  expect(Object.keys(es).sort()).toEqual(Object.keys(en).sort());
  const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
  for (const key of Object.keys(en) as StringKey[]) {
    expect([key, values(es[key])]).toEqual([key, values(en[key])]);
    expect(es[key].trim(), key).not.toBe('');
  }
});

test('the language is what is asked for, else what the locale says, else English', () => {
  expect(chooseLanguage('es', { LANG: 'en_GB.UTF-8' })).toBe('es');
  expect(chooseLanguage(undefined, { LANG: 'es_ES.UTF-8' })).toBe('es');
  expect(chooseLanguage(undefined, { LANG: 'es_ES.UTF-8', LC_ALL: 'C' })).toBe('en');
  expect(chooseLanguage(undefined, { LANG: 'fr_FR.UTF-8' })).toBe('en');
  expect(chooseLanguage(undefined, {})).toBe('en');
  expect(() => chooseLanguage('fr', {})).toThrow('there are en and es');
});

test('what is beyond ASCII is written only where it can be read', () => {
  expect(writesUnicode({ LANG: 'es_ES.UTF-8' })).toBe(true);
  expect(writesUnicode({ LANG: 'es_ES.UTF-8', LC_ALL: 'C' })).toBe(false);
});

/** Of no language: every letter of the catalogue becomes one of another alphabet. What is still Latin was not in it. */
const foreign = Object.fromEntries(
  Object.entries(en).map(([key, text]) => [
    key,
    text.replace(/\{\w+\}|[A-Za-z]/g, (part) => (part.length > 1 ? part : 'ж')),
  ]),
) as Catalogue;

describe('nothing is said that is not in the catalogue', () => {
  /** Data without a letter: what is left is ours. */
  const bare = (text: string) => text.replace(/[A-Za-z]/g, '7');
  const data = JSON.parse(
    JSON.stringify({
      nodes: cluster.nodes.map((one) => ({ ...one, name: bare(one.name), engine: '7', interface: '7', reason: '7' })),
      networks: cluster.networks.map((one) => ({ ...one, name: bare(one.name), driver: '7', discovery: '7', id: '7' })),
      containers: cluster.containers.map((one) => ({ ...one, name: bare(one.name), node: bare(one.node) })),
    }),
    (key, value) =>
      typeof value === 'string' && ['image', 'message', 'mac', 'gateway', 'network', 'id', 'restart'].includes(key)
        ? bare(value)
        : key === 'labels' || key === 'ports'
          ? {}
          : key === 'containerId'
            ? ''
            : value,
  );
  for (const one of data.containers) one.ports = [];

  const scene = (readOnly = false) => {
    const made = new Scene({ readOnly });
    const settings = { ...made.state.settings, say: sayIn(foreign), glyphs: glyphsFor(true), place: '7', readOnly };
    made.state = initial(settings, { columns: 240, rows: 70 }, now);
    made.happen({ kind: 'data', data: { cluster: '7777', host: '7', complete: true, ...data } });
    return made.happen({ kind: 'link', state: 'up', why: '' });
  };

  /** The program's name, units, and keys that are letters themselves. */
  const ours = (screen: string) =>
    screen
      .replace(/ Trama /, '')
      .replace(/\d[\d.]* (?:[KMGT]i)?B/g, '')
      .replace(/\b\d+[dhms]\b/g, '')
      .replace(/(?<![A-Za-z])[A-Za-z](?![A-Za-z])/g, '');

  const latin = (screen: string) => ours(screen).match(/.{0,20}[A-Za-z].{0,20}/g);

  test.each([
    ['the first screen', ''],
    ['containers', '\x1b:ж\x1b'],
    ['the form of a launch', '1'],
    ['choosing what to destroy', '2'],
    ['the question before it', `2${keys.enter}`],
    ['choosing a node', '4'],
    ['the question before it leaves', `4${keys.enter}`],
    ['the details of a container', `2i`],
    ['the details of a node', '4i'],
    ['help', '?'],
    ['a filter', '/7'],
    ['a palette', ':'],
    ['a log', '2l'],
    ['an empty log’s search', '2l/7'],
    ['problems', 'p'],
    ['stopped', 'a'],
    ['a refusal', '4\x1b[F/77\r\x1b1\r\r\r\r\r\r'],
  ])('%s', (_, typed) => {
    expect(latin(scene().type(typed).screen())).toBeNull();
  });

  test('read-only, disconnected, too small', () => {
    expect(latin(scene(true).type('1').screen())).toBeNull();
    expect(latin(scene().happen({ kind: 'link', state: 'down', why: '' }).screen())).toBeNull();
    expect(latin(scene().happen({ kind: 'resize', columns: 40, rows: 5 }).screen())).toBeNull();
  });

  test('every state of nodes and containers', () => {
    for (const status of ['pending', 'pulling', 'creating', 'running', 'exited', 'failed', 'removing', 'unknown']) {
      const made = scene().type('a');
      made.happen({ kind: 'data', data: { containers: [container('7', '7', { status, image: '7', networks: [] })] } });
      expect(latin(made.screen()), status).toBeNull();
    }
    for (const status of ['ready', 'suspect', 'down', 'evicted', 'draining', 'unknown'] as const) {
      const made = scene().happen({
        kind: 'data',
        data: { nodes: [node('7', { status, engine: '7' })], networks: [network('7', { driver: '7' as never })] },
      });
      expect(latin(made.screen()), status).toBeNull();
    }
  });
});
