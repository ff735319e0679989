/** Golden: the commands that each scenario comes to, and what each is for. A change of them is one that people will see. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandsOf, shellLine } from '../../kernel/kernel.ts';
import { type Planned, upStages } from '../bare/plan.ts';
import { firstTold, secondTold } from '../machines/told.ts';
import { gridTopology } from './grid.ts';
import { modelFrom } from './testing/models.ts';

const root = new URL('../../../', import.meta.url).pathname;
const scenarios = readdirSync(`${root}lab`).map((file) => file.replace('.yaml', ''));
const textOf = (name: string) => readFileSync(`${root}lab/${name}.yaml`, 'utf8');

/** Without the functions that they use, which are a file of their own; and wherever Trama lies. */
function stepsOf(text: string): string {
  const model = modelFrom(text);
  const { namespaces, rest } = upStages(model);
  const asTold = ({ step, sentence }: Planned) => ({ sentence, commands: commandsOf(step).map(shellLine) });
  const [functions, ...first] = firstTold(model);
  const told = [...namespaces.map(asTold), ...first, ...rest.map(asTold), ...secondTold(model)];
  expect(functions?.commands[0] ?? '').toBe(first.length === 0 ? '' : `lab=${model.name}`);
  return told
    .map(({ sentence, commands }) => `# ${sentence}\n${commands.join('\n')}\n`)
    .join('')
    .replaceAll(dirname(process.execPath), '/node')
    .replaceAll(root.replace(/\/$/, ''), '/trama');
}

describe('the steps of', () => {
  test.each(scenarios)('%s', async (name) => {
    await expect(stepsOf(textOf(name))).toMatchFileSnapshot(`${root}test/golden/lab-${name}.sh`);
  });

  test('2x2', async () => {
    await expect(stepsOf(gridTopology({ hosts: 2, containers: 2 }))).toMatchFileSnapshot(
      `${root}test/golden/lab-2x2.sh`,
    );
  });

  test('slow and lossy links', async () => {
    const text = `name: faulty
topology:
  nodes: {a: {kind: router}, b: {kind: router}}
  links: [{endpoints: ["a:eth0", "b:eth0"], prefix: 10.0.0.0/30, tc: {rate: 10mbit}, loss: 12.5%}]`;
    await expect(stepsOf(text)).toMatchFileSnapshot(`${root}test/golden/lab-faulty.sh`);
  });
});

test.each([...scenarios, 'hosts'])('%s has a page', (name) => {
  expect(readdirSync(`${root}docs/lab`)).toContain(`${name}.md`);
});
