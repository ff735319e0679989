/** How a host becomes a node: once, with a token; from then on it is its key. */
import type { Bus, KeyPair, ServerAddress } from '../bus/bus.ts';
import { encodeBase64Url, Failure, isFailure, type JoinTarget } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import { ask, type Params } from '../protocol/protocol.ts';
import type { Identity, KnownServer } from './identity.ts';
import { afterListing } from './known-servers.ts';

export type Registration = Params<'node.register'>;

const joinDeadlineMs = 10_000;

/** @throws Failure with the reason of the last server that was asked */
export async function joinCluster(
  bus: Bus,
  keys: KeyPair,
  target: JoinTarget,
  registration: Registration,
  { log, now }: { readonly log: Log; readonly now: number },
): Promise<Identity> {
  const tokenKeys = bus.keysFromSecret(encodeBase64Url(target.token.secret));
  const { servers: asked } = target;
  for (const [at, { host, port }] of asked.entries()) {
    const server: ServerAddress = {
      host,
      key: target.token.serverKey,
      ports: { requests: port, feed: port + 1 },
    };
    log.info(`asking the server at ${host}:${port} to let this host join`);
    try {
      await using client = await bus.connect({ server, keys: tokenKeys });
      const answer = await ask(
        client,
        'node.join',
        { ...registration, key: keys.publicKey },
        { deadlineMs: joinDeadlineMs },
      );
      const named = target.servers.map(
        (each): KnownServer => ({
          host: each.host,
          key: target.token.serverKey,
          ports: { ...answer.ports, requests: each.port },
          ...(each === asked[at] && answer.server !== undefined ? { id: answer.server } : {}),
        }),
      );
      // A server of before lists nobody.
      const servers = [...afterListing(named, answer.servers ?? [], now)];
      return { version: 1, name: answer.node, cluster: answer.cluster, keys, servers };
    } catch (error) {
      // What one server says of the host, the others say too; it may only not have heard of the token yet. The last one's is the caller's.
      const elsewhere = (['unavailable', 'deadline', 'denied'] as const).some((code) => isFailure(error, code));
      if (!elsewhere || at === asked.length - 1) throw error;
      log.warn(`${(error as Failure).message} The next one is asked.`);
    }
  }
  throw new Failure('invalid', 'no server was named to join');
}
