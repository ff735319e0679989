/**
 * Every method that can be asked of an Api, with the schemas of its parameters and result. One table serves the bus,
 * the local socket and the command line.
 *
 * Who may call: `token` methods by a peer with a join token; the rest by nodes and by root on the local socket.
 */
import { z } from 'zod';
import type { Api, CallOptions, Method } from './api.ts';

const restart = z.enum(['no', 'always', 'unless-stopped', 'on-failure']);

const nodeView = z.object({
  name: z.string(),
  address: z.string(),
  interface: z.string(),
  underlayMtu: z.number(),
  key: z.string(),
  /**
   * ready: heard from within 15 s. draining: ready, takes no new workloads. unknown: not heard of yet by a server that
   * has itself begun less than 15 s ago.
   */
  status: z.enum(['ready', 'down', 'draining', 'unknown']),
  /** Share of all cores in use, 0…1; null before the first report. */
  cpu: z.number().nullable(),
  /** Bytes. */
  memory: z.object({ used: z.number(), total: z.number() }).nullable(),
  engine: z.string(),
  version: z.string(),
  containers: z.number(),
  joinedAt: z.number(),
  lastSeen: z.number().nullable(),
  /** The newest last: drift repaired, trouble met. */
  events: z.array(z.object({ time: z.number(), kind: z.enum(['repair', 'error', 'info']), message: z.string() })),
});

const networkView = z.object({
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

const containerView = z.object({
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
});

export type NodeView = z.infer<typeof nodeView>;
export type NetworkView = z.infer<typeof networkView>;
export type ContainerView = z.infer<typeof containerView>;
export type EngineContainer = z.infer<typeof engineContainer>;

/** What a node's engine says of a container; `networks`: those that are Trama's. */
const engineContainer = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  state: z.enum(['created', 'running', 'paused', 'restarting', 'exited', 'dead', 'removing']),
  exitCode: z.number().nullable(),
  startedAt: z.number().nullable(),
  networks: z.array(z.object({ network: z.string(), address: z.string(), mac: z.string() })),
});

const nothing = z.object({});
const byName = z.object({ name: z.string() });
/** With an id: that workload and nothing else, be it gone and its name another's. */
const theOne = byName.extend({ id: z.string().optional() });
/** By its name or id, as its engine knows it. */
const inEngine = z.object({ container: z.string() });

const publishedPort = z.object({
  hostAddress: z.string().optional(),
  hostPort: z.number(),
  hostPortEnd: z.number().optional(),
  containerPort: z.number(),
  protocol: z.enum(['tcp', 'udp']),
});

const endpoint = z.object({
  id: z.string().max(128),
  network: z.string(),
  node: z.string(),
  kind: z.enum(['container', 'gateway']),
  address: z.string(),
  mac: z.string(),
  container: z.object({ id: z.string(), name: z.string(), image: z.string().optional() }).optional(),
  aliases: z.array(z.string()).readonly().optional(),
  ports: z.array(publishedPort).readonly().optional(),
});

const joined = z.object({ container: z.string() });

const workloadSpec = z.object({
  image: z.string(),
  command: z.array(z.string()),
  env: z.array(z.string()),
  networks: z.array(z.object({ network: z.string(), address: z.string().optional(), aliases: z.array(z.string()) })),
  ports: z.array(publishedPort),
  restart,
  networkMode: z.union([z.enum(['host', 'none']), joined]).optional(),
  pid: z.union([z.literal('host'), joined]).optional(),
  tty: z.boolean(),
  stdin: z.boolean(),
  attach: z.boolean().optional(),
  autoRemove: z.boolean().optional(),
  hostname: z.string().optional(),
  labels: z.record(z.string(), z.string()),
});

const workloadStatus = z.object({
  name: z.string(),
  id: z.string(),
  node: z.string(),
  generation: z.number(),
  phase: z.enum(['pending', 'pulling', 'creating', 'running', 'exited', 'failed', 'removing']),
  message: z.string(),
  containerId: z.string().optional(),
  exitCode: z.number().optional(),
  startedAt: z.number().optional(),
  networks: z.array(z.object({ network: z.string(), address: z.string(), mac: z.string() })).readonly(),
});

