/** The HTTP API of a server over TLS: its certificate, and who is let in. */
import { hostname } from 'node:os';
import {
  ownCertificate,
  ownNames,
  type ReadCertificate,
  readCertificate,
  watchCertificate,
} from '../interfaces/api/certificate.ts';
import { serveHttpsApi } from '../interfaces/api/https.ts';
import type { ServerOptions } from '../interfaces/interfaces.ts';
import { type Log, spawn } from '../platform/platform.ts';
import type { Server } from '../server/server.ts';

/**
 * @param directory the server's own
 * @throws Failure when it cannot listen there, or has no certificate that can be used
 */
export async function serveApi(
  place: NonNullable<ServerOptions['api']>,
  {
    server,
    directory,
    advertise,
  }: { readonly server: Server; readonly directory: string; readonly advertise: string | undefined },
  resources: AsyncDisposableStack,
  log: Log,
): Promise<void> {
  const { address, certificate: given } = place;
  const files = given ?? (await ownCertificate(directory, ownNames(address, advertise, hostname()), spawn));
  const certificate = await readCertificate(files);
  const api = resources.use(
    await serveHttpsApi({ address, port: place.port, certificate, admit: (key) => server.admit(key), log }),
  );
  const tell = ({ fingerprint, pin }: ReadCertificate) => server.tell({ port: api.port, fingerprint, pin });
  tell(certificate);
  const renew = (renewed: ReadCertificate) => {
    api.renew(renewed);
    tell(renewed);
  };
  resources.use(watchCertificate(files, log, renew));
  const { fingerprint, pin } = certificate;
  log.info('HTTP API over TLS', { address, port: api.port, certificate: files.cert, fingerprint, pin });
}
