/** Membership: how a host becomes a node, comes back as one, and is seen. Leaving: `departure.ts`. */
import {
  canonicalAddress,
  checkNodeName,
  Failure,
  fnv1a,
  formatSubnet,
  type HostInterface,
  type NetworkRecord,
  parseSubnet,
  quoted,
  routeClash,
  versionSkew,
} from '../domain/domain.ts';
import type { NodeView, ParsedParams } from '../protocol/protocol.ts';
import type { Condition, Write } from '../store/store.ts';
import { change } from './change.ts';
import { type Call, type Context, callingNode, type Methods } from './context.ts';
import { allOf, nodeAddressKey, nodeKey, nodeKeyKey, removingKey, tokenKey } from './keys.ts';
import {
  absent,
  asSeen,
  type Found,
  put,
  read,
  readAll,
  remove,
  type StoredNode,
  type StoredToken,
  unchanged,
} from './records.ts';
import { spend } from './tokens.ts';

type Registration = ParsedParams<'node.register'>;

export const nodeMethods: Methods<
  | 'node.join'
  | 'node.register'
  | 'node.heartbeat'
  | 'node.return'
  | 'node.event'
  | 'node.happened'
  | 'cluster.servers'
  | 'node.list'
  | 'node.inspect'
  | 'node.drain'
> = {
  'node.join': async (context, params, call) => {
    const { node, joined } = await context.turns.take('join', () => join(context, params, call));
    // Anybody may name a key that somebody else has: that one has not been heard by that.
    if (joined) context.presence.heard(node);
    const servers = context.registry.servers().map(({ id, host, ports }) => ({ id, host, ports }));
    return {
      node,
      cluster: context.cluster,
      ports: { ...context.bus.ports },
      server: context.registry.id,
      servers,
    };
  },

  'node.register': async (context, params, call) => {
    const name = callingNode(call);
    const evicted = await register(context, name, facts(params));
    context.presence.heard(name);
    return { cluster: context.cluster, evicted };
  },

  'node.heartbeat': async (context, { topics, nextMs }, call) => {
    const name = callingNode(call);
    context.presence.heard(name, nextMs);
    const { id: server, able } = context.registry;
    const evicted = context.presence.state(name) === 'evicted';
    return { ...context.feed.compare(topics), evicted, server, able, beats: true, waits: true };
  },

  'node.return': async (context, _params, call) => {
    await takeBack(context, callingNode(call));
    return {};
  },

  'node.event': async (context, event, call) => {
    const node = callingNode(call);
    const { kind, message, time } = event;
    context.presence.event(node, { ...event, message: message.slice(0, 2000) });
    context.watching.tell(['nodes']);
    context.happenings.add({
      ...{ id: `${node}/${kind}/${time}/${fnv1a(message)}`, time, node, name: node, message, attributes: {} },
      ...(kind === 'error' ? { type: 'trouble', action: 'meet' } : { type: 'repair', action: 'repair' }),
    });
    return {};
  },

  'node.happened': async (context, { events }, call) => {
    const node = callingNode(call);
    for (const event of events) context.happenings.add({ ...event, id: `${node}/${event.id}`, node });
    return {};
  },

  'cluster.servers': async ({ cluster, registry, served: { api } }) => {
    const servers = registry.servers().map((each) => ({ ...each, keepsHouse: each.id === registry.keeper }));
    return { cluster, server: registry.id, servers, able: registry.able, ...(api === undefined ? {} : { api }) };
  },

  'node.list': async (context) => {
    const nodes = await readAll<StoredNode>(context.store, allOf('nodes'));
    const counts = context.containers.counts();
    return nodes.map(({ value }) => nodeView(context, value, counts));
  },

  'node.inspect': async (context, { name }) =>
    nodeView(context, (await findNode(context, name)).value, context.containers.counts()),

  'node.drain': async (context, { name, drained }) => {
    await setDrained(context, name, drained);
    return {};
  },
};

/** @returns whether it was before. @throws Failure `not-found` */
export async function setDrained(context: Context, name: string, drained: boolean): Promise<boolean> {
  const { result } = await change(context, `node ${name}`, async () => {
    const node = await findNode(context, name);
    const writes = node.value.drained === drained ? [] : [put(node.key, { ...node.value, drained })];
    return { conditions: [unchanged(node)], writes, result: node.value.drained };
  });
  return result;
}

