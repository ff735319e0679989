import { describe, expect, test } from 'vitest';
import { Failure, type NetworkRecord, type WorkloadRecord } from '../domain/domain.ts';
import { systemClock } from '../platform/platform.ts';
import type { ContainerInfo } from '../runtimes/runtimes.ts';
import { answersOf, type EngineContainersOptions } from './engine-containers.ts';
import type { LocalEndpoint } from './local-state.ts';

const [app, db] = [
  { id: 'n1', name: 'app' },
  { id: 'n2', name: 'db' },
] as unknown as [NetworkRecord, NetworkRecord];
const owned = { name: 'owned', id: 'w1' } as WorkloadRecord;

/** A host with a plain container and a workload's, both on `app`, and what was done to them. */
function scene() {
  const did: unknown[] = [];
  let refuses: Failure | undefined;
  let connecting: Promise<void> | undefined;
  const endpoints = new Map<string, LocalEndpoint>([['e-app', { record: { network: app.id } } as LocalEndpoint]]);
  const onApp = { name: 'project_app', endpointId: 'e-app', address: '10.42.0.9', mac: 'm' };
  const onDockers = { name: 'bridge', endpointId: 'e-docker', address: '172.17.0.2', mac: 'm' };
  const container = (name: string, labels = {}): ContainerInfo => ({
    ...{ id: `id-${name}`, name, image: 'i', state: 'running', startedAt: 5, labels },
    networks: [onApp, onDockers],
  });
  const all = [container('web'), container('owned', { 'trama.workload': owned.id })];
  const find = async (name: string) => {
    const found = all.find((each) => each.name === name || each.id === name);
    if (found === undefined) throw new Failure('not-found', `there is no container ${name}`);
    return found;
  };
  const doing =
    (what: string) =>
    async (...args: unknown[]) => {
      did.push([what, ...args]);
      if (refuses !== undefined) throw refuses;
      if (what === 'connect') await connecting;
    };
  const options: EngineContainersOptions = {
    node: 'h1',
    runtime: {
      inspect: find,
      ...{ start: doing('start'), stop: doing('stop'), remove: doing('remove') },
      ...{ connect: doing('connect'), disconnect: doing('disconnect') },
      usage: async () => undefined,
      pathIn: async () => undefined,
    },
    clock: systemClock,
    workloads: { find, wanted: () => new Map([['owned', owned]]), check: (name) => void did.push(['check', name]) },
    view: { networkNamed: (id) => (id === app.id ? app : db) },
    wiring: { endpoint: (id) => endpoints.get(id) },
    addresses: { isTaken: (_, address) => address === '10.43.0.7' },
    kept: {
      keepOne: async (_, { address }) => address ?? '10.43.0.50',
      releaseIn: async (workload, network) => void did.push(['release', workload, network]),
    },
    docker: { ensureNetworks: async () => {}, nameEndpoints: async () => {} },
    publisher: { told: async () => void did.push('told') },
  };
  /** Connecting takes until what is returned is called: the container is on this network then. */
  const meanwhile = () => {
    const done = Promise.withResolvers<void>();
    connecting = done.promise;
    return (name: string, joined: ContainerInfo['networks'][number]) => {
      const index = all.findIndex((each) => each.name === name);
      const found = all[index];
      if (found !== undefined) all[index] = { ...found, networks: [...found.networks, joined] };
      done.resolve();
    };
  };
  const refuse = (failure: Failure | undefined) => {
    refuses = failure;
  };
  return { answers: answersOf(options), did, refuse, meanwhile };
}

describe('what a server asks of containers of the engine', () => {
  test('shows those networks that are Trama’s, by their names there', async () => {
    const { answers } = scene();
    expect(await answers['container.inspect']({ container: 'web' })).toEqual({
      ...{ id: 'id-web', name: 'web', image: 'i', state: 'running', exitCode: null, startedAt: 5 },
      networks: [{ network: 'app', address: '10.42.0.9', mac: 'm' }],
    });
  });

  test('a running one is removed with force alone, keeps its volumes, and is answered for when all is told', async () => {
    const { answers, did } = scene();
    await expect(answers['container.remove']({ container: 'web', force: false })).rejects.toThrow(
      /running: stop it first/,
    );
    await answers['container.remove']({ container: 'web', force: true });
    expect(did).toEqual([['remove', 'id-web', { keepVolumes: true }], 'told']);
  });

  test('a workload’s is the cluster’s to stop, start and remove', async () => {
    const { answers, did } = scene();
    const tries = [
      answers['container.stop']({ container: 'owned' }),
      answers['container.start']({ container: 'owned' }),
      answers['container.remove']({ container: 'owned', force: true }),
    ];
    for (const each of tries) await expect(each).rejects.toMatchObject({ code: 'conflict' });
    expect(did).toEqual([]);
  });

  test('a plain one is connected as it was asked for, unless it is there or the address is taken', async () => {
    const { answers, did } = scene();
    const connect = (network: string, address?: string) =>
      answers['container.connect']({ container: 'web', network, aliases: ['www'], ...(address ? { address } : {}) });
    await expect(connect(app.id)).rejects.toThrow('container web is on network app already');
    await expect(connect(db.id, '10.43.0.7')).rejects.toThrow('address 10.43.0.7 of network db is in use on node h1');
    expect(did).toEqual([]);
    await connect(db.id, '10.43.0.9');
    expect(did).toEqual([['connect', 'id-web', 'db', { address: '10.43.0.9', aliases: ['www'], labels: {} }], 'told']);
  });

  test('a workload’s has its address kept, and given back when it could not be connected', async () => {
    const { answers, did, refuse } = scene();
    const connect = (network: string) => answers['container.connect']({ container: 'owned', network, aliases: [] });
    await connect(app.id);
    expect(did).toEqual([]);
    await connect(db.id);
    const labels = { 'trama.workload': 'w1', 'trama.node': 'h1' };
    expect(did).toEqual([
      ['connect', 'id-owned', 'db', { address: '10.43.0.50', aliases: [], labels }],
      ['check', 'owned'],
      'told',
    ]);
    refuse(new Failure('conflict', 'in use'));
    await expect(connect(db.id)).rejects.toThrow('in use');
    expect(did.at(-1)).toEqual(['release', 'w1', db.id]);
  });

  test('who asks again while it is being connected is answered when it is, and nothing is undone', async () => {
    const { answers, did, meanwhile } = scene();
    const connected = meanwhile();
    const connect = () => answers['container.connect']({ container: 'owned', network: db.id, aliases: [] });
    const both = [connect(), connect()];
    await expect.poll(() => did.length).toBe(1);
    connected('owned', { name: 'db', endpointId: 'e-db', address: '10.43.0.50', mac: 'm' });
    await Promise.all(both);
    expect(did.map((each) => (Array.isArray(each) ? each[0] : each))).toEqual(['connect', 'check', 'told']);
  });

  test('is disconnected from Docker’s network by the name that it has there', async () => {
    const { answers, did } = scene();
    await expect(answers['container.disconnect']({ container: 'web', network: db.id, force: false })).rejects.toThrow(
      'container web is not on network db',
    );
    await answers['container.disconnect']({ container: 'web', network: app.id, force: true });
    expect(did).toEqual([['disconnect', 'id-web', 'project_app', true], 'told']);
  });
});
