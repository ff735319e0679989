/** Hosts of a topology that are machines: under which names they make what they make. All of it follows from the lab's name. */

import { dirname } from 'node:path';
import type { Spawn } from '../../platform/platform.ts';
import { labelOf } from '../bare/records.ts';
import { type HostPlace, repository } from '../machine.ts';
import { SimulatedHost } from '../simulated-host.ts';
import { addressOf, type LabModel, type LabNode } from '../topology/model.ts';
import { cgroupOf, disksOf } from './names.ts';

/** What `trama` is on such a host. */
const program = `${repository}/bin/trama`;

/** Whoever types it finds this Trama and the host's own engine. */
export const environmentOf = (lab: string): Readonly<Record<string, string>> => ({
  ...labelOf(lab),
  DOCKER_HOST: 'unix:///var/run/docker.sock',
});

export const searchPath = (): string => `${dirname(program)}:${process.env.PATH ?? ''}`;

export const placeOf = (lab: string, { name, namespace }: LabNode): HostPlace => ({
  ...{ namespace, disk: `${disksOf(lab)}/${name}`, cgroup: `${cgroupOf(lab)}/${name}` },
  ...{ env: environmentOf(lab), outlives: true },
});

export const machinesOf = ({ nodes }: LabModel): LabNode[] => nodes.filter(({ runs }) => runs.length > 0);

/** @param images files that its engine loads when it starts for the first time */
export function machineOf(lab: string, node: LabNode, run: Spawn, images: readonly string[] = []): SimulatedHost {
  return new SimulatedHost({
    ...{ name: node.name, address: addressOf(node) ?? '127.0.1.1', place: placeOf(lab, node) },
    docker: node.runs.includes('engine'),
    ...{ dockerArguments: [], engine: {}, images: async () => images },
    ...{ program: [program], path: [dirname(program)], run },
  });
}

/** One that runs already. @throws Failure `unavailable` when it does not */
export async function runningMachine(lab: string, node: LabNode, run: Spawn): Promise<SimulatedHost> {
  const machine = machineOf(lab, node, run);
  await machine.adopt();
  return machine;
}
