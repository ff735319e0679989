/**
 * Every method that can be asked of an Api, with the schemas of its parameters and result. One table serves the bus,
 * the local socket and the command line: long, and in one place, since whoever looks for a method looks here.
 *
 * Who may call: `token` methods by a peer with a join token; the rest by nodes and by root on the local socket; by users what
 * the server's table of rules gives to their role (`server/rules.ts`).
 */
import { z } from 'zod';
import type { Discovery, EndpointRecord, PublishedPort, WorkloadPhase } from '../domain/domain.ts';
import type { Api, CallOptions, Method } from './api.ts';
import { clusterEvent } from './events.ts';
import { clusterServers, heard, letIn } from './server-answers.ts';
import {
  containerStats,
  containerView,
  engineContainer,
  imagesOfNode,
  localImage,
  networkView,
  nodeView,
  pathInContainer,
  registryContents,
  statsView,
  tokenView,
  userView,
} from './views.ts';
import { publishedPort, workloadSpec } from './workload-spec.ts';

/**
 * One of the words of `T`, or one that a newer Trama has: what a node tells of itself is not refused for a word that is not known
 * yet, it is passed on (docs/adr/0014-versions.md).
 */
const word = <T extends string>() => z.string().max(64) as unknown as z.ZodType<T, T>;

const nothing = z.object({});
const byName = z.object({ name: z.string() });
/** With an id: that workload and nothing else, be it gone and its name another's. */
const theOne = byName.extend({ id: z.string().optional() });
/** By its name or id, as its engine knows it. */
const inEngine = z.object({ container: z.string() });

const endpoint = z.object({
  id: z.string().max(128),
  network: z.string(),
  node: z.string(),
  kind: word<EndpointRecord['kind']>(),
  address: z.string(),
  mac: z.string(),
  container: z.object({ id: z.string(), name: z.string(), image: z.string().optional() }).optional(),
  aliases: z.array(z.string()).readonly().optional(),
  ports: z
    .array(publishedPort.extend({ protocol: word<PublishedPort['protocol']>() }))
    .readonly()
    .optional(),
});

/** As the store keeps them: also what a newer Trama has added to them. */
const network = networkView.omit({ nodes: true, containers: true }).extend({ discovery: word<Discovery>() }).loose();
const workload = z.looseObject({
  name: z.string(),
  id: z.string(),
  node: z.string(),
  spec: workloadSpec.loose(),
  desired: z.enum(['running', 'stopped', 'removed']),
  generation: z.number(),
  createdAt: z.number(),
});

const workloadStatus = z.object({
  name: z.string(),
  id: z.string(),
  node: z.string(),
  generation: z.number(),
  phase: word<WorkloadPhase>(),
  message: z.string(),
  containerId: z.string().optional(),
  exitCode: z.number().optional(),
  startedAt: z.number().optional(),
  networks: z.array(z.object({ network: z.string(), address: z.string(), mac: z.string() })).readonly(),
});

const hostInterface = z.object({
  name: z.string().max(64),
  mac: z.string(),
  mtu: z.number(),
  up: z.boolean(),
  bridge: z.boolean().optional(),
  master: z.string().optional(),
  addresses: z.array(z.string()),
  gateway: z.string().optional(),
});

const registration = z.object({
  name: z.string(),
  address: z.string(),
  interface: z.string(),
  underlayMtu: z.number(),
  routes: z.array(z.string()),
  interfaces: z.array(hostInterface).default([]),
  engine: z.string(),
  version: z.string(),
});

/** Network by its id, another node's address in it, and the identifier of the echo requests between them. */
const probe = z.object({ network: z.string(), address: z.string(), id: z.number().int().min(1).max(65_535) });
const probed = z.object({
  /** Whether one of the other's echo requests came by within half a minute; null: that cannot be told. */
  heard: z.boolean().nullable(),
  /** Whether one of our own echo requests was answered from there. */
  answered: z.boolean(),
});
/** The newest revision that the caller has heard of: a server whose store has not come that far refuses. */
const heardOf = z.number().optional();

const askedRegistry = z.object({
  registry: z.string(),
  repository: z.string().optional(),
  registryAuth: z.string().max(65_536).optional(),
});

const block = z.object({ network: z.string(), cidr: z.string(), node: z.string() });

