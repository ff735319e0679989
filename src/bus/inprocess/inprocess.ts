/**
 * A bus whose servers and clients meet within one process, for tests and simulations. It keeps the rules of the real one:
 * the gatekeeper decides, keys must be held, what is sent is copied, and everything arrives later, never during the call.
 */
import { randomUUID } from 'node:crypto';
import { Failure } from '../../domain/domain.ts';
import type { SteadyClock } from '../../platform/platform.ts';
import { silentLog, systemClock } from '../../platform/platform.ts';
import type { Bus, BusClientOptions, BusServer, BusServerOptions } from '../bus.ts';
import { generateKeys, isPair, keysFromSecret } from '../keys.ts';
import { Client } from '../session/client.ts';
import type { Dialer } from '../session/link.ts';
import { noServer, notOurs, wrongServer } from '../session/refusals.ts';
import { InProcessServer } from './server.ts';

/** Where invented ports begin: above those that Linux gives out itself. */
const firstPort = 61_000;

export function createInProcessBus(options: { readonly clock?: SteadyClock } = {}): Bus {
  const clock = options.clock ?? systemClock;
  const servers = new Map<string, InProcessServer>();
  let nextPort = firstPort;
  const portOr = (asked: number) => asked || nextPort++;

  return {
    serve: (server) => Promise.resolve().then(() => serve(server)),
    connect: (client) =>
      Promise.resolve().then(
        () =>
          new Client({
            ...client,
            clock,
            log: silentLog,
            random: () => 0.5,
            newId: randomUUID,
            dialer: dialer(client, servers),
          }),
      ),
    generateKeys,
    keysFromSecret,
  };

  function serve(server: BusServerOptions): BusServer {
    const { requests, feed } = server.ports;
    const ports = { requests: portOr(requests), feed: portOr(feed) };
    const place = `${server.address}:${ports.requests}`;
    if (servers.has(place)) throw new Failure('conflict', `Port ${ports.requests} of ${server.address} is in use.`);
    if (!isPair(server.keys)) throw new Failure('invalid', notOurs);
    const made = new InProcessServer(server, ports, clock, () => {
      if (servers.get(place) === made) servers.delete(place);
    });
    servers.set(place, made);
    return made;
  }
}

function dialer(client: BusClientOptions, servers: ReadonlyMap<string, InProcessServer>): Dialer {
  const { host, ports, key } = client.server;
  const target = `the server at ${host}:${ports.requests}`;
  return {
    target,
    async dial(topics) {
      const server = servers.get(`${host}:${ports.requests}`) ?? servers.get(`0.0.0.0:${ports.requests}`);
      if (server === undefined) throw new Failure('unavailable', noServer(target));
      if (server.publicKey !== key) throw new Failure('denied', wrongServer(target));
      if (!isPair(client.keys)) throw new Failure('denied', notOurs);
      return await server.admit(client.keys.publicKey, topics, client.unknownKey);
    },
  };
}
