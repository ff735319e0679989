import { expect, test } from 'vitest';
import { keys, Scene } from '../testing/scene.ts';
import { splitCommand } from './forms.ts';

test('a command is parted as a shell would, and nothing in it is run', () => {
  expect(splitCommand(`sh -c 'echo "$HOME"; ls' a\\ b "c \\"d\\"" ''`, '')).toEqual([
    ...['sh', '-c', 'echo "$HOME"; ls', 'a b', 'c "d"', ''],
  ]);
  expect(splitCommand('  ', '')).toEqual([]);
  expect(() => splitCommand(`echo 'half`, 'not closed')).toThrow('not closed');
});

const { enter, tab, escape: esc } = keys;

test('what is wrong is said at the field where it is, and nothing is sent', () => {
  const scene = new Scene().type('1').type(enter.repeat(6));
  expect(scene.screen()).toMatch(/▸ Image[\s\S]*Which image\?/);
  scene.type(`nginx${tab}${tab}80:x${tab}${tab}${enter}`);
  expect(scene.screen()).toMatch(/▸ Ports[\s\S]*is not a port/);
  expect(scene.effects).toEqual([{ kind: 'images' }]);
  expect(scene.type(esc).state.overlay).toBeUndefined();
});

test('the node and the network that one looks at are what is meant', () => {
  const fieldOf = (scene: Scene, id: string) =>
    scene.state.overlay?.kind === 'form' && scene.state.overlay.fields.find((field) => field.id === id)?.value;
  expect(fieldOf(new Scene().type(`:nodes\r${keys.down}1`), 'node')).toBe('h2');
  expect(fieldOf(new Scene().type(`:networks\r${keys.down}${enter}1`), 'network')).toBe('db');
  // A lost one takes no containers.
  expect(fieldOf(new Scene().type(`:nodes\r${keys.end}1`), 'node')).toBe('');
});
