/** A request to the engine whose body is written as it comes. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpRequest } from '../../platform/http.ts';

export interface Upload {
  /** The body: whoever writes it ends it, or destroys it. */
  readonly outgoing: ClientRequest;
  /** Rejects with what the connection failed with. An engine may answer before it has read all. */
  readonly answered: Promise<IncomingMessage>;
}

export function beginUpload(socketPath: string, path: string): Upload {
  const headers = { Host: 'docker', 'Content-Type': 'application/x-tar' };
  const outgoing = httpRequest({ socketPath, agent: false, method: 'PUT', path, headers });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    // After an answer it says that nobody reads the rest.
    outgoing.on('error', reject);
    outgoing.once('close', () => reject(new Error('the connection was closed')));
  });
  // Whoever writes may look at it late.
  answered.catch(() => {});
  return { outgoing, answered };
}
