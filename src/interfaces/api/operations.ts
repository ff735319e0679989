/**
 * What the HTTP API offers: `/v1/NAME` for each, and no other. What only nodes ask, about themselves or of one another, is not
 * among it: that changes from version to version, and takes a node's key.
 */
import type { MethodName, StreamName } from '../../protocol/protocol.ts';

export type Operation =
  /** `look` changes nothing, and is asked by GET too. */
  | { readonly kind: 'look' | 'change'; readonly summary: string }
  /** Flows to whoever asks, as server-sent events; `lines`: each is a line of JSON, else output of a container. */
  | { readonly kind: 'events'; readonly summary: string; readonly lines: boolean; readonly hidden?: readonly string[] }
  /** An answer, or a request, whose body is the bytes themselves. */
  | { readonly kind: 'download' | 'upload'; readonly summary: string; readonly type: string }
  /** Both ways at once: by WebSocket, as every other stream may be too. */
  | { readonly kind: 'terminal'; readonly summary: string };

const look = (summary: string): Operation => ({ kind: 'look', summary });
const change = (summary: string): Operation => ({ kind: 'change', summary });
const terminal = (summary: string): Operation => ({ kind: 'terminal', summary });
const tar = 'application/x-tar';

export const operations: { readonly [N in MethodName | StreamName]?: Operation } = {
  'node.list': look('List the nodes'),
  'node.inspect': look('Show a node, with its last repairs and troubles'),
  'node.drain': change('Give a node no new containers, or again'),
  'node.leave': change('Take a node out: drained, and everything of Trama gone from its host'),
  'node.remove': change('Forget a node that will not come back'),
  'node.probe': look('What a node says of the way to an address in a network'),

  'cluster.version': look('The version of Trama of the server that answers'),
  'cluster.clock': look("The time by the server's clock"),
  'cluster.servers': look('The servers: where they are, their versions, and which of them keeps house'),
  'cluster.watch': { kind: 'events', lines: true, summary: 'Which lists have changed, as they change' },
  'cluster.events': { kind: 'events', lines: true, summary: 'What happens in the cluster' },

  'token.create': change('Make a join token'),
  'token.list': look('List the join tokens'),
  'token.remove': change('Remove a join token: nobody joins with it any more'),
  'user.create': change('Make a user of a public key'),
  'user.list': look('List the users'),
  'user.inspect': look('Show a user'),
  'user.remove': change('Remove a user; its sessions and streams end at once'),

  'network.create': change('Make a network'),
  'network.list': look('List the networks'),
  'network.inspect': look('Show a network'),
  'network.remove': change('Remove a network'),
  'network.connect': change('Put a container on a further network'),
  'network.disconnect': change('Take a container off a network'),

  'workload.run': change('Run a container'),
  'workload.list': look('List the containers'),
  'workload.inspect': look('Show a container, with what it was run with'),
  'workload.start': change('Start a container'),
  'workload.stop': change('Stop a container'),
  'workload.remove': change('Remove a container'),
  'workload.wait': look('Wait until the status of a container changes'),
  'workload.path': look('What there is at a path of a container'),
  'workload.stats': look('What containers use'),
  'image.list': look('Images of the nodes'),
  // With a login among its parameters, which is not for an address.
  'registry.list': change('What a registry has, as a node sees it: repositories and tags'),
  'workload.logs': {
    ...{ kind: 'events', lines: false, summary: 'The log of a container' },
    hidden: ['positions', 'after'],
  },
  'workload.exec': terminal('Run a command in a container'),
  'workload.attach': terminal('The streams of the main process of a container'),
  'workload.debug': terminal('Bring tools among the processes and into the network of a container'),
  'workload.archive': { kind: 'download', type: tar, summary: 'A file or directory of a container, as a tar archive' },
  'workload.extract': { kind: 'upload', type: tar, summary: 'Take a tar archive apart in a directory of a container' },

  'store.backup': {
    ...{ kind: 'download', type: 'application/octet-stream' },
    summary: "Everything that the store holds, the servers' secret key too",
  },

  'agent.status': look("How the agent of this host is, and its servers' addresses"),
  'agent.drift': look('What the next pass of the agent would change on this host'),
  'agent.leave': change('Take this host out of the cluster, or, with dryRun, the commands for it'),
};

export type OperationName = keyof typeof operations;

/** @returns undefined for what there is not */
export function operationOf(name: string): Operation | undefined {
  return Object.hasOwn(operations, name) ? operations[name as OperationName] : undefined;
}

/** Whether it goes on until one side ends it. */
export const isFlowing = ({ kind }: Operation): boolean => kind !== 'look' && kind !== 'change';
