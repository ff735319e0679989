/** How a host becomes a node: once, with a token; from then on it is its key. */
import type { Bus, KeyPair, ServerAddress } from '../bus/bus.ts';
import { encodeBase64Url, Failure, isFailure, type JoinTarget } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import { ask, type Params } from '../protocol/protocol.ts';
import type { Identity } from './identity.ts';

export type Registration = Params<'node.register'>;

const joinDeadlineMs = 10_000;

/** @throws Failure with the reason of the last server that was asked */
export async function joinCluster(
  bus: Bus,
  keys: KeyPair,
  target: JoinTarget,
  registration: Registration,
  log: Log,
): Promise<Identity> {
  const tokenKeys = bus.keysFromSecret(encodeBase64Url(target.token.secret));
  let last: unknown;
  for (const { host, port } of target.servers) {
    const server: ServerAddress = {
      host,
      key: target.token.serverKey,
      ports: { requests: port, feed: port + 1, metrics: port + 2 },
    };
    try {
      await using client = await bus.connect({ server, keys: tokenKeys });
      const answer = await ask(
        client,
        'node.join',
        { ...registration, key: keys.publicKey },
        { deadlineMs: joinDeadlineMs },
      );
      const servers = target.servers.map((each) => ({
        host: each.host,
        key: target.token.serverKey,
        ports: { ...answer.ports, requests: each.port },
      }));
      return { version: 1, name: answer.node, cluster: answer.cluster, keys, servers };
    } catch (error) {
      last = error;
      log.warn('this server did not let us join', { server: `${host}:${port}`, error });
      // What one server refuses, the others refuse too; only absence is worth another try.
      if (!isFailure(error, 'unavailable') && !isFailure(error, 'deadline')) throw error;
    }
  }
  throw last ?? new Failure('invalid', 'no server was named to join');
}