export const methods = {
  // -- membership
  /** token. Spends one use and makes the node; from then on the node is `key`. Same key again: the same node, no use spent. */
  'node.join': m(registration.extend({ key: z.string() }), letIn),
  /** After every (re)connection. Refuses a key without a node. */
  'node.register': m(registration, z.object({ cluster: z.string(), evicted: z.boolean().default(false) })),
  /**
   * Once after a restore: everything that the calling node has. It counts before what the backup says; what another node has
   * claimed already is refused. `places`: where the refused endpoints are, whose ids need not differ between networks.
   */
  'node.claim': m(
    z.object({
      epoch: z.number(),
      networks: z.array(network),
      workloads: z.array(workload),
      blocks: z.array(z.object({ network: z.string(), cidr: z.string() })),
      reservations: z.array(z.object({ network: z.string(), address: z.string() })),
      endpoints: z.array(endpoint),
    }),
    z.object({
      blocks: z.array(z.object({ network: z.string(), cidr: z.string() })),
      endpoints: z.array(z.string()),
      places: z.array(z.object({ network: z.string(), address: z.string() })).optional(),
    }),
  ),
  /** `nextMs`: until the node says something again; absent: a second. Only for servers that have said that they wait. */
  'node.heartbeat': m(
    z.object({ topics: z.record(z.string(), z.number()), nextMs: z.number().nonnegative().optional() }),
    heard,
  ),
  /** An evicted node has taken from its containers what it could not have again. */
  'node.return': m(nothing, nothing),
  /** Something a person should know: a repair, a failure. Kept, newest 50 per node, in memory. */
  'node.event': m(
    z.object({ kind: z.enum(['repair', 'error', 'info']).catch('info'), message: z.string(), time: z.number() }),
    nothing,
  ),
  /** What happened on the calling node, in its order. Kept, the newest of all nodes, in memory. */
  'node.happened': m(z.object({ events: z.array(clusterEvent.omit({ node: true })).max(200) }), nothing),
  'node.list': m(nothing, z.array(nodeView)),
  'node.inspect': m(byName, nodeView),
  'node.drain': m(byName.extend({ drained: z.boolean() }), nothing),
  /**
   * Drained, then everything of Trama's goes from the host, and the cluster forgets it: `agent.leave`, asked of it.
   * A node that stays is as drained as it was.
   */
  'node.leave': m(byName.extend({ force: z.boolean() }), nothing),
  /** Forgets the node, its endpoints, blocks and workloads, and ends its sessions. With `force` also a node that has workloads. */
  'node.remove': m(byName.extend({ force: z.boolean() }), nothing),

  /** Trama's, of the server that answers. */
  'cluster.version': m(nothing, z.object({ version: z.string() })),
  /** Where all servers are, for who is no node; see `node.join` and `node.heartbeat`, which tell nodes. */
  'cluster.servers': m(nothing, clusterServers),
  /** ms since 1970, by the server's clock. */
  'cluster.clock': m(nothing, z.object({ now: z.number() })),
  /** What the node says of the way to another's address in a network by id; see `agent.probe`. */
  'node.probe': m(probe.extend({ node: z.string() }), probed),

  // -- tokens
  'token.create': m(z.object({ uses: z.number(), ttlMs: z.number() }), z.object({ token: z.string() })),
  /** Also those that are of no use any more, for a day. */
  'token.list': m(nothing, z.array(tokenView)),
  /** Nobody joins with it from then on. */
  'token.remove': m(z.object({ id: z.string() }), nothing),

  // -- users: people who control the cluster from elsewhere
  /** `key`: the public half, of a pair that whoever asks has made; the server never has the other. `networks`: empty: all. */
  'user.create': m(
    z.object({
      name: z.string(),
      key: z.string(),
      role: z.string(),
      networks: z.array(z.string()).default([]),
      ttlMs: z.number().optional(),
    }),
    z.object({ serverKey: z.string() }),
  ),
  'user.list': m(nothing, z.array(userView)),
  'user.inspect': m(byName, userView),
  /** Its live sessions end at once. */
  'user.remove': m(byName, nothing),

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

  /**
   * Who asked for something is gone before it was answered: under this id it is not done any more, wherever it still is on its way. What
   * has been done stays.
   */
  'request.withdraw': m(z.object({ request: z.string().min(1).max(200) }), nothing),

  // -- the feed
  'feed.snapshot': m(
    z.object({ topic: z.string() }),
    z.object({
      topic: z.string(),
      revision: z.number(),
      items: z.array(z.object({ key: z.string(), value: z.unknown() })),
      epoch: z.number().optional(),
      settled: z.boolean().optional(),
    }),
  ),

  /** What was told of a topic after a revision; absent when that is not known any more: a snapshot has it. */
  'feed.missed': m(
    z.object({ topic: z.string(), since: z.number() }),
    z.object({
      deltas: z.array(z.object({ previous: z.number(), revision: z.number(), data: z.string() })).optional(),
    }),
  ),

  // -- addresses
  /** A block of the network for the calling node; a single address (prefix 32) when blocks have run out. */
  'block.lease': m(z.object({ network: z.string(), heard: heardOf }), block),
  'block.release': m(z.object({ network: z.string(), cidr: z.string() }), nothing),
  /**
   * Holds a fixed address for the calling node. In another node's block its owner is asked to give it up.
   * `conflict` says who has it.
   */
  'address.reserve': m(z.object({ network: z.string(), address: z.string(), heard: heardOf }), nothing),
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
  /** What there is at a path of a container; null: nothing. */
  'workload.path': m(byName.extend({ path: z.string() }), z.object({ found: pathInContainer.nullable() })),
  /** What containers use: those that are named, or all that run, on whatever nodes. */
  'workload.stats': m(z.object({ names: z.array(z.string()).optional() }), z.array(statsView)),
  // -- images
  /** What engines have, by node: of one, or of all that are connected. */
  'image.list': m(z.object({ node: z.string().optional() }), z.array(imagesOfNode)),
  /**
   * What a registry has (HOST[:PORT]), asked from a node, whose engine's trust and logins count. `repository`: of that alone.
   * `registryAuth` as of `workload.run`.
   */
  'registry.list': m(
    askedRegistry.extend({ node: z.string().optional() }),
    registryContents.extend({ node: z.string() }),
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

  'container.path': m(inEngine.extend({ path: z.string() }), z.object({ found: pathInContainer.nullable() })),
  /** By names or ids of the engine. Those that do not run are left out. */
  'container.stats': m(z.object({ containers: z.array(z.string()) }), z.array(containerStats)),

  /** Asked of agents: answers when the node's container engine has the network. */
  'network.ensure': m(z.object({ network: z.string() }), nothing),
  /** Asked of agents: what the registry of this workload's image is to be shown. Kept in memory, for a while. */
  'image.login': m(z.object({ workload: z.string(), registryAuth: z.string() }), nothing),

  /** Asked of agents: images of their engine. */
  'agent.images': m(nothing, z.array(localImage)),
  /** Asked of agents: what a registry has. */
  'agent.registry': m(askedRegistry, registryContents),

  /** Asked of agents: whether the node hears another in a network that both are in. */
  'agent.probe': m(probe, probed),
  /** Asked of agents: whether a host answers at all, whatever runs on it. */
  'agent.reach': m(z.object({ address: z.string() }), z.object({ answered: z.boolean() })),

  // -- asked of an agent by its own host; `agent.leave` also by a server, for `node.leave`
  'agent.status': m(
    nothing,
    z.object({
      node: z.string(),
      link: z.string(),
      message: z.string(),
      servers: z.array(z.string()),
      version: z.string().default(''),
    }),
  ),
  /** What the next pass would change, in sentences; a difference that was found is repaired soon after. */
  'agent.drift': m(nothing, z.object({ differences: z.array(z.string()) })),
  /** Everything of Trama's goes from the host; with `dryRun` answers the commands instead. */
  'agent.leave': m(z.object({ force: z.boolean(), dryRun: z.boolean() }), z.object({ commands: z.array(z.string()) })),
} as const satisfies Record<string, Method>;

/**
 * Of those that a server is asked all the time, the ones that change nothing which another could not say the same moment: asked twice, they
 * may be done twice. A thousand nodes' heartbeats of five minutes are a hundred megabytes of answers.
 */
export const repeatable: ReadonlySet<string> = new Set<keyof typeof methods>([
  'node.heartbeat',
  'feed.snapshot',
  'feed.missed',
  'cluster.clock',
  'cluster.version',
]);

export type Methods = typeof methods;
export type MethodName = keyof Methods;
export type Params<M extends MethodName> = z.input<Methods[M]['params']>;
export type ParsedParams<M extends MethodName> = z.output<Methods[M]['params']>;
export type Result<M extends MethodName> = z.infer<Methods[M]['result']>;

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
