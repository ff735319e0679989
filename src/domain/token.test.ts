import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32, decodeBase64Url, decodeZ85, encodeBase64Url, encodeZ85 } from './encodings.ts';
import { formatToken, parseJoin, parseServer, parseToken } from './token.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const token = { serverKey: encodeZ85(new Uint8Array(32).fill(7)), secret: new Uint8Array(32).map((_, i) => i) };
const text = formatToken(token);

describe('encodings', () => {
  test('known answers', () => {
    // The example of ZeroMQ RFC 32.
    expect(encodeZ85(Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b))).toBe('HelloWorld');
    expect(encodeBase64Url(Uint8Array.of(0xfb, 0xff))).toBe('-_8');
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  });
  test('there and back', () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array(), (key, any) => {
        expect(decodeZ85(encodeZ85(key))).toEqual(key);
        expect(decodeBase64Url(encodeBase64Url(any))).toEqual(any);
        expect(encodeBase64Url(any)).toBe(Buffer.from(any).toString('base64url'));
      }),
    );
  });
  test('what is no encoding', () => {
    expect(decodeZ85('####~')).toBeUndefined();
    expect(decodeZ85('#####')).toBeUndefined();
    expect(decodeZ85('abc')).toBeUndefined();
    for (const wrong of ['A', '-_9', 'AA==', 'A B']) expect(decodeBase64Url(wrong)).toBeUndefined();
  });
});

describe('join tokens', () => {
  test('survive being written and read, and need no quotes in a shell', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (key, secret) => {
        const written = formatToken({ serverKey: encodeZ85(key), secret });
        expect(written).toMatch(/^trama1\.[A-Za-z0-9_-]{91}$/);
        expect(parseToken(written)).toEqual({ serverKey: encodeZ85(key), secret });
      }),
    );
  });
  test('any one wrong character is noticed, and the sentence keeps the secret', () => {
    for (let i = 0; i < text.length; i++) {
      const wrong = text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1);
      expect(() => parseToken(wrong)).toThrow(/join token/);
      expect(() => parseToken(wrong)).not.toThrow(wrong.slice(10, 20));
    }
    expect(() => parseToken(text.slice(0, -1))).toThrow('incomplete');
    expect(() => parseToken('abc')).toThrow('this is not a join token');
  });
  test('TOKEN@HOST[:PORT],…', () => {
    expect(parseJoin(`${text}@10.0.0.1,h2.lan:99,[fd00::1]:7,fd00::2`, 4701)).toEqual({
      token,
      servers: [
        { host: '10.0.0.1', port: 4701 },
        { host: 'h2.lan', port: 99 },
        { host: 'fd00::1', port: 7 },
        { host: 'fd00::2', port: 4701 },
      ],
    });
    expect(() => parseJoin(text, 4701)).toThrow('TOKEN@10.0.0.1');
  });
  test.each(['', '10.1', '010.0.0.1', '10.0.0.1:', 'a b', '-a', 'h1:x', 'h1:1:2', '[10.0.0.1]:5', '[::1', 'a..b'])(
    'no server is at %j',
    (server) => expect(() => parseServer(server, 4701)).toThrow("is not a server's address"),
  );
  test.each(['h1:0', 'h1:70000'])('no server listens at %s', (server) =>
    expect(() => parseServer(server, 4701)).toThrow('a port is a number from 1 to 65535'),
  );
});
