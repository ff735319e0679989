import { expect, test } from 'vitest';
import { type EndpointRecord, Failure } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import { type ReclaimOptions, reclaim } from './reclaim.ts';

const endpoint = (id: string, address: string, kind: EndpointRecord['kind'] = 'container'): EndpointRecord => ({
  ...{ id, network: 'n1', node: 'h1', kind, address, mac: '02:00:00:00:00:01' },
  ...(kind === 'container' ? { container: { id: `c-${id}`, name: `web-${id}` } } : {}),
});

interface Answers {
  /** What is said to a request for an address; by default that it is granted. */
  readonly addresses?: Readonly<Record<string, Failure>>;
  readonly refused?: readonly string[];
}

function scene({ addresses = {}, refused = [] }: Answers = {}) {
  const said: string[] = [];
  const gateway = endpoint('gateway-h1', '10.42.0.2', 'gateway');
  const endpoints = new Map(
    [gateway, endpoint('e1', '10.42.0.10'), endpoint('e2', '10.42.0.11')].map((record) => [
      record.kind === 'gateway' ? 'gateway-n1' : record.id,
      { record, createdAt: 0 },
    ]),
  );
  const options = {
    node: 'h1',
    api: {
      call: async (method: string, params: { address?: string; network?: string }) => {
        said.push([method, params.address ?? params.network].filter(Boolean).join(' '));
        const failure = addresses[params.address ?? ''];
        if (failure) throw failure;
        return method === 'endpoint.sync' ? { refused } : {};
      },
    },
    clone: { renewed: async (topic: string) => void said.push(`renewed ${topic}`) },
    view: { network: () => ({ id: 'n1', name: 'app' }) },
    state: { endpoints },
    runtime: {
      disconnect: async (id: string, network: string, force: boolean) =>
        void said.push(`disconnect ${id} ${network} ${force}`),
    },
    kernel: { untilSettled: async () => void said.push('settled') },
    wiring: {
      removeEndpoint: async (id: string) => void (endpoints.delete(id) && said.push(`removed ${id}`)),
      detach: async (network: string) => {
        endpoints.clear();
        said.push(`detached ${network}`);
      },
    },
    workloads: { sweep: async () => void said.push('swept') },
    tidings: { trouble: (message: string) => said.push(message) },
    log: silentLog,
  };
  return { said, options, run: () => reclaim(options as unknown as ReclaimOptions) };
}

const taken = new Failure('conflict', 'in use by container db on node h2');
const begin = ['renewed cluster', 'renewed node/h1', 'swept'];
const asked = ['10.42.0.2', '10.42.0.10', '10.42.0.11'].map((address) => `address.reserve ${address}`);
const end = ['endpoint.sync n1', 'settled', 'node.return'];
const off = (id: string, what: string) =>
  `container web-${id} is off network app: ${what} was given to another while this node was not heard`;

test('what is free is its own again, and its peers hear of it last', async () => {
  const { said, run } = scene();
  await run();
  expect(said).toEqual([...begin, ...asked, ...end]);
});

test('what is another’s is taken from the container before anybody hears of this node, also without an engine', async () => {
  const { said, options, run } = scene({ addresses: { '10.42.0.11': taken } });
  options.runtime.disconnect = () => Promise.reject(new Failure('unavailable', 'Docker does not answer'));
  await run();
  expect(said).toEqual([...begin, ...asked, off('e2', 'its address 10.42.0.11'), 'removed e2', ...end]);
});

test('so is what turns out to be another’s when all is told: a MAC, or something started meanwhile', async () => {
  const { said, run } = scene({ refused: ['e1'] });
  await run();
  expect(said).toEqual([
    ...[...begin, ...asked, 'endpoint.sync n1', off('e1', 'its address 10.42.0.10 or its MAC'), 'removed e1'],
    ...['disconnect c-e1 app true', 'settled', 'node.return'],
  ]);
});

test('without its own address in a network it leaves that, and says so of each container', async () => {
  const { said, run } = scene({ addresses: { '10.42.0.2': taken } });
  await run();
  const why = 'the address 10.42.0.2 of this node in it';
  expect(said.filter((each) => !begin.includes(each) && !asked.includes(each))).toEqual([
    ...['e1', 'e2'].flatMap((id) => [off(id, why), `removed ${id}`, `disconnect c-${id} app true`]),
    ...['detached n1', 'settled', 'node.return'],
  ]);
});

test('while no server answers nothing is taken from anybody, and it does not return', async () => {
  const silent = new Failure('unavailable', 'no server answers');
  const { said, run } = scene({ addresses: { '10.42.0.10': silent } });
  await expect(run()).rejects.toThrow('no server answers');
  expect(said).toEqual([...begin, ...asked.slice(0, 2)]);
});