/** @throws Failure `not-found` */
export async function findNode({ store }: Context, name: string): Promise<Found<StoredNode>> {
  const node = await read<StoredNode>(store, nodeKey(name));
  if (node) return node;
  throw new Failure('not-found', `there is no node ${quoted(name)}: \`trama node ls\` shows those there are`);
}

export function statusOf(context: Context, node: StoredNode): NodeView['status'] {
  const state = context.presence.state(node.name);
  return state === 'ready' && node.drained ? 'draining' : state;
}

function nodeView(context: Context, node: StoredNode, containers: ReadonlyMap<string, number>): NodeView {
  const { name, address, interface: device, underlayMtu, key, engine, version, joinedAt } = node;
  const status = statusOf(context, node);
  const heard = context.presence.view(name);
  const skew = versionSkew(version, context.version);
  return {
    ...{ name, address, interface: device, underlayMtu, key, status, engine, version, skew, joinedAt },
    ...heard,
    containers: containers.get(name) ?? 0,
  };
}

/** Makes the node, or finds that it was made by an earlier try. */
async function join(context: Context, params: ParsedParams<'node.join'>, { caller }: Call) {
  if (!/^[!-~]{40}$/.test(params.key)) throw new Failure('invalid', 'the key of the joining node is not a CURVE key');
  const { result, revision } = await change(context, `node ${params.name}`, async () => {
    const known = await read<string>(context.store, nodeKeyKey(params.key));
    if (known) return { conditions: [], writes: [], result: { node: known.value, joined: false } };
    if (caller.kind === 'node' || caller.kind === 'user')
      throw new Failure('denied', `a host joins with a token, not by a ${caller.kind}`);
    const fact = facts(params);
    const name = checkNodeName(params.name);
    const token = caller.kind === 'token' ? await spendOne(context, caller.key) : { conditions: [], writes: [] };
    await checkFree(context, name, fact.address);
    const record: StoredNode = { ...fact, name, key: params.key, joinedAt: context.clock.now(), drained: false };
    await reportRouteClash(context, record);
    return {
      conditions: [
        ...token.conditions,
        ...[nodeKey(name), nodeKeyKey(params.key), nodeAddressKey(fact.address)].map(absent),
        absent(removingKey('node', name)),
      ],
      writes: [
        ...token.writes,
        put(nodeKey(name), record),
        put(nodeKeyKey(params.key), name),
        put(nodeAddressKey(fact.address), name),
      ],
      result: { node: name, joined: true },
    };
  });
  // The node comes back with its own key as soon as it has the answer: the gatekeeper has to know it by then.
  await context.follow.reached(revision);
  return result;
}

async function spendOne(context: Context, publicKey: string): Promise<{ conditions: Condition[]; writes: Write[] }> {
  const token = await read<StoredToken>(context.store, tokenKey(publicKey));
  const spent = spend(token?.value, context.clock.now());
  const key = tokenKey(publicKey);
  return { conditions: [asSeen(key, token)], writes: [put(key, spent)] };
}

/** @throws Failure `conflict` */
async function checkFree({ store }: Context, name: string, address: string): Promise<void> {
  const node = await read<StoredNode>(store, nodeKey(name));
  if (node) {
    const by = `another host (${node.value.address})`;
    throw new Failure('conflict', `node name ${name} is taken by ${by}: choose another with --name`);
  }
  if (await read(store, removingKey('node', name))) {
    throw new Failure('conflict', `node ${name} is just being removed: try again in a moment`);
  }
  const holder = await read<string>(store, nodeAddressKey(address));
  if (!holder) return;
  throw new Failure(
    'conflict',
    `address ${address} belongs to node ${holder.value}: choose another with --address, or remove that node first with \`trama node rm ${holder.value}\``,
  );
}

const isEvicted = ({ health }: StoredNode): boolean => health?.state === 'evicting' || health?.state === 'evicted';

