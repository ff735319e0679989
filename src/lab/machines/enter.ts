/** What goes before a command so that it runs in a node: in its network, on its machine, or in its container. */
import type { Spawn } from '../../platform/platform.ts';
import { inNamespace } from '../bare/plan.ts';
import { type Argv, entering } from '../host-processes.ts';
import { type LabModel, type LabNode, nodeOf } from '../topology/model.ts';
import { environmentOf, runningMachine, searchPath } from './places.ts';

/** @param terminal whether the command has one. @throws Failure `unavailable`: its machine is off */
export async function enter(model: LabModel, node: LabNode, terminal: boolean, run: Spawn): Promise<Argv> {
  const machine = node.real === undefined ? node : nodeOf(model, node.host ?? '');
  if (machine === undefined || machine.runs.length === 0 || (node !== machine && node.real === undefined))
    return inNamespace(node);
  const { init } = await runningMachine(model.name, machine, run);
  const variables = Object.entries({ ...environmentOf(model.name), PATH: searchPath() });
  const there: Argv = [...entering(init), 'env', ...variables.map(([name, value]) => `${name}=${value}`)];
  if (node.real === undefined) return there;
  return [...there, 'docker', 'exec', '--interactive', ...(terminal ? ['--tty'] : []), node.name];
}