const registration = z.object({
  name: z.string(),
  address: z.string(),
  interface: z.string(),
  underlayMtu: z.number(),
  routes: z.array(z.string()),
  engine: z.string(),
  version: z.string(),
});

/** Where a server listens: requests, feed, metrics. */
const busPorts = z.object({ requests: z.number(), feed: z.number(), metrics: z.number() });

const block = z.object({ network: z.string(), cidr: z.string(), node: z.string() });

export const methods = {
  // -- membership
  /** token. Spends one use and makes the node; from then on the node is `key`. Same key again: the same node, no use spent. */
  'node.join': m(
    registration.extend({ key: z.string() }),
    z.object({ node: z.string(), cluster: z.string(), ports: busPorts }),
  ),
  /** After every (re)connection. Refuses a key without a node. */
  'node.register': m(registration, z.object({ cluster: z.string() })),
  /** Every 5 s. Answers the topics of which the agent's revision is behind. */
  'node.heartbeat': m(z.object({ topics: z.record(z.string(), z.number()) }), z.object({ stale: z.array(z.string()) })),
  /** Something a person should know: a repair, a failure. Kept, newest 50 per node, in memory. */
  'node.event': m(
    z.object({ kind: z.enum(['repair', 'error', 'info']), message: z.string(), time: z.number() }),
    nothing,
  ),
  'node.list': m(nothing, z.array(nodeView)),
  'node.inspect': m(byName, nodeView),
  'node.drain': m(byName.extend({ drained: z.boolean() }), nothing),
  /** Forgets the node, its endpoints, blocks and workloads, and ends its sessions. With `force` also a node that has workloads. */
  'node.remove': m(byName.extend({ force: z.boolean() }), nothing),

  // -- tokens
  'token.create': m(z.object({ uses: z.number(), ttlMs: z.number() }), z.object({ token: z.string() })),

  // -- networks
  'network.create': m(
    z.object({
      name: z.string(),
      driver: z.string().default('overlay'),
      subnet: z.string().optional(),
      vni: z.number().optional(),
      mtu: z.number().optional(),
      discovery: z.string().default('registry'),
      internal: z.boolean().default(false),
      options: z.record(z.string(), z.string()).default({}),
      dryRun: z.boolean().default(false),
    }),
    networkView,
  ),
  'network.list': m(nothing, z.array(networkView)),
  'network.inspect': m(byName, networkView),
  'network.remove': m(byName, nothing),
  /** Puts a container on a further network, whether it runs or not. */
  'network.connect': m(
    z.object({
      network: z.string(),
      container: z.string(),
      address: z.string().optional(),
      aliases: z.array(z.string()).default([]),
    }),
    containerView,
  ),
  'network.disconnect': m(
    z.object({ network: z.string(), container: z.string(), force: z.boolean().default(false) }),
    containerView,
  ),

  // -- the feed
  'feed.snapshot': m(
    z.object({ topic: z.string() }),
    z.object({
      topic: z.string(),
      revision: z.number(),
      items: z.array(z.object({ key: z.string(), value: z.unknown() })),
    }),
  ),

  // -- addresses
  /** A block of the network for the calling node; a single address (prefix 32) when blocks have run out. */
  'block.lease': m(z.object({ network: z.string() }), block),
  'block.release': m(z.object({ network: z.string(), cidr: z.string() }), nothing),
  /**
   * Holds a fixed address for the calling node. In another node's block its owner is asked to give it up.
   * `conflict` says who has it.
   */
  'address.reserve': m(z.object({ network: z.string(), address: z.string() }), nothing),
  'address.release': m(z.object({ network: z.string(), address: z.string() }), nothing),
  /** Asked of agents: never assign this address of yours, if it is free. */
  'address.yield': m(z.object({ network: z.string(), address: z.string() }), nothing),

  // -- endpoints: the calling node says what it has; all of them, when it (re)connects
  'endpoint.put': m(z.object({ endpoint }), nothing),
  'endpoint.delete': m(z.object({ network: z.string(), address: z.string(), id: z.string() }), nothing),
  /** All endpoints of the calling node in one network; others of the node there are dropped. */
  'endpoint.sync': m(
    z.object({ network: z.string(), endpoints: z.array(endpoint) }),
    z.object({ refused: z.array(z.string()) }),
  ),

  // -- containers: workloads, and those that people started with docker; `name`: NAME, an id, or NODE/NAME
  'workload.run': m(
    z.object({
      name: z.string().optional(),
      node: z.string().optional(),
      spec: workloadSpec,
      /** `X-Registry-Auth` for the image; handed to the node in memory, and kept nowhere. */
      registryAuth: z.string().max(65_536).optional(),
    }),
    containerView,
  ),
  'workload.list': m(nothing, z.array(containerView)),
  'workload.inspect': m(byName, containerView),
  'workload.start': m(byName, containerView),
  'workload.stop': m(theOne.extend({ graceSeconds: z.number().optional() }), containerView),
  /** Tells which workload goes; nothing of what the engine of its node has removed already. */
  'workload.remove': m(
    theOne.extend({ force: z.boolean() }),
    z.object({ removing: z.object({ name: z.string(), id: z.string() }).optional() }),
  ),
  /** Waits until the status changes from `since` (a counter; 0: answer at once) or `waitMs` has passed. */
  'workload.wait': m(
    theOne.extend({ since: z.number(), waitMs: z.number() }),
    z.object({ since: z.number(), gone: z.boolean(), container: containerView.nullable() }),
  ),
  /** From the workload's node. */
  'workload.report': m(z.object({ status: workloadStatus }), nothing),

  // -- asked of agents, about a container of their engine
  'container.inspect': m(inEngine, engineContainer),
  'container.start': m(inEngine, engineContainer),
  'container.stop': m(inEngine.extend({ graceSeconds: z.number().optional() }), engineContainer),
  /** Answers when it is gone, and its endpoints have been told of. */
  'container.remove': m(inEngine.extend({ force: z.boolean() }), nothing),
  /** `network`: its id. A workload's container that is on it already is no failure. */
  'container.connect': m(
    inEngine.extend({ network: z.string(), address: z.string().optional(), aliases: z.array(z.string()) }),
    engineContainer,
  ),
  'container.disconnect': m(inEngine.extend({ network: z.string(), force: z.boolean() }), engineContainer),

  /** Asked of agents: answers when the node's container engine has the network. */
  'network.ensure': m(z.object({ network: z.string() }), nothing),
  /** Asked of agents: what the registry of this workload's image is to be shown. Kept in memory, for a while. */
  'image.login': m(z.object({ workload: z.string(), registryAuth: z.string() }), nothing),

  // -- asked of an agent by its own host
  'agent.status': m(
    nothing,
    z.object({ node: z.string(), link: z.string(), message: z.string(), servers: z.array(z.string()) }),
  ),
  /** Everything of Trama's goes from the host; with `dryRun` answers the commands instead. */
  'agent.leave': m(z.object({ force: z.boolean(), dryRun: z.boolean() }), z.object({ commands: z.array(z.string()) })),
} as const satisfies Record<string, Method>;

