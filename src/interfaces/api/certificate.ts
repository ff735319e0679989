/**
 * The certificate that the HTTP API shows: files that somebody gave, or one that is made once and signed by itself, which clients pin
 * or trust as it is. Node can make keys and no certificates: that is openssl's.
 */
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Failure, isAddress } from '../../domain/domain.ts';
import {
  CommandFailed,
  type Log,
  output,
  privateDirectory,
  readIfThere,
  type Spawn,
  writeDurably,
} from '../../platform/platform.ts';
import type { Certificate } from './https.ts';

/** Absolute paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface ReadCertificate extends Certificate {
  /** SHA-256 of the certificate, as openssl prints it. */
  readonly fingerprint: string;
  /** SHA-256 of its public key, as `curl --pinnedpubkey` takes it: the same as long as the key is. */
  readonly pin: string;
}

/** Ten years: who pins it has to be told of another. */
const days = 3650;
const lookMs = 5000;

/**
 * That in the directory, made if there is none.
 * @param names addresses and names that the server is reached at
 * @throws Failure `unavailable` when openssl is missing
 */
export async function ownCertificate(
  directory: string,
  names: readonly string[],
  spawn: Spawn,
): Promise<CertificateFiles & { readonly made: boolean }> {
  const files = { cert: join(directory, 'api.crt'), key: join(directory, 'api.key') };
  if ((await readIfThere(files.cert)) !== undefined) return { ...files, made: false };
  await privateDirectory(directory);
  // A key without a certificate is what an earlier try has left.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeDurably(files.key, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  try {
    await writeDurably(files.cert, await signed(files.key, names, spawn));
  } catch (error) {
    await rm(files.key, { force: true });
    throw error;
  }
  return { ...files, made: true };
}

async function signed(key: string, names: readonly string[], spawn: Spawn): Promise<string> {
  const subjects = [...new Set(names)].map((name) => `${isAddress(name) ? 'IP' : 'DNS'}:${name}`);
  const extensions = [`subjectAltName=${subjects.join(',')}`, 'extendedKeyUsage=serverAuth'];
  const argv = [
    'openssl',
    'req',
    '-new',
    '-x509',
    '-sha256',
    '-key',
    key,
    '-days',
    `${days}`,
    '-subj',
    '/CN=Trama API',
  ] as const;
  try {
    return await output(spawn, { argv: [...argv, ...extensions.flatMap((one) => ['-addext', one])] });
  } catch (cause) {
    const why = cause instanceof CommandFailed ? cause.message : String(cause);
    throw new Failure(
      'unavailable',
      `no certificate can be made for the HTTP API: ${why}; install openssl, or give one with --api-cert and --api-key`,
      { cause },
    );
  }
}

/** What the server may be called: where it listens, and if that is everywhere, every address of the host. */
export function ownNames(listen: string, advertise: string | undefined, hostname: string): string[] {
  const everywhere = listen === '0.0.0.0' || listen === '::';
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ scopeid = 0 }) => scopeid === 0).map(({ address }) => address);
  return [...(advertise === undefined ? [] : [advertise]), ...(everywhere ? usable : [listen]), hostname, 'localhost'];
}

/** @throws Failure `invalid` that names the file */
export async function readCertificate(files: CertificateFiles): Promise<ReadCertificate> {
  const [cert, key] = await Promise.all([read('--api-cert', files.cert), read('--api-key', files.key)]);
  const shown = parsed(files.cert, () => new X509Certificate(cert));
  const secret = parsed(files.key, () => createPrivateKey(key));
  if (!shown.checkPrivateKey(secret))
    throw new Failure('invalid', `${files.key} is not the key of the certificate in ${files.cert}`);
  const spki = shown.publicKey.export({ type: 'spki', format: 'der' });
  const pin = `sha256//${createHash('sha256').update(spki).digest('base64')}`;
  return { cert, key, fingerprint: shown.fingerprint256, pin };
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('invalid', `${flag}: ${path} cannot be read: ${why}`, { cause });
  }
}

function parsed<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('invalid', `${path} is not what it should be (PEM): ${why}`, { cause });
  }
}

/** Reads both again when one has changed. Two files are not replaced in one moment: what is no pair is passed over, and said. */
export function watchCertificate(
  files: CertificateFiles,
  log: Log,
  renew: (certificate: ReadCertificate) => void,
  everyMs = lookMs,
): Disposable {
  const look = async () => {
    try {
      const certificate = await readCertificate(files);
      renew(certificate);
      const { fingerprint, pin } = certificate;
      log.info('the HTTP API shows another certificate from now on', { fingerprint, pin });
    } catch (error) {
      log.warn('the HTTP API goes on with the certificate that it has', { error });
    }
  };
  const onChange = () => void look();
  const paths = [files.cert, files.key];
  for (const path of paths) watchFile(path, { interval: everyMs, persistent: false }, onChange);
  return {
    [Symbol.dispose]() {
      for (const path of paths) unwatchFile(path, onChange);
    },
  };
}
