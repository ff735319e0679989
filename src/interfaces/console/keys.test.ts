import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyId } from './control/binding.ts';
import { KeyReader } from './keys.ts';

const read = (...pieces: (string | Buffer)[]) => {
  const reader = new KeyReader();
  const keys = pieces.flatMap((piece) => reader.push(Buffer.from(piece)));
  return [...keys, ...reader.flush()].map(keyId);
};

test('characters, also beyond ASCII and in pieces', () => {
  expect(read('aN/é🚀')).toEqual(['a', 'N', '/', 'é', '🚀']);
  const rocket = Buffer.from('🚀');
  expect(read(rocket.subarray(0, 2), rocket.subarray(2))).toEqual(['🚀']);
});

test('named keys, as xterm and as linux send them, with modifiers as without', () => {
  expect(read('\r\t\x7f\x03', '\x1b[A\x1bOB\x1b[1;5C\x1b[1~\x1b[4~\x1b[5;2~\x1b[Z\x1b[3~')).toEqual([
    ...['enter', 'tab', 'backspace', 'ctrl-c', 'up', 'down', 'right', 'home', 'end', 'page-up', 'shift-tab', 'delete'],
  ]);
});

test('a sequence may come in pieces; an Escape that nothing follows is the key', () => {
  expect(read('\x1b', '[', 'A')).toEqual(['up']);
  expect(read('\x1b')).toEqual(['escape']);
  expect(read('\x1b\x1b[A')).toEqual(['escape', 'up']);
  expect(read('\x1bx')).toEqual(['escape', 'x']);
  const reader = new KeyReader();
  reader.push(Buffer.from('\x1b['));
  expect(reader.waiting).toBe(true);
});

test('clicks and the wheel say where; a button that is let go says nothing', () => {
  const [click, wheel] = new KeyReader().push(Buffer.from('\x1b[<0;10;5M\x1b[<64;1;2M\x1b[<0;10;5m'));
  expect(click).toEqual({ kind: 'click', at: { column: 9, row: 4 } });
  expect(wheel).toEqual({ kind: 'wheel-up', at: { column: 0, row: 1 } });
});

test('unknown sequences mean nothing, whatever is sent is taken', () => {
  expect(read('\x1b[200~a\x1b[201~')).toEqual(['a']);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const reader = new KeyReader();
      for (const byte of bytes) reader.push(Uint8Array.of(byte));
      reader.flush();
      return !reader.waiting;
    }),
  );
});
