import { expect, test } from 'vitest';
import { Cluster, refusal } from '../../test/server/cluster.ts';
import { Failure } from '../domain/domain.ts';
import { ask } from '../protocol/protocol.ts';

const nginx = { name: 'nginx:1.27', id: '0123456789ab', size: 1e6, createdAt: 1 };

/** A node that answers for its engine. */
const handler = (answer: (method: string, params: unknown) => unknown) => ({
  call: async (method: string, params: unknown) => answer(method, params),
  open: () => Promise.reject(new Failure('internal', 'no streams')),
});

test('images of all nodes; one whose engine is not there says so and hides no other', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  await cluster.node(server, 'h1', '10.0.0.1', { handler: handler(() => [nginx]) });
  const broken = handler(() => {
    throw new Failure('unavailable', 'Docker is not running on this host');
  });
  await cluster.node(server, 'h2', '10.0.0.2', { handler: broken });
  expect(await ask(server, 'image.list', {})).toEqual([
    { node: 'h1', images: [nginx] },
    { node: 'h2', images: [], missing: 'node h2: Docker is not running on this host' },
  ]);
  // Of who completes a word.
  expect((await ask(server, 'image.list', {}, { deadlineMs: 500 }))[0]).toEqual({ node: 'h1', images: [nginx] });
  expect(await ask(server, 'image.list', { node: 'h1' })).toEqual([{ node: 'h1', images: [nginx] }]);
  expect(await refusal(ask(server, 'image.list', { node: 'h2' }))).toMatch(/^unavailable: node h2: Docker/);
  expect(await refusal(ask(server, 'image.list', { node: 'h9' }))).toMatch(/^not-found: there is no node "h9"/);
});

test('a registry is asked from the node that is named, with what it is to be shown; nothing else is taken for one', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const asked: unknown[] = [];
  const contents = { repositories: [{ name: 'web', tags: ['1'], more: false }], more: false };
  const answering = handler((method, params) => {
    asked.push([method, params]);
    return contents;
  });
  await cluster.node(server, 'h1', '10.0.0.1', { handler: answering });
  const registry = '10.0.0.9:5000';
  const auth = { registryAuth: 'secret' };
  const shown = await ask(server, 'registry.list', { registry, node: 'h1', repository: 'web', ...auth });
  expect(shown).toEqual({ ...contents, node: 'h1' });
  expect(asked).toEqual([['agent.registry', { registry, repository: 'web', ...auth }]]);
  expect((await ask(server, 'registry.list', { registry })).node).toBe('h1');
  for (const bad of ['nginx', 'http://x:5000', 'x:5000/y', '', 'x y:1'])
    expect(await refusal(ask(server, 'registry.list', { registry: bad })), bad).toMatch(/is not a registry: write it/);
  for (const bad of ['../x', 'Web', 'a b', 'x?n=1', ''])
    expect(await refusal(ask(server, 'registry.list', { registry, repository: bad })), bad).toMatch(
      /is not a repository/,
    );
});

test('a viewer sees neither; an operator both', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  await cluster.node(server, 'h1', '10.0.0.1', { handler: handler(() => [nginx]) });
  const [eva, ana] = [await cluster.user(server, 'eva', 'viewer'), await cluster.user(server, 'ana', 'operator')];
  expect(await refusal(ask(eva, 'image.list', {}))).toMatch(/^denied: .*may not see the images of nodes/);
  expect(await refusal(ask(eva, 'registry.list', { registry: 'x:5000' }))).toMatch(/^denied: /);
  expect(await ask(ana, 'image.list', {})).toHaveLength(1);
});