export type Methods = typeof methods;
export type MethodName = keyof Methods;
export type Params<M extends MethodName> = z.input<Methods[M]['params']>;
export type ParsedParams<M extends MethodName> = z.output<Methods[M]['params']>;
export type Result<M extends MethodName> = z.infer<Methods[M]['result']>;

/** Streams that can be opened, with the schema of their parameters. Results: see each. */
export const streams = {
  /** Ends with `{exitCode, error?}`; `error`: a sentence that says why the command could not be started. */
  'workload.exec': z.object({
    name: z.string(),
    command: z.array(z.string()),
    tty: z.boolean(),
    stdin: z.boolean(),
    env: z.array(z.string()),
    user: z.string().optional(),
  }),
  'workload.logs': z.object({
    name: z.string(),
    follow: z.boolean(),
    tail: z.number().optional(),
    timestamps: z.boolean(),
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
} as const;

export type StreamName = keyof typeof streams;

/** `call` with types. */
export function ask<M extends MethodName>(
  api: Api,
  method: M,
  params: Params<M>,
  options?: CallOptions,
): Promise<Result<M>> {
  return api.call(method, params, options) as Promise<Result<M>>;
}

function m<P extends z.ZodType, R extends z.ZodType>(params: P, result: R): Method<P, R> {
  return { params, result };
}
