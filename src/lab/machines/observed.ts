/** Containers as their engines have them: which namespace is whose, and the addresses that Docker or Trama gave. */
import { stat, writeFile } from 'node:fs/promises';
import { Failure } from '../../domain/domain.ts';
import { output, type Spawn } from '../../platform/platform.ts';
import type { SimulatedHost } from '../simulated-host.ts';
import type { LabModel, LabNode } from '../topology/model.ts';
import { type Found, type FoundAddress, withJoinings } from '../topology/real.ts';
import { machinesOf, runningMachine } from './places.ts';

interface Inspected {
  readonly Name: string;
  readonly State: { readonly Pid: number; readonly Running: boolean };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { IPAddress: string; IPPrefixLen: number; MacAddress: string }>>;
  };
}

type Machines = ReadonlyMap<string, SimulatedHost>;

/** The machines of a lab that is up. @throws Failure `unavailable`: one is off */
async function machinesUp(model: LabModel, run: Spawn): Promise<Machines> {
  const nodes = machinesOf(model);
  const machines = await Promise.all(nodes.map((node) => runningMachine(model.name, node, run)));
  return new Map(machines.map((machine) => [machine.name, machine]));
}

/**
 * The model with the addresses that containers have, and with their namespaces under /run/netns: a container that was started anew
 * has another. One that does not run has none, and is marked.
 */
export async function observed(model: LabModel, run: Spawn): Promise<LabModel> {
  if (model.nodes.every(({ real }) => real === undefined)) return model;
  const machines = await machinesUp(model, run);
  const found = await bindNamespaces(
    model,
    model.nodes.filter(({ real }) => real !== undefined),
    machines,
    run,
  );
  const nodes = model.nodes.map((node) =>
    node.real === undefined || found.has(node.name)
      ? node
      : { ...node, real: { ...node.real, stopped: true as const } },
  );
  return { ...model, nodes: withJoinings(nodes, model.networks, found) };
}

/** @throws Failure */
export async function bindNamespaces(
  model: LabModel,
  containers: readonly LabNode[],
  machines: Machines,
  run: Spawn,
): Promise<Found> {
  const found = new Map<string, FoundAddress | undefined>();
  for (const [host, nodes] of Map.groupBy(containers, ({ host }) => host ?? '')) {
    const machine = machines.get(host);
    if (machine === undefined) throw new Failure('not-found', `lab ${model.name} has no machine ${host}`);
    for (const one of await inspected(machine, nodes)) {
      const node = nodes.find(({ name }) => one.Name === `/${name}`);
      if (node === undefined || !one.State.Running) continue;
      await bind(`/proc/${machine.init}/root/proc/${one.State.Pid}/ns/net`, `/run/netns/${node.namespace}`, run);
      const [network] = Object.values(one.NetworkSettings.Networks).filter(({ IPAddress }) => IPAddress !== '');
      found.set(node.name, network && { cidr: `${network.IPAddress}/${network.IPPrefixLen}`, mac: network.MacAddress });
    }
  }
  return found;
}

/** Of those that there are: one that somebody removed is told by nobody. */
async function inspected(machine: SimulatedHost, nodes: readonly Pick<LabNode, 'name'>[]): Promise<Inspected[]> {
  const { stdout } = await machine.run(['docker', 'inspect', '--type', 'container', ...nodes.map(({ name }) => name)]);
  return JSON.parse(stdout.trim() || '[]');
}

/** As `ip netns attach` does, which knows processes by the numbers of its own machine only. */
async function bind(source: string, path: string, run: Spawn): Promise<void> {
  const [wanted, there] = await Promise.all([stat(source), stat(path).catch(() => undefined)]);
  if (there?.ino === wanted.ino && there.dev === wanted.dev) return;
  if (there === undefined) await writeFile(path, '');
  else await run({ argv: ['umount', '--lazy', path] });
  await output(run, { argv: ['mount', '--bind', source, path] });
}

/** `/etc/resolv.conf` as a container sees it. @throws Failure `unavailable`: it does not run */
export async function resolverOf(machine: SimulatedHost, container: string): Promise<string> {
  const [one] = await inspected(machine, [{ name: container }]);
  if (one?.State.Running !== true) throw new Failure('unavailable', `container ${container} does not run`);
  return machine.output(['cat', `/proc/${one.State.Pid}/root/etc/resolv.conf`]);
}
