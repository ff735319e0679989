import { expect, test } from 'vitest';
import { jsonSchema } from './schema.ts';

test('schema/lab.schema.json is that of the rules that files are checked by; write it anew with vitest -u', async () => {
  const file = new URL('../../../schema/lab.schema.json', import.meta.url).pathname;
  await expect(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`).toMatchFileSnapshot(file);
  const schema = JSON.parse(JSON.stringify(jsonSchema()));
  expect(Object.keys(schema.properties)).toEqual(['name', 'topology', 'validate']);
  const { link, node } = {
    link: schema.properties.topology.properties.links.items,
    node: schema.properties.topology.properties.nodes,
  };
  expect(link.properties.endpoints.description).toContain('NODE:INTERFACE');
  expect(JSON.stringify(node)).toContain('"enum":["host","container","switch","router","outside","linux"]');
});
