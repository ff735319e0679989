/** Starts what is no kernel state: machines with their engines and daemons, networks, containers. Twice, with the cables in between. */
import type { Spawn } from '../../platform/platform.ts';
import { said, startDaemons, untilNodesReady } from '../daemons.ts';
import { requireTools } from '../machine.ts';
import type { SimulatedHost } from '../simulated-host.ts';
import type { LabModel, LabNode } from '../topology/model.ts';
import { agentArguments, containerCommand, containersOf, networkCommands, type Placed, running } from './commands.ts';
import { makeDisks, refuseOthers } from './disks.ts';
import { storeImages } from './images.ts';
import { bindNamespaces } from './observed.ts';
import { machineOf, machinesOf } from './places.ts';

export interface Machinery {
  /** Where namespaces are, and nothing in them: hosts are powered on, engines started, containers run that the lab wires. */
  first(): Promise<void>;
  /** Where the cables are plugged in: etcd, servers, agents, networks, and the other containers. */
  second(): Promise<void>;
}

const patienceMs = 120_000;

/** @throws Failure: a program is not installed, or others may write to where the disks are to be */
export async function requireMachines(model: LabModel): Promise<void> {
  const has = (role: LabNode['runs'][number]) => running(model, role).length > 0;
  await requireTools([
    ...['unshare', 'setpriv', 'bash', 'mount'],
    ...(has('engine') ? ['dockerd', 'docker', 'iptables'] : []),
    ...(has('etcd') ? ['etcd', 'etcdctl'] : []),
  ]);
  await refuseOthers();
}

export function machinery(model: LabModel, run: Spawn): Machinery {
  const nodes = machinesOf(model);
  const machines = new Map<string, SimulatedHost>();
  const on = async ({ on: { name }, argv }: Placed) => {
    const machine = machines.get(name);
    const [tool, ...words] = argv;
    if (machine === undefined) return;
    if (tool === 'trama') await said(machine, ...words);
    else await machine.output(argv, { timeoutMs: patienceMs });
  };
  const startContainer = async (node: LabNode) => {
    const command = containerCommand(model, node);
    if (command !== undefined) await on(command);
  };
  const { wired, joined } = containersOf(model);
  return {
    async first() {
      await makeDisks(model.name);
      const images = running(model, 'engine').length === 0 ? [] : await storeImages(model, run);
      await Promise.all(
        nodes.map(async (node) => {
          const machine = machineOf(model.name, node, run, images);
          machines.set(node.name, machine);
          await machine.boot();
        }),
      );
      for (const node of wired) await startContainer(node);
      await bindNamespaces(model, wired, machines, run);
    },

    async second() {
      await startRoles(model, machines);
      for (const network of model.networks) for (const command of networkCommands(model, network)) await on(command);
      for (const node of joined) await startContainer(node);
      await bindNamespaces(model, joined, machines, run);
    },
  };
}

async function startRoles(model: LabModel, machines: ReadonlyMap<string, SimulatedHost>): Promise<void> {
  const with_ = (role: LabNode['runs'][number]) => running(model, role).flatMap(({ name }) => machines.get(name) ?? []);
  const [etcd, servers, agents] = [with_('etcd'), with_('server'), with_('agent')];
  await startDaemons({
    ...{ etcd, servers, agents, inOrder: true },
    agentArguments: ({ name }) => model.nodes.filter((node) => node.name === name).flatMap(agentArguments),
  });
  const [first] = servers;
  if (first !== undefined && agents.length > 0) await untilNodesReady(first, agents.length);
}
