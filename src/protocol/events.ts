/** What happens in a cluster, as people and programs are told of it. */
import { z } from 'zod';

export const clusterEvent = z.object({
  /** The same for one event, whichever server tells of it. */
  id: z.string(),
  /** Milliseconds since the epoch, by the clock of whoever saw it. */
  time: z.number(),
  /** `container`, `node`, `network`, `repair`, `trouble`; perhaps others later. */
  type: z.string(),
  /** What became of it: `start`, `die`, `remove`, `down`, `create`, … */
  action: z.string(),
  /** Of the container, node or network. */
  name: z.string(),
  /** Where it happened, if it did so on one. */
  node: z.string().optional(),
  /** For people; may be empty. */
  message: z.string(),
  /** `image`, `exitCode`, `network`, … */
  attributes: z.record(z.string(), z.string()),
});
export type ClusterEvent = z.infer<typeof clusterEvent>;
