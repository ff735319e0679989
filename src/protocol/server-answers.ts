/** What a server says of itself and of the others to a node that joins or is there. */
import { z } from 'zod';

/** Where a server listens. */
const busPorts = z.object({ requests: z.number(), feed: z.number() });

const listedServer = z.object({ id: z.string(), host: z.string(), ports: busPorts });

export const letIn = z.object({
  node: z.string(),
  cluster: z.string(),
  ports: busPorts,
  /** The one that answers, by its id in `servers`. */
  server: z.string().optional(),
  /** All that are there now. */
  servers: z.array(listedServer).default([]),
});

export const heard = z.object({
  /** Topics of which the agent's revision is behind. */
  stale: z.array(z.string()),
  /** The store's revision as of which all topics that were named hold, though none of them may have changed lately. */
  current: z.number().optional(),
  evicted: z.boolean().default(false),
  /** By which id the server is listed. */
  server: z.string().optional(),
  /** Whether its store answers it, without which it can answer hardly anything. */
  able: z.boolean().default(true),
  /** Whether it hears beats, which it does not answer. */
  beats: z.boolean().optional(),
  /** Whether a node that has said how long its next word will take is not silent before. */
  waits: z.boolean().optional(),
});

/** As it is told to who asks for the servers. */
const shownServer = listedServer.extend({
  /** Trama's; empty: the server that answers is too old to say. */
  version: z.string().default(''),
  /** When it began, ms since 1970. */
  since: z.number().optional(),
  /** Whether it does what is to be done once in the cluster. */
  keepsHouse: z.boolean().default(false),
});

export const clusterServers = z.object({
  cluster: z.string(),
  /** The one that answers, by its id in `servers`; absent: it is not listed. */
  server: z.string().optional(),
  servers: z.array(shownServer),
  /** Whether its store answers it. */
  able: z.boolean(),
  /** The HTTP API over TLS of the one that answers: its port, and the SHA-256 of its certificate and of its public key. */
  api: z.object({ port: z.number(), fingerprint: z.string(), pin: z.string() }).optional(),
});
export type ServedApi = NonNullable<z.infer<typeof clusterServers>['api']>;
