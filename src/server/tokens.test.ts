import { expect, test } from 'vitest';
import { Cluster, facts, refusal } from '../../test/server/cluster.ts';
import { ask } from '../protocol/protocol.ts';

const hour = 3_600_000;

test('a token that was removed joins nobody, also who is connected with it already; who has joined stays', async () => {
  await using cluster = await Cluster.create();
  const [server, other] = [await cluster.server(), await cluster.server()];
  const keys = await cluster.token(server, 2);
  const entry = await cluster.connect(other, keys);
  const join = (name: string, address: string) =>
    ask(entry, 'node.join', { ...facts(name, address), key: cluster.bus.generateKeys().publicKey });
  await join('h1', '10.0.0.1');
  const [token] = await ask(server, 'token.list', {});
  expect(token).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{12}$/), uses: 2, usesLeft: 1, status: 'valid' });
  expect(JSON.stringify(token)).not.toContain(keys.publicKey);
  expect(await refusal(ask(server, 'token.remove', { id: '000000000000' }))).toMatch(
    /^not-found: there is no token "000000000000"/,
  );
  await ask(server, 'token.remove', { id: token?.id ?? '' });
  expect(await ask(other, 'token.list', {})).toEqual([]);
  expect(await refusal(join('h2', '10.0.0.2'))).toMatch(/^denied: /);
  const late = await cluster.connect(server, keys);
  expect(await refusal(ask(late, 'node.list', {}))).toMatch(/^denied: (?!a join token)/);
  expect(await ask(server, 'node.list', {})).toMatchObject([{ name: 'h1' }]);
});

test('tokens are listed with what is left of them', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const once = await cluster.connect(server, await cluster.token(server, 1, hour));
  await ask(once, 'node.join', { ...facts('h1', '10.0.0.1'), key: cluster.bus.generateKeys().publicKey });
  cluster.clock.step(1);
  await cluster.token(server, 3, hour);
  const states = async () => (await ask(server, 'token.list', {})).map(({ status }) => status);
  expect(await states()).toEqual(['used up', 'valid']);
  cluster.clock.step(hour + 1);
  expect(await states()).toEqual(['used up', 'expired']);
});
