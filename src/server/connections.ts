/**
 * Containers that are put on further networks, and taken off. Their node's engine does it, at once and whether they run or not;
 * of a workload the record follows, so that a container made anew is on the same networks.
 */
import {
  checkAlias,
  Failure,
  isFailure,
  type NetworkRecord,
  type WorkloadRecord,
  type WorkloadSpec,
} from '../domain/domain.ts';
import type { EngineContainer } from '../protocol/protocol.ts';
import { change } from './change.ts';
import type { Context, Methods } from './context.ts';
import { askItsNode, findContainer } from './find-container.ts';
import { allStay } from './marks.ts';
import { findNetwork } from './network-view.ts';
import { usedNetwork } from './networks.ts';
import { engineView } from './plain-containers.ts';
import { type Found, put, unchanged } from './records.ts';
import type { Once } from './requests.ts';
import { checkAddress } from './workload-spec.ts';
import { findWorkload, workloadView } from './workload-view.ts';

type Attachment = WorkloadSpec['networks'][number];

export const connectionMethods: Methods<'network.connect' | 'network.disconnect'> = {
  'network.connect': async (context, { network: asked, container, address, aliases }, call) => {
    for (const alias of aliases) checkAlias(alias);
    const found = await findContainer(context, container);
    if (found.kind === 'workload') checkJoins(found.workload.value);
    const network = await usedNetwork(context, asked);
    const { id, name } = network.value;
    const once = context.requests.of(call);
    // Of other containers their engine knows best, also whether it was this request that put it there.
    if (found.kind === 'workload' && isOn(found.workload.value, network.value)) {
      if (await once?.done()) return workloadView(context, found.name);
      throw new Failure('conflict', `container ${found.name} is on network ${name} already`);
    }
    // One that is there already has the address, perhaps by an earlier try.
    const there = found.kind === 'plain' && (found.attached?.endpoints ?? []).some((each) => each.network === id);
    const checked = async (wanted: string) => (there ? wanted : checkAddress(context, network.value, wanted));
    const fixed = address === undefined ? {} : { address: await checked(address) };
    const params = { container: found.name, network: id, aliases, ...fixed };
    const asking = askItsNode(context, container, found.node, 'container.connect', params, call);
    if (found.kind === 'plain') return engineView(context, found.node, await asking, found.attached);
    await unlessNotMade(asking);
    const joined: Attachment = { network: name, aliases, ...fixed };
    const entered = (networks: readonly Attachment[]) =>
      networks.some((each) => each.network === name) ? networks : [...networks, joined];
    await rewrite(context, found.workload, [network], entered, once);
    return workloadView(context, found.name);
  },

  'network.disconnect': async (context, { network: asked, container, force }, call) => {
    const found = await findContainer(context, container);
    const network = await findNetwork(context, asked);
    const { id, name } = network.value;
    const params = { container: found.name, network: id, force };
    const asking = askItsNode(context, container, found.node, 'container.disconnect', params, call);
    if (found.kind === 'plain') return engineView(context, found.node, await asking, found.attached);
    const once = context.requests.of(call);
    if (isOn(found.workload.value, network.value) || (await once?.done())) await unlessNotMade(asking);
    else await asking;
    const left = (networks: readonly Attachment[]) => networks.filter((each) => each.network !== name);
    await rewrite(context, found.workload, [], left, once);
    return workloadView(context, found.name);
  },
};

/** @throws Failure `conflict` */
function checkJoins({ name, desired, spec }: WorkloadRecord): void {
  if (desired === 'removed') throw new Failure('conflict', `container ${name} is being removed`);
  if (spec.networkMode === undefined) return;
  const whose = typeof spec.networkMode === 'object' ? `that of ${spec.networkMode.container}` : spec.networkMode;
  throw new Failure(
    'conflict',
    `container ${name} has no network of its own (its network is ${whose}): run it without`,
  );
}

const isOn = ({ spec }: WorkloadRecord, { name }: NetworkRecord): boolean =>
  spec.networks.some(({ network }) => network === name);

/** A workload whose container is not made yet, or not on the network that it shall leave: its record is all there is. */
async function unlessNotMade(asking: Promise<EngineContainer>): Promise<void> {
  try {
    await asking;
  } catch (error) {
    if (!isFailure(error, 'not-found')) throw error;
  }
}

/** @param entered networks that must not be removed meanwhile */
async function rewrite(
  context: Context,
  { value: { id, name } }: Found<WorkloadRecord>,
  entered: readonly Found<NetworkRecord>[],
  networksAfter: (networks: readonly Attachment[]) => readonly Attachment[],
  once: Once | undefined,
): Promise<void> {
  const plan = async () => {
    const workload = await findWorkload(context, name);
    const { spec, node } = workload.value;
    const networks = networksAfter(spec.networks);
    const same = networks.length === spec.networks.length || workload.value.id !== id;
    if (same) return { conditions: [], writes: [], result: undefined };
    return {
      conditions: [unchanged(workload), ...(await allStay(context, node, entered))],
      writes: [put(workload.key, { ...workload.value, spec: { ...spec, networks } })],
      result: undefined,
    };
  };
  await change(context, `container ${name}`, plan, once);
}
