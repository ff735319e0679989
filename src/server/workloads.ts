/**
 * Workloads: people write what should be, the node that has it obeys and reports. Level, not edge: a start is a record.
 *
 * A removal is a wish like the others (`desired: 'removed'`). The node says that it is done by the phase `removing` with
 * the message `gone`; only then the record goes. Of a node that is down nobody waits for that, if asked with force: it
 * learns when it is back that the workload is no longer there, and removes the container.
 */
import {
  checkContainerName,
  type EndpointRecord,
  Failure,
  inventContainerName,
  joinedBy,
  type NetworkRecord,
  quoted,
  type WorkloadRecord,
  type WorkloadStatus,
} from '../domain/domain.ts';
import type { ContainerView } from '../protocol/protocol.ts';
import { change } from './change.ts';
import { type Context, type Methods, speaksFor } from './context.ts';
import { endpointKey, macKey, statusKey, workloadKey } from './keys.ts';
import { allStay } from './marks.ts';
import { findNode, statusOf } from './nodes.ts';
import { place, whyUnfit } from './placement.ts';
import { absent, asSeen, type Found, put, read, remove, unchanged } from './records.ts';
import { login } from './registry-login.ts';
import { nodeJoined } from './whereabouts.ts';
import { checkSpec } from './workload-spec.ts';
import { containerView, findWorkload } from './workload-view.ts';

/** What a node says when a removed workload's container is no longer there. */
const goneMessage = 'gone';

export const workloadMethods: Methods<
  'workload.run' | 'workload.start' | 'workload.stop' | 'workload.remove' | 'workload.report'
> = {
  'workload.run': async (context, params, call) => {
    if (params.name !== undefined) checkContainerName(params.name);
    context.epoch.checkSettled('a new container');
    let record: WorkloadRecord | undefined;
    const plan = async () => {
      const { spec, networks } = await checkSpec(context, params.spec);
      const where = (await nodeJoined(context, joinedBy(spec), params.node)) ?? params.node;
      const records = networks.map(({ value }) => value);
      const node = where === undefined ? await place(context, records) : await checkNode(context, where, records);
      const name = params.name === undefined ? await invent(context) : await checkName(context, params.name);
      const id = Buffer.from(context.random.bytes(6)).toString('hex');
      // Before the node hears of the workload: it pulls at once.
      if (params.registryAuth !== undefined) await login(context, node, id, params.registryAuth);
      const createdAt = context.clock.now();
      record = { name, id, node, spec, desired: 'running', generation: 1, createdAt };
      return {
        conditions: [absent(workloadKey(name)), ...(await allStay(context, node, networks))],
        writes: [put(workloadKey(name), record)],
        // All that an earlier try has to tell: the rest may be large, and is where the container is.
        result: { name, id },
      };
    };
    const { result } = await change(context, 'the containers', plan, context.requests.of(call));
    if (record?.id === result.id) return containerView(context, record);
    return containerView(context, (await findWorkload(context, result.name, result.id)).value);
  },

  'workload.start': (context, { name }) =>
    desire(context, { name }, (workload, status) => {
      const runs = workload.desired === 'running' && !(status?.phase === 'exited' || status?.phase === 'failed');
      return runs ? undefined : { desired: 'running' };
    }),

  'workload.stop': (context, { name, id, graceSeconds }) => {
    if (graceSeconds !== undefined && !(graceSeconds >= 0 && graceSeconds <= 86_400)) {
      throw new Failure('invalid', `a container cannot be given ${graceSeconds} s to stop: give it 0 to 86400`);
    }
    const grace = graceSeconds === undefined ? {} : { graceSeconds };
    return desire(context, { name, id }, ({ desired }) =>
      desired === 'stopped' ? undefined : { desired: 'stopped', ...grace },
    );
  },

  'workload.remove': async (context, { name, id, force }, call) => {
    const plan = () => planRemoval(context, { name, id }, force);
    const { result } = await change(context, `container ${name}`, plan, context.requests.of(call));
    return { removing: result };
  },

  'workload.report': async (context, { status }, call) => {
    speaksFor(call, status.node);
    await change(context, `container ${status.name}`, () => planReport(context, status as WorkloadStatus));
    return {};
  },
};

/** @throws Failure `not-found`, `unavailable`, `conflict` */
async function checkNode(context: Context, name: string, networks: readonly NetworkRecord[]): Promise<string> {
  const { value: node } = await findNode(context, name);
  const status = statusOf(context, node);
  if (status === 'down' || status === 'evicted') {
    throw new Failure('unavailable', `node ${name} is down: start its agent, or choose another node`);
  }
  if (node.drained) {
    throw new Failure('conflict', `node ${name} is drained and takes no new containers: choose another node`);
  }
  const unfit = whyUnfit(networks, node);
  if (unfit !== undefined) throw new Failure('conflict', unfit);
  return name;
}

/** @throws Failure `conflict` */
async function checkName({ store }: Context, name: string): Promise<string> {
  const taken = await read<WorkloadRecord>(store, workloadKey(name));
  if (!taken) return name;
  const by = `there is a container ${quoted(name)} already, on node ${taken.value.node}`;
  throw new Failure('conflict', `${by}: remove it first with \`trama rm ${name}\`, or choose another name`);
}

