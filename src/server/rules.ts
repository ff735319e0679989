/**
 * What users may ask of a server: one table of every method and stream that there is. What has no rule here is nobody's: a test
 * compares it with the protocol's own tables. How the rules are applied: `permissions.ts`.
 *
 * Roles: a viewer looks (logs too, as Kubernetes' `view` does; no environments); an operator also runs, stops, removes and enters
 * containers, and makes and removes networks; an administrator does everything that takes no node's identity.
 */
import type { Role } from '../domain/domain.ts';
import type { StreamName } from '../protocol/protocol.ts';
import type { ServedMethod } from './context.ts';

/**
 * What holds for those who are limited to networks:
 * - `open`: the same as for others;
 * - `filtered`: of what is answered they see what is theirs;
 * - `container`: the container named `name` has to be theirs: on networks of theirs, and on no other;
 * - `network`: the network named `name` has to be theirs;
 * - `both`: the container named `container` and the network named `network`;
 * - `run`: a new container has to be as one that is theirs;
 * - `never`: it is not for them.
 */
export type Within = 'open' | 'filtered' | 'container' | 'network' | 'both' | 'run' | 'never';

export interface Rule {
  readonly least: Role;
  readonly within: Within;
  /** What it does, after "may not". */
  readonly does: string;
}

/** `node`: a node asks it about itself. `host`: root on a server's host. Neither is any user's, whatever the role. */
export type Ruled = Rule | 'node' | 'host';

const viewer = (within: Within, does: string): Rule => ({ least: 'viewer', within, does });
const operator = (within: Within, does: string): Rule => ({ least: 'operator', within, does });
const admin = (does: string): Rule => ({ least: 'admin', within: 'never', does });

export const rules: { readonly [M in ServedMethod | StreamName]: Ruled } = {
  'node.join': 'node',
  'node.register': 'node',
  'node.claim': 'node',
  'node.heartbeat': 'node',
  'node.return': 'node',
  'node.event': 'node',
  'node.happened': 'node',
  'node.list': viewer('filtered', 'list nodes'),
  'node.inspect': viewer('filtered', 'inspect nodes'),
  'node.drain': admin('drain nodes'),
  'node.leave': admin('take nodes out'),
  'node.remove': admin('remove nodes'),
  'node.probe': admin('probe the ways between nodes'),

  'request.withdraw': 'node',

  'cluster.version': viewer('open', 'ask for versions'),
  'cluster.clock': viewer('open', 'ask for the time'),
  'cluster.servers': viewer('open', 'ask for the servers'),
  // Which lists have changed, and nothing of what is in them.
  'cluster.watch': viewer('open', 'watch the cluster'),
  // They name containers and networks of others.
  'cluster.events': viewer('never', 'follow what happens in the cluster'),

  'token.create': admin('make join tokens'),
  'token.list': admin('list join tokens'),
  'token.remove': admin('remove join tokens'),
  'user.create': admin('make users'),
  'user.list': admin('list users'),
  'user.inspect': admin('inspect users'),
  'user.remove': admin('remove users'),

  'network.create': operator('never', 'make networks'),
  'network.list': viewer('filtered', 'list networks'),
  'network.inspect': viewer('network', 'inspect networks'),
  'network.remove': operator('never', 'remove networks'),
  'network.connect': operator('both', 'connect containers to networks'),
  'network.disconnect': operator('both', 'disconnect containers from networks'),

  'feed.snapshot': 'node',
  'feed.missed': 'node',
  'block.lease': 'node',
  'block.release': 'node',
  'address.reserve': 'node',
  'address.release': 'node',
  'endpoint.put': 'node',
  'endpoint.delete': 'node',
  'endpoint.sync': 'node',

  'workload.run': operator('run', 'run containers'),
  'workload.list': viewer('filtered', 'list containers'),
  'workload.inspect': viewer('container', 'inspect containers'),
  'workload.start': operator('container', 'start containers'),
  'workload.stop': operator('container', 'stop containers'),
  'workload.remove': operator('container', 'remove containers'),
  'workload.wait': viewer('container', 'wait for containers'),
  'workload.report': 'node',
  'workload.stats': viewer('filtered', 'see what containers use'),
  'workload.path': operator('container', 'look into the files of containers'),

  // Who runs containers may pull with what a node is logged in with; what there is to pull is no more than that.
  'image.list': operator('open', 'see the images of nodes'),
  'registry.list': operator('open', 'see what registries have'),

  'workload.logs': viewer('container', 'read the logs of containers'),
  'workload.exec': operator('container', 'run commands in containers'),
  'workload.archive': operator('container', 'copy files from containers'),
  'workload.extract': operator('container', 'copy files to containers'),
  'workload.attach': operator('container', 'attach to containers'),
  'workload.debug': operator('container', 'bring tools into containers'),
  // The servers' secret key is in it: not for administrators either.
  'store.backup': 'host',
};
