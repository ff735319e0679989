import { expect, test } from 'vitest';
import type { KnownRegistry } from '../state.ts';
import { keys, Scene } from '../testing/scene.ts';

const { enter, down, up, backspace } = keys;
const host = '10.0.0.9:5000';
const local = [
  { name: 'nginx:1.27', nodes: ['h1', 'h2'] },
  { name: 'postgres:17', nodes: ['h2'] },
];

/** In the field for the image of a launch. */
const field = (language: 'en' | 'es' = 'en') =>
  new Scene({ language }).type(`1${enter}`).happen({ kind: 'images', images: local });

const imageOf = (scene: Scene) =>
  scene.state.overlay?.kind === 'form' ? scene.state.overlay.fields.find(({ id }) => id === 'image')?.value : undefined;

const answered = (scene: Scene, known: KnownRegistry) =>
  scene.happen({ kind: 'registry', registry: host, node: '', known });

const known = (...names: string[]): KnownRegistry => ({
  state: 'known',
  names: names.map((name) => `${host}/${name}`),
  why: '',
});

test('what nodes have is offered, with the nodes; arrows go there, Enter takes one and goes on', () => {
  const scene = field();
  expect(scene.screen()).toMatch(/nginx:1\.27 {2}h1 h2\n +postgres:17 {2}h2/);
  scene.type('post');
  expect(scene.screen()).not.toContain('nginx:1.27  h1');
  scene.type(down + enter);
  expect(imageOf(scene)).toBe('postgres:17');
  expect(scene.screen()).toMatch(/▸ Network/);
});

test('what is typed counts as long as nothing else is chosen; at both ends arrows leave the field', () => {
  const scene = field().type(`my/own:1${enter}`);
  expect(imageOf(scene)).toBe('my/own:1');
  expect(
    field()
      .type(down + down + up + up)
      .screen(),
  ).toMatch(/▸ Image/);
  expect(field().type(up).screen()).toMatch(/▸ Node/);
  expect(
    field()
      .type(down + down + down)
      .screen(),
  ).toMatch(/▸ Network/);
  // Another letter: what is typed again.
  expect(imageOf(field().type(`${down}x${enter}`))).toBe('x');
});

test('a registry is asked once, when its name is whole, and what it has is offered', () => {
  const scene = field().type(host);
  const asked = () => scene.effects.filter(({ kind }) => kind === 'registry');
  expect(asked()).toEqual([]);
  scene.type('/');
  expect(asked()).toEqual([{ kind: 'registry', registry: host, node: '' }]);
  expect(scene.screen()).toContain(`asking ${host}…`);
  scene.type(`te${backspace}${backspace}`);
  expect(asked()).toHaveLength(1);
  answered(scene, known('team/web:1', 'team/api:2')).type('web');
  expect(scene.screen()).toContain(`${host}/web`);
  scene.type(`${backspace.repeat(3)}team/w${down}${enter}`);
  expect(imageOf(scene)).toBe(`${host}/team/web:1`);
});

test('a name of the Hub is no registry', () => {
  expect(
    field()
      .type('library/nginx')
      .effects.map(({ kind }) => kind),
  ).toEqual(['images']);
});

test('why a registry cannot be asked is said, in the language of the console', () => {
  const why = `node h1: registry ${host} has no catalogue: name a repository of it`;
  const failed: KnownRegistry = { state: 'failed', names: [], why };
  expect(answered(field().type(`${host}/`), failed).screen()).toContain('has no catalogue: name a repository of it');
  expect(answered(field('es').type(`${host}/`), failed).screen()).toMatch(/nodo h1: el registro \S+ no tiene catálogo/);
});

test('an answer that comes when the form is closed is nobody’s', () => {
  const scene = field().type(`${host}/${keys.escape}`);
  const before = scene.state;
  expect(answered(scene, known('a:1')).state).toEqual(before);
});
