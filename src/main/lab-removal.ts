/** `trama lab down`: apart from the other tools, since it needs to read no file, and is done before that would be loaded. */
import { Failure } from '../domain/domain.ts';
import type { LabTools } from '../interfaces/cli/lab-tools.ts';
import { commandsOf, shellLine } from '../kernel/kernel.ts';
import { down, labNames, namespacesOf } from '../lab/bare/down.ts';
import { downSteps } from '../lab/bare/plan.ts';
import { hasDisks } from '../lab/machines/disks.ts';
import { endingTold, removalTold } from '../lab/machines/removal.ts';
import { createForkServer } from '../platform/platform.ts';

export const labRemoval: Pick<LabTools, 'down' | 'downSteps'> = {
  async down(name) {
    const lab = await nameOf(name);
    await using shells = createForkServer();
    await down(lab, shells.spawn);
    return lab;
  },

  async downSteps(name) {
    const lab = await nameOf(name);
    const namespaces = await namespacesOf(lab);
    const planned = downSteps(namespaces);
    const removal = planned.map(({ step, sentence }) => ({ sentence, commands: commandsOf(step).map(shellLine) }));
    return [endingTold(namespaces), ...removal, ...((await hasDisks(lab)) ? removalTold(lab) : [])];
  },
};

async function nameOf(name: string | undefined): Promise<string> {
  if (name !== undefined) return name;
  const all = await labNames();
  const [first, second] = all;
  if (first === undefined) throw new Failure('not-found', 'there is no lab to take down');
  if (second === undefined) return first;
  throw new Failure('invalid', `there are several labs: name one of ${all.join(', ')}`);
}