async function invent({ store, random }: Context): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const bytes = Buffer.from(random.bytes(4));
    const invented = inventContainerName(bytes.readUInt32BE() / 2 ** 32);
    // With many containers most names are taken: then a number makes one that is not.
    const name = attempt < 5 ? invented : `${invented}_${bytes.toString('hex')}`;
    if (!(await store.get(workloadKey(name)))) return name;
  }
}

interface TheOne {
  readonly name: string;
  /** If it has to be that one. */
  readonly id?: string | undefined;
}

/** Writes what is desired from now on. @param decide what to change; undefined: nothing. */
async function desire(
  context: Context,
  { name, id }: TheOne,
  decide: (
    workload: WorkloadRecord,
    status: WorkloadStatus | undefined,
  ) => Pick<WorkloadRecord, 'desired' | 'graceSeconds'> | undefined,
): Promise<ContainerView> {
  const { result } = await change(context, `container ${name}`, async () => {
    const workload = await findWorkload(context, name, id);
    if (workload.value.desired === 'removed') {
      throw new Failure('conflict', `container ${name} is being removed: wait until it is gone and run it anew`);
    }
    const status = (await read<WorkloadStatus>(context.store, statusKey(name)))?.value;
    const wish = decide(workload.value, status?.id === workload.value.id ? status : undefined);
    if (wish === undefined)
      return { conditions: [], writes: [], result: containerView(context, workload.value, status) };
    const record = next(workload.value, wish);
    return {
      conditions: [unchanged(workload)],
      writes: [put(workload.key, record)],
      result: containerView(context, record, status),
    };
  });
  return result;
}

function next(
  { graceSeconds: _former, ...workload }: WorkloadRecord,
  wish: Pick<WorkloadRecord, 'desired' | 'graceSeconds'>,
): WorkloadRecord {
  return { ...workload, ...wish, generation: workload.generation + 1 };
}

async function planRemoval(context: Context, { name, id: asked }: TheOne, force: boolean) {
  const workload = await findWorkload(context, name, asked);
  const status = await read<WorkloadStatus>(context.store, statusKey(name));
  const { node, id, desired } = workload.value;
  const result = { name, id };
  if (force && context.presence.isLost(node)) return { ...(await eraseUnseen(context, workload, status)), result };
  if (desired === 'removed') return { conditions: [], writes: [], result };
  if (!force && status?.value.id === id && runs(status.value)) {
    throw new Failure('conflict', `container ${name} is running: stop it first or use -f`);
  }
  return {
    conditions: [unchanged(workload), asSeen(statusKey(name), status)],
    writes: [put(workload.key, next(workload.value, { desired: 'removed' }))],
    result,
  };
}

/** `creating` with a container: the engine is restarting it. */
function runs({ phase, containerId }: WorkloadStatus): boolean {
  return phase === 'running' || (phase === 'creating' && containerId !== undefined);
}

async function planReport({ store }: Context, said: WorkloadStatus) {
  const workload = await read<WorkloadRecord>(store, workloadKey(said.name));
  const status = await read<WorkloadStatus>(store, statusKey(said.name));
  const isGone = said.phase === 'removing' && said.message === goneMessage;
  if (workload?.value.id !== said.id) {
    if (isGone) return { conditions: [], writes: [], result: undefined };
    const which = `container ${quoted(said.name)} (${said.id})`;
    throw new Failure('not-found', `${which} is no longer part of the cluster: its container is to be removed`);
  }
  if (workload.value.node !== said.node) {
    throw new Failure('denied', `container ${said.name} is on node ${workload.value.node}, not on node ${said.node}`);
  }
  if (isGone && workload.value.desired === 'removed') return erase(workload, status);
  if (status && JSON.stringify(status.value) === JSON.stringify(said)) {
    return { conditions: [], writes: [], result: undefined };
  }
  return { conditions: [unchanged(workload)], writes: [put(statusKey(said.name), said)], result: undefined };
}

/** With what nobody is there to take back: the container's endpoints. Its node keeps the addresses, and tells if they are in use. */
async function eraseUnseen(
  { store, containers }: Context,
  workload: Found<WorkloadRecord>,
  status: Found<WorkloadStatus> | undefined,
) {
  const { name, node } = workload.value;
  const attached = containers.called(status?.value.containerId ?? name, node);
  const found = await Promise.all(
    attached.flatMap(({ id, endpoints }) =>
      endpoints.map(async ({ network, address }) => {
        const endpoint = await read<EndpointRecord>(store, endpointKey(network, address));
        return endpoint?.value.container?.id === id ? endpoint : undefined;
      }),
    ),
  );
  const left = found.filter((each) => each !== undefined);
  const { conditions, writes, result } = erase(workload, status);
  return {
    conditions: [...conditions, ...left.map(unchanged)],
    writes: [...writes, ...left.flatMap(({ key, value }) => [remove(key), remove(macKey(value.network, value.mac))])],
    result,
  };
}

function erase(workload: Found<WorkloadRecord>, status: Found<WorkloadStatus> | undefined) {
  return {
    conditions: [unchanged(workload), asSeen(statusKey(workload.value.name), status)],
    writes: [remove(workload.key), ...(status ? [remove(status.key)] : [])],
    result: undefined,
  };
}
