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
import { askItsNode, type FoundContainer, findContainer } from './find-container.ts';
import { allStay } from './marks.ts';
import { findNetwork } from './network-view.ts';
import { usedNetwork } from './networks.ts';
import { engineView } from './plain-containers.ts';
import { type Found, put, unchanged } from './records.ts';
import { checkAddress } from './workload-spec.ts';
import { findWorkload, workloadView } from './workload-view.ts';

type Attachment = WorkloadSpec['networks'][number];

export const connectionMethods: Methods<'network.connect' | 'network.disconnect'> = {
  'network.connect': async (context, { network: asked, container, address, aliases }, { deadline }) => {
    for (const alias of aliases) checkAlias(alias);
    const found = await findContainer(context, container);
    if (found.kind === 'workload') checkJoins(found.workload.value);
    const network = await usedNetwork(context, asked);
    const { id, name } = network.value;
    if (isOn(found, network.value))
      throw new Failure('conflict', `container ${found.name} is on network ${name} already`);
    const fixed = address === undefined ? {} : { address: await checkAddress(context, network.value, address) };
    const params = { container: found.name, network: id, aliases, ...fixed };
    const asking = askItsNode(context, container, found.node, 'container.connect', params, deadline);
    if (found.kind === 'plain') return engineView(context, found.node, await asking, found.attached);
    await unlessNotMade(asking);
    const joined: Attachment = { network: name, aliases, ...fixed };
    await rewrite(context, found.workload, [network], (networks) =>
      networks.some((each) => each.network === name) ? networks : [...networks, joined],
    );
    return workloadView(context, found.name);
  },

  'network.disconnect': async (context, { network: asked, container, force }, { deadline }) => {
    const found = await findContainer(context, container);
    const network = await findNetwork(context, asked);
    const { id, name } = network.value;
    const params = { container: found.name, network: id, force };
    const asking = askItsNode(context, container, found.node, 'container.disconnect', params, deadline);
    if (found.kind === 'plain') return engineView(context, found.node, await asking, found.attached);
    if (isOn(found, network.value)) await unlessNotMade(asking);
    else await asking;
    await rewrite(context, found.workload, [], (networks) => networks.filter((each) => each.network !== name));
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

function isOn(found: FoundContainer, { id, name }: NetworkRecord): boolean {
  if (found.kind === 'workload') return found.workload.value.spec.networks.some(({ network }) => network === name);
  return (found.attached?.endpoints ?? []).some(({ network }) => network === id);
}

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
): Promise<void> {
  await change(context, `container ${name}`, async () => {
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
  });
}
