import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CommandFailed, silentLog, spawn } from '../../platform/platform.ts';
import { ownCertificate, ownNames, readCertificate, watchCertificate } from './certificate.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trama-cert-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const names = ['10.0.0.1', 'fd00::1', 'h1.example', 'localhost'];

describe('a certificate of its own', () => {
  test('is made once, for all its names, with a key that is for root alone', async () => {
    const files = await ownCertificate(directory, names, spawn);
    const { cert, fingerprint, pin } = await readCertificate(files);
    const shown = new X509Certificate(cert);
    for (const name of ['10.0.0.1', 'fd00::1']) expect(shown.checkIP(name)).toBe(name);
    for (const name of ['h1.example', 'localhost']) expect(shown.checkHost(name)).toBe(name);
    expect(shown.checkIP('10.0.0.2')).toBeUndefined();
    expect((await stat(files.key)).mode & 0o777).toBe(0o600);
    expect(fingerprint).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(pin).toMatch(/^sha256\/\/[A-Za-z0-9+/]{43}=$/);
    await ownCertificate(directory, ['10.9.9.9'], () => Promise.reject(new Error('it is there already')));
    expect((await readCertificate(files)).fingerprint).toBe(fingerprint);
  });

  test('without openssl: says what to install, and leaves nothing', async () => {
    const missing = () =>
      Promise.reject(new CommandFailed(['openssl'], { code: -1, stdout: '', stderr: '' }, 'is not installed'));
    await expect(ownCertificate(directory, names, missing)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/openssl: is not installed; install openssl, or give one with --api-cert/),
    });
    await expect(stat(join(directory, 'api.key'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('has the names that the server is reached at', () => {
    expect(ownNames('10.0.0.1', 'h1.example', 'h1')).toEqual(['h1.example', '10.0.0.1', 'h1', 'localhost']);
    expect(ownNames('0.0.0.0', undefined, 'h1')).toContain('127.0.0.1');
  });
});

test('files that are none, or no pair, are refused by name', async () => {
  const own = await ownCertificate(directory, names, spawn);
  const others = await ownCertificate(join(directory, 'other'), names, spawn);
  await expect(readCertificate({ ...own, key: others.key })).rejects.toThrow(/is not the key of the certificate in/);
  await expect(readCertificate({ ...own, cert: '/nowhere' })).rejects.toThrow(/^--api-cert: \/nowhere cannot be read/);
  await writeFile(own.cert, 'nonsense');
  await expect(readCertificate(own)).rejects.toThrow(/api\.crt is not what it should be \(PEM\)/);
});

test('files that are replaced are read again; in between, when they are no pair, nothing changes', async () => {
  const files = await ownCertificate(directory, names, spawn);
  const next = await readCertificate(await ownCertificate(join(directory, 'next'), names, spawn));
  const warned: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  const shown: string[] = [];
  using _ = watchCertificate(files, log, ({ fingerprint }) => shown.push(fingerprint), 20);
  await writeFile(files.cert, next.cert);
  await utimes(files.cert, new Date(), new Date(Date.now() + 5000));
  await expect.poll(() => warned.length).toBeGreaterThan(0);
  expect(shown).toEqual([]);
  await writeFile(files.key, next.key);
  await expect.poll(() => shown.at(-1)).toBe(next.fingerprint);
});
