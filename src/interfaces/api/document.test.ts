import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { methods, streams } from '../../protocol/protocol.ts';
import { rules } from '../../server/server.ts';
import { openApi } from './document.ts';
import { operations } from './operations.ts';
import { queryParameters } from './query.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly Record<string, unknown>[];
  readonly responses: Readonly<Record<string, unknown>>;
  readonly 'x-least-role': string;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const document = openApi();
const paths = document.paths as Paths;
const all = Object.entries(paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })),
);

describe('the document', () => {
  test('is what docs/openapi.json says', async () => {
    const written = await readFile(join(import.meta.dirname, '../../../docs/openapi.json'), 'utf8');
    expect(JSON.parse(written), 'it is stale: npm run -s openapi').toEqual(document);
  });

  test('has a path for all that users, and root on a host, may ask, and no other', () => {
    const nodes = /^(container\.|address\.yield$|image\.login$|network\.ensure$|agent\.(probe|reach|images|registry)$)/;
    const offered = [...Object.keys(methods), ...Object.keys(streams)].filter((name) => {
      return !nodes.test(name) && (rules as Record<string, unknown>)[name] !== 'node';
    });
    expect(Object.keys(operations).sort()).toEqual(offered.sort());
    expect(Object.keys(paths).sort()).toEqual([...offered, 'openapi.json'].map((name) => `/v1/${name}`).sort());
  });

  test('says of each what it is, what it takes, what it answers, and whom it takes', () => {
    for (const { path, operation } of all) {
      expect(operation.summary, path).toMatch(/^[A-Z]/);
      expect(Object.keys(operation.responses).length, path).toBeGreaterThan(0);
    }
    const role = (path: string) => Object.values(paths[path] ?? {})[0]?.['x-least-role'];
    expect(
      ['/v1/node.list', '/v1/workload.exec', '/v1/user.list', '/v1/store.backup', '/v1/agent.status'].map(role),
    ).toEqual([...['viewer', 'operator', 'admin', 'root', 'root']]);
    const ids = all.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('can be asked by GET whatever only looks, with a query', () => {
    for (const [name, { kind }] of Object.entries(operations)) {
      if (kind !== 'change')
        expect([name, queryParameters(name as keyof typeof operations)]).not.toEqual([name, undefined]);
    }
  });

  test('refers to nothing that is not there, and its schemas are schemas', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    expect(refs.length).toBeGreaterThan(20);
    for (const ref of new Set(refs)) {
      const found = ref
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
      expect(found, ref).toBeDefined();
    }
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema(document, 'api');
    for (const { path, verb } of all) {
      const pointer = `api#/paths/${path.replaceAll('/', '~1')}/${verb}/responses/200/content/application~1json/schema`;
      const schema = (paths[path]?.[verb]?.responses[200] as { content?: Record<string, unknown> } | undefined)
        ?.content;
      if (schema?.['application/json'] !== undefined) expect(ajv.getSchema(pointer), path).toBeTypeOf('function');
    }
  });
});
