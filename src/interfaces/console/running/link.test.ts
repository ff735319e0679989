import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Cluster, until } from '../../../../test/server/cluster.ts';
import { Failure } from '../../../domain/errors.ts';
import type { Api } from '../../../protocol/api.ts';
import type { Happening } from '../state.ts';
import { followCluster } from './link.ts';

const sleep = async (ms: number, signal: AbortSignal) => void (await delay(Math.min(ms, 20), undefined, { signal }));

function heard() {
  const all: Happening[] = [];
  return {
    all,
    dispatch: (happening: Happening) => void all.push(happening),
    states: () => all.flatMap((one) => (one.kind === 'link' ? [one.state] : [])),
    data: () => Object.assign({}, ...all.map((one) => (one.kind === 'data' ? one.data : {}))),
  };
}

test('what is there is learned, then what changes, and nothing is asked while nothing does', async () => {
  await using cluster = await Cluster.create();
  const server = await cluster.server();
  const asked: string[] = [];
  const api: Api = {
    call: (method, params, options) => {
      asked.push(method);
      return server.call(method, params, options);
    },
    open: (method, params, options) => server.open(method, params, options),
  };
  const stop = new AbortController();
  const console = heard();
  const following = followCluster({ api, dispatch: console.dispatch, sleep }, stop.signal);
  await until('the link', () => console.states().includes('up'));
  expect(console.data()).toMatchObject({ cluster: server.cluster, complete: true, networks: [], host: '' });
  await delay(150);
  asked.length = 0;
  await delay(300);
  expect(asked).toEqual([]);
  await server.call('network.create', { name: 'app', subnet: '10.42.0.0/16' });
  await until('the network', () => console.data().networks.length === 1);
  expect(asked).toEqual(['network.list']);
  stop.abort();
  await following;
});

test('without a server that is said, and tried again until there is one; when it dies that is said, too', async () => {
  await using cluster = await Cluster.create();
  let server: Api | undefined;
  const none = () => Promise.reject(new Failure('unavailable', 'No server is there.'));
  const api: Api = {
    call: (method, params) => server?.call(method, params) ?? none(),
    open: (method, params) => server?.open(method, params) ?? none(),
  };
  const stop = new AbortController();
  const console = heard();
  const following = followCluster({ api, dispatch: console.dispatch, sleep }, stop.signal);
  await until('the first try', () => console.states().includes('down'));
  expect(console.all[0]).toEqual({ kind: 'link', state: 'down', why: 'no server is there' });
  const first = await cluster.server();
  server = first;
  await until('the link', () => console.states().at(-1) === 'up');
  server = undefined;
  await first[Symbol.asyncDispose]();
  await until('its death', () => console.states().at(-1) === 'down');
  server = await cluster.server();
  await until('the next', () => console.states().at(-1) === 'up');
  stop.abort();
  await following;
});