/** The caller's facts as they are now. Nothing is written when nothing has changed. @returns whether it was evicted */
async function register(context: Context, name: string, fact: Facts): Promise<boolean> {
  let wasDown = false;
  const { result, revision } = await change(context, `node ${name}`, async () => {
    const node = await findNode(context, name);
    const { health, ...before } = node.value;
    wasDown = health?.state === 'down';
    // Who asks is not silent. Who was evicted has to give up first what is others' now.
    const record: StoredNode = { ...before, ...fact, ...(isEvicted(node.value) ? { health } : {}) };
    const evicted = isEvicted(record);
    await reportRouteClash(context, record);
    if (JSON.stringify(record) === JSON.stringify(node.value)) return { conditions: [], writes: [], result: evicted };
    const moved = fact.address === node.value.address ? none : await moveAddress(context, node.value, fact.address);
    return {
      conditions: [unchanged(node), ...moved.conditions],
      writes: [put(node.key, record), ...moved.writes],
      result: evicted,
    };
  });
  if (wasDown && revision > 0) context.log.info('node is back', { node: name });
  return result;
}

/** An evicted node has given up what is others' now. @throws Failure `unavailable` while it is still being evicted */
async function takeBack(context: Context, name: string): Promise<void> {
  const { revision } = await change(context, `node ${name}`, async () => {
    const node = await findNode(context, name);
    const { health, ...record } = node.value;
    if (health?.state === 'evicting')
      throw new Failure('unavailable', `node ${name} is just being evicted: try again in a moment`);
    const writes = health === undefined ? [] : [put(node.key, record)];
    return { conditions: [unchanged(node)], writes, result: undefined };
  });
  if (revision > 0) context.log.info('evicted node is back', { node: name });
}

const none: { conditions: Condition[]; writes: Write[] } = { conditions: [], writes: [] };

/** The new address, if no living node has it, and the end of the former. @throws Failure `conflict` */
async function moveAddress(context: Context, node: StoredNode, address: string): Promise<typeof none> {
  const holder = await read<string>(context.store, nodeAddressKey(address));
  if (holder && holder.value !== node.name) {
    const by = `node ${holder.value}`;
    if (context.presence.isReady(holder.value)) {
      throw new Failure('conflict', `address ${address} belongs to ${by}: choose another with --address`);
    }
    context.presence.trouble(node.name, `address ${address} is also that of ${by}, which is down: remove one of them`);
  }
  const former = await read<string>(context.store, nodeAddressKey(node.address));
  const mine = former?.value === node.name;
  return {
    conditions: [asSeen(nodeAddressKey(address), holder), asSeen(nodeAddressKey(node.address), former)],
    writes: [put(nodeAddressKey(address), node.name), ...(mine ? [remove(nodeAddressKey(node.address))] : [])],
  };
}

/** A host may join although one of its routes leads where a network is, but somebody should know. */
async function reportRouteClash(context: Context, node: StoredNode): Promise<void> {
  const networks = await readAll<NetworkRecord>(context.store, allOf('networks'));
  const clash = routeClash(
    node,
    networks.map(({ value }) => value),
  );
  if (clash) {
    context.presence.trouble(
      node.name,
      `${clash}: this host reaches only one of them, remove the route or the network`,
    );
  }
}

type Facts = Pick<StoredNode, 'address' | 'interface' | 'underlayMtu' | 'routes' | 'interfaces' | 'engine' | 'version'>;

/** What a host says of itself, checked. @throws Failure `invalid` */
function facts(params: Registration): Facts {
  const { interface: device, underlayMtu, engine, version } = params;
  if (!/^[^\s/]{1,15}$/.test(device)) throw new Failure('invalid', `${quoted(device)} is not an interface's name`);
  if (!Number.isInteger(underlayMtu) || underlayMtu < 68 || underlayMtu > 65_536) {
    throw new Failure('invalid', `${underlayMtu} is not the MTU of an interface`);
  }
  const routes = params.routes.slice(0, 10_000).map((route) => formatSubnet(parseSubnet(route)));
  const address = canonicalAddress(params.address);
  const interfaces = params.interfaces.slice(0, 256).map(checkInterface);
  return { address, interface: device, underlayMtu, routes, interfaces, engine, version };
}

function checkInterface({ bridge, master, gateway, ...found }: Registration['interfaces'][number]): HostInterface {
  const addresses = found.addresses.map((cidr) => {
    const [address = '', prefix = ''] = cidr.split('/');
    return `${canonicalAddress(address)}/${Number(prefix)}`;
  });
  return {
    ...found,
    addresses,
    ...(bridge === undefined ? {} : { bridge }),
    ...(master === undefined ? {} : { master }),
    ...(gateway === undefined ? {} : { gateway: canonicalAddress(gateway) }),
  };
}
