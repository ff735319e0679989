/** Nodes, networks and containers as people and programs are told of them. */
import { z } from 'zod';
import { roles } from '../domain/domain.ts';
import { restart, workloadSpec } from './workload-spec.ts';

export const nodeView = z.object({
  name: z.string(),
  address: z.string(),
  interface: z.string(),
  underlayMtu: z.number(),
  key: z.string(),
  /**
   * ready: heard. draining: ready, takes no new workloads. unknown: not heard of yet by a server that has itself just begun.
   * suspect: silent for 3 s. down: for 5 s; its peers fence it. evicted: for a minute; what it had is given away.
   */
  status: z.enum(['ready', 'suspect', 'down', 'evicted', 'draining', 'unknown']),
  /** Why it is silent, as far as a server can tell; empty while it is heard. */
  reason: z.string().default(''),
  /** Share of all cores in use, 0…1; null before the first report. */
  cpu: z.number().nullable(),
  /** Bytes. */
  memory: z.object({ used: z.number(), total: z.number() }).nullable(),
  /** Bytes a second over its underlay interface; absent before the second report. */
  traffic: z.object({ received: z.number(), sent: z.number() }).optional(),
  engine: z.string(),
  version: z.string(),
  /** A sentence when Trama there is too old or too new for the server's; empty otherwise. */
  skew: z.string().default(''),
  /** As a list of containers has them: those that the cluster runs or should run there, and others on its networks. */
  containers: z.number(),
  joinedAt: z.number(),
  lastSeen: z.number().nullable(),
  /** The newest last: drift repaired, trouble met. */
  events: z.array(z.object({ time: z.number(), kind: z.enum(['repair', 'error', 'info']), message: z.string() })),
});

export const networkView = z.object({
  id: z.string(),
  name: z.string(),
  driver: z.string(),
  subnet: z.string(),
  vni: z.number(),
  mtu: z.number(),
  discovery: z.enum(['registry', 'multicast']),
  group: z.string().optional(),
  port: z.number(),
  internal: z.boolean(),
  options: z.record(z.string(), z.string()),
  createdAt: z.number(),
  /** Nodes that have endpoints in it, with their gateway address there. */
  nodes: z.array(z.object({ node: z.string(), gateway: z.string(), blocks: z.array(z.string()) })),
  containers: z.array(z.object({ name: z.string(), node: z.string(), address: z.string(), mac: z.string() })),
});

export const containerView = z.object({
  name: z.string(),
  id: z.string(),
  node: z.string(),
  image: z.string(),
  /** Of those that somebody started with docker, empty. */
  command: z.array(z.string()),
  /** Run by the cluster; false: somebody started it with docker on one of its networks. */
  managed: z.boolean(),
  /** pending, pulling, creating, running, exited (code in `exitCode`), failed, removing; `unknown` while its node is down. */
  status: z.string(),
  message: z.string(),
  exitCode: z.number().nullable(),
  containerId: z.string(),
  /** This and `restart`: null of one that is not managed. */
  createdAt: z.number().nullable(),
  startedAt: z.number().nullable(),
  restart: restart.nullable(),
  /** As they are published: `8080->80/tcp`. */
  ports: z.array(z.string()),
  networks: z.array(z.object({ network: z.string(), address: z.string(), mac: z.string() })),
  /** As it was run with; absent of those that are not managed. */
  labels: z.record(z.string(), z.string()).optional(),
  /** The whole of what it was run with; absent in lists, and of those that are not managed. */
  spec: workloadSpec.loose().optional(),
});

export const userView = z.object({
  name: z.string(),
  role: z.enum(roles),
  /** Names of the networks that the user is limited to (the id of one that is gone); null: not limited. */
  networks: z.array(z.string()).nullable(),
  /** The public one. */
  key: z.string(),
  createdAt: z.number(),
  /** null: never. */
  expiresAt: z.number().nullable(),
  expired: z.boolean(),
});

/** A join token, without what it proves. */
export const tokenView = z.object({
  /** 12 hexadecimal digits that say nothing of the secret. */
  id: z.string(),
  uses: z.number(),
  usesLeft: z.number(),
  createdAt: z.number(),
  expiresAt: z.number(),
  status: z.enum(['valid', 'used up', 'expired']),
});

export type UserView = z.infer<typeof userView>;
export type TokenView = z.infer<typeof tokenView>;
export type NodeView = z.infer<typeof nodeView>;
export type NetworkView = z.infer<typeof networkView>;
export type ContainerView = z.infer<typeof containerView>;
export type EngineContainer = z.infer<typeof engineContainer>;

/** What a node's engine says of a container; `networks`: those that are Trama's. */
export const engineContainer = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.enum(['created', 'running', 'paused', 'restarting', 'exited', 'dead', 'removing']),
  exitCode: z.number().nullable(),
  startedAt: z.number().nullable(),
  networks: z.array(z.object({ network: z.string(), address: z.string(), mac: z.string() })),
});

/** What a container uses, as its node says. Bytes; of traffic, since its start. */
export const containerStats = z.object({
  /** As it was asked for. */
  container: z.string(),
  /** Milliseconds since the epoch, by the node's clock. */
  time: z.number(),
  /** Cores in use: 1.5 is one and a half. */
  cpu: z.number(),
  /** `limit`: the host's memory if it has none of its own. */
  memory: z.object({ used: z.number(), limit: z.number() }),
  network: z.object({ received: z.number(), sent: z.number() }),
  block: z.object({ read: z.number(), written: z.number() }),
  pids: z.number(),
});
export type ContainerStats = z.infer<typeof containerStats>;

/** The same, as people see it; `missing` says why there is nothing. */
export const statsView = containerStats.omit({ container: true }).partial().extend({
  name: z.string(),
  node: z.string(),
  containerId: z.string(),
  missing: z.string().optional(),
});
export type StatsView = z.infer<typeof statsView>;

/** An image of a node's engine, by one of its names. */
export const localImage = z.object({
  name: z.string(),
  /** Twelve digits. */
  id: z.string(),
  /** Bytes. */
  size: z.number(),
  /** When it was built. */
  createdAt: z.number(),
});

/** `missing`: why nothing is known of the node's. */
export const imagesOfNode = z.object({
  node: z.string(),
  images: z.array(localImage),
  missing: z.string().optional(),
});
export type ImagesOfNode = z.infer<typeof imagesOfNode>;

/** `more`: there are others that are not told of. */
export const registryContents = z.object({
  repositories: z.array(z.object({ name: z.string(), tags: z.array(z.string()), more: z.boolean() })),
  more: z.boolean(),
});

/** A last link is not followed, unless the path ends with a slash. */
export const pathInContainer = z.object({
  kind: z.enum(['file', 'directory', 'link', 'other']).catch('other'),
  /** Bytes. */
  size: z.number(),
  /** Of a link: where it leads, as the container sees it; else empty. */
  linkTarget: z.string(),
});
