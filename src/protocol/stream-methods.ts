/** Every stream that can be opened over an Api, as `methods.ts` has every method. */
import { z } from 'zod';

/** Streams to and from a container. */
const containerStreams = {
  /** Ends with `{exitCode, error?}`; `error`: a sentence that says why the command could not be started. */
  'workload.exec': z.object({
    name: z.string(),
    command: z.array(z.string()),
    tty: z.boolean(),
    stdin: z.boolean(),
    env: z.array(z.string()),
    user: z.string().optional(),
    workdir: z.string().optional(),
  }),
  'workload.logs': z.object({
    name: z.string(),
    follow: z.boolean(),
    tail: z.number().optional(),
    /** Only lines of this time: milliseconds since the epoch, by the node's clock; from, and before. */
    since: z.number().optional(),
    until: z.number().optional(),
    timestamps: z.boolean(),
    /** Tells with `position` controls where one is. */
    positions: z.boolean().optional(),
    /** Goes on from there, with `positions`; says so with that position before anything else. */
    after: z.object({ at: z.string(), count: z.number().int().min(1) }).optional(),
  }),
  /** The main process's streams, until it ends with `{exitCode}`. */
  'workload.attach': z.object({ name: z.string(), stdin: z.boolean() }),
  /** Tools in the network and among the processes of a container: from an image, or the host's own. Ends with `{exitCode}`. */
  'workload.debug': z.object({
    name: z.string(),
    image: z.string().optional(),
    command: z.array(z.string()),
    tty: z.boolean(),
    stdin: z.boolean(),
    env: z.array(z.string()),
  }),
  /** A file or directory of it as an archive in the format of tar, on stdout. Ends with `{}`. */
  'workload.archive': z.object({ name: z.string(), path: z.string() }),
  /**
   * Takes an archive on stdin apart in one of its directories; ends with `{}` when all is there. `toUser`: its files become the
   * user's that the container runs as; else they keep their numbers.
   */
  'workload.extract': z.object({ name: z.string(), path: z.string(), toUser: z.boolean() }),
} as const;

/** Streams that can be opened, with the schema of their parameters. Results: see each. */
export const streams = {
  ...containerStreams,
  /** For root on the server's host: everything that the store holds, the servers' keys too, as a backup file. Ends with `{}`. */
  'store.backup': z.object({}),
  /**
   * Tells what has changed, until its reader goes away: lines of JSON on stdout, each a `ClusterChange`. The first names all
   * topics: what is listed after it is never older than what is heard later. A slow reader hears of less, and of nothing twice.
   */
  'cluster.watch': z.object({}),
  /**
   * What happens: lines of JSON on stdout, each a `ClusterEvent`, as a server has heard of them; from `since` on (milliseconds since the
   * epoch; absent: from now on), up to `until`. Without `follow` it ends with the newest. Ends with `{}`.
   */
  'cluster.events': z.object({
    since: z.number().optional(),
    until: z.number().optional(),
    follow: z.boolean(),
  }),
} as const;

/** What `node.list`, `network.list` and `workload.list` answer. */
export const watchTopics = ['nodes', 'networks', 'containers'] as const;
export type WatchTopic = (typeof watchTopics)[number];

export interface ClusterChange {
  /** The cluster's id. */
  readonly cluster: string;
  readonly changed: readonly WatchTopic[];
}

export type ContainerStreamName = keyof typeof containerStreams;
export type StreamName = keyof typeof streams;
export type ParsedStreamParams<S extends StreamName> = z.output<(typeof streams)[S]>;
