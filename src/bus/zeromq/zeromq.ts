/** The bus between hosts: two ZeroMQ sockets per server, all CURVE. See docs/adr/0003-bus-and-identity.md. */
import { randomUUID } from 'node:crypto';
import { Context } from 'zeromq';
import type { Log, SteadyClock } from '../../platform/platform.ts';
import { systemClock } from '../../platform/platform.ts';
import type { Bus } from '../bus.ts';
import { generateKeys, keysFromSecret } from '../keys.ts';
import { Client } from '../session/client.ts';
import { spokenVersions, type VersionRange } from '../session/versions.ts';
import { ZeroMqDialer } from './dialer.ts';
import { ZeroMqServer } from './server.ts';

export interface ZeroMqBusOptions {
  readonly log: Log;
  readonly clock?: SteadyClock;
  /** 0…1, for the jitter of reconnections. Keys and nonces never come from it. */
  readonly random?: () => number;
  /** Of the protocol; default: all that this Trama speaks. */
  readonly versions?: VersionRange;
  /** ZeroMQ's, of which a client and what watches it take up to 27; default: 1,023. */
  readonly maxSockets?: number;
}

export function createZeroMqBus(options: ZeroMqBusOptions): Bus {
  const { log, clock = systemClock, random = Math.random, versions = spokenVersions, maxSockets } = options;
  let clients: Context | undefined;
  return {
    serve: (server) => ZeroMqServer.start(server, log, clock, versions),
    async connect(client) {
      clients ??= new Context({ ioThreads: 1, blocky: false, ...(maxSockets === undefined ? {} : { maxSockets }) });
      const target = `the server at ${client.server.host}:${client.server.ports.requests}`;
      const dialer = new ZeroMqDialer({ context: clients, client, clock, log, target, versions });
      return new Client({ ...client, dialer, clock, log, random, newId: randomUUID });
    },
    generateKeys,
    keysFromSecret,
  };
}
