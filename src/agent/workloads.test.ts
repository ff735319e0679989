/** Over 400 lines, since one engine in memory is under every way in which a workload and its container can disagree. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Failure, type WorkloadRecord, type WorkloadStatus } from '../domain/domain.ts';
import { silentLog } from '../platform/platform.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes/runtimes.ts';
import { openLocalState } from './local-state.ts';
import { RegistryLogins } from './registry-logins.ts';
import { StatusReporter } from './status-reporter.ts';
import { Workloads, workloadLabel } from './workloads.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'workloads-'));
});
// What a test leaves going may still be writing.
afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

/** An engine in memory: containers by id, and what was asked of it. */
class FakeEngine {
  readonly containers = new Map<string, ContainerInfo>();
  readonly calls: string[] = [];
  readonly ended = new Set<string>();
  /** What is kept for any workload. */
  readonly address = '10.42.0.9';
  failRemove: Failure | undefined;
  failStart: Failure | undefined;
  failImage: Failure | undefined;
  failList: Failure | undefined;

  readonly runtime = {
    ensureImage: async () => {
      this.calls.push('image');
      if (this.failImage !== undefined) throw this.failImage;
    },
    create: async (name: string, { networks }: WorkloadRecord['spec'], labels: Record<string, string>) => {
      this.calls.push(['create', name, ...networks.map(({ address }) => address)].join(' '));
      this.containers.set(`id-${name}`, { id: `id-${name}`, name, image: 'i', state: 'created', labels, networks: [] });
      return `id-${name}`;
    },
    start: async (id: string) => {
      this.calls.push(`start ${id}`);
      if (this.failStart !== undefined) throw this.failStart;
      this.become(id, 'running');
    },
    stop: async (id: string) => {
      this.calls.push(`stop ${id}`);
      this.become(id, 'exited');
    },
    remove: async (id: string) => {
      this.calls.push(`remove ${id}`);
      if (this.failRemove !== undefined) throw this.failRemove;
      this.containers.delete(id);
    },
    inspect: async (id: string) => this.containers.get(id),
    list: async (labels: Record<string, string>) => {
      if (this.failList !== undefined) throw this.failList;
      const matches = (each: ContainerInfo) =>
        Object.entries(labels).every(([key, value]) => each.labels[key] === value);
      return [...this.containers.values()].filter(matches);
    },
  } as unknown as ContainerRuntime;

  become(id: string, state: ContainerInfo['state'], exitCode = 0) {
    const container = this.containers.get(id);
    if (container !== undefined) this.containers.set(id, { ...container, state, exitCode });
  }
}

async function scene(engine = new FakeEngine(), sleep = () => new Promise<void>(() => {}), logins?: RegistryLogins) {
  const state = await openLocalState(directory, () => {});
  const told: WorkloadStatus[] = [];
  const clock = { now: () => 0, sleep };
  const reporter = new StatusReporter(async (status) => void told.push(status), clock, silentLog);
  const options = { node: 'h1', runtime: engine.runtime, state, reporter, clock, log: silentLog };
  const workloads = new Workloads({
    ...options,
    logins: logins ?? new RegistryLogins(clock),
    ended: ({ id }) => void engine.ended.add(id),
    ensureNetworks: async () => {},
    networkName: (name) => name,
    keepAddresses: async ({ spec }) => spec.networks.map((each) => ({ ...each, address: engine.address })),
    releaseAddresses: async (stays) => {
      if (!stays('w1')) engine.calls.push('release w1');
    },
    endpointsTold: async () => {
      engine.calls.push('told');
    },
  });
  const reaches = (phase: string) => vi.waitFor(() => expect(told.at(-1)?.phase).toBe(phase), { interval: 1 });
  const settles = () => new Promise((resolve) => setTimeout(resolve, 20));
  return { engine, workloads, state, told, reaches, settles };
}

const workload = (change: Partial<WorkloadRecord> = {}): WorkloadRecord => ({
  name: 'web',
  id: 'w1',
  node: 'h1',
  desired: 'running',
  generation: 1,
  createdAt: 0,
  spec: {
    image: 'i',
    command: [],
    env: [],
    networks: [],
    ports: [],
    restart: 'no',
    tty: false,
    stdin: false,
    labels: {},
  },
  ...change,
});

describe('workloads of a node', () => {
  test('a container whose making was interrupted is made anew: it may lack networks', async () => {
    const { engine, workloads, reaches } = await scene();
    const labels = { [workloadLabel]: 'w1' };
    engine.containers.set('half', { id: 'half', name: 'web', image: 'i', state: 'created', labels, networks: [] });
    workloads.set(workload());
    await reaches('running');
    expect(engine.calls).toEqual(expect.arrayContaining(['remove half', 'start id-web']));
    expect([...engine.containers.keys()]).toEqual(['id-web']);
  });

  test('a container that runs goes on running when the disk is too full to say so', async () => {
    const { engine, workloads, state, reaches } = await scene();
    state.workloads.set = () => Promise.reject(new Failure('exhausted', 'the disk is full'));
    workloads.set(workload());
    await reaches('failed');
    expect(engine.containers.get('id-web')?.state).toBe('running');
  });

  test('who attaches waits for an image as long as it takes, and no longer than the workload is wanted', async () => {
    const engine = new FakeEngine();
    const { workloads } = await scene(engine, () => new Promise((resolve) => setTimeout(resolve, 5)));
    const pulled = Promise.withResolvers<void>();
    Object.assign(engine.runtime, { ensureImage: () => pulled.promise, attach: async () => 'its streams' });
    workloads.set(workload());
    const attached = workloads.attachTo('web', false);
    // Many times as long as a report may be missing.
    await new Promise((resolve) => setTimeout(resolve, 50));
    pulled.resolve();
    expect(await attached).toBe('its streams');
    await expect(workloads.attachTo('nobody', false)).rejects.toThrow('there is no container nobody');
  });

  test('one that needs what this Trama does not know is not started as something else', async () => {
    const { engine, workloads, told, reaches } = await scene();
    workloads.set(workload({ spec: { ...workload().spec, needs: ['gpu'] } }));
    await reaches('failed');
    expect(told.at(-1)?.message).toMatch(/container web needs "gpu", which Trama on this node is too old for: upgrade/);
    expect(engine.calls).toEqual([]);
  });

  test('a wanted one is made and started, and told', async () => {
    const { engine, workloads, told, reaches } = await scene();
    workloads.set(workload());
    await reaches('running');
    expect(engine.calls).toEqual(['image', 'create web', 'start id-web']);
    expect(engine.containers.get('id-web')?.labels).toMatchObject({ [workloadLabel]: 'w1', 'trama.node': 'h1' });
    expect(told.at(-1)).toMatchObject({ name: 'web', generation: 1, containerId: 'id-web' });
  });

  test('one that joins another is made with that one’s id, and its image is pulled with the login that came with it', async () => {
    const engine = new FakeEngine();
    const logins = new RegistryLogins({ now: () => 0, sleep: async () => {} });
    const { workloads, reaches } = await scene(engine, undefined, logins);
    const pulled: unknown[] = [];
    const made: unknown[] = [];
    const create = engine.runtime.create;
    Object.assign(engine.runtime, {
      ensureImage: async (...args: unknown[]) => void pulled.push(args[3]),
      create: (...args: Parameters<typeof create>) => {
        made.push(args[1].networkMode, args[1].pid);
        return create(...args);
      },
    });
    engine.containers.set('plain', { id: 'c1', name: 'plain', image: 'i', state: 'running', labels: {}, networks: [] });
    logins.put('w1', 'secret');
    const { spec } = workload();
    workloads.set(workload({ spec: { ...spec, networkMode: { container: 'plain' }, pid: { container: 'plain' } } }));
    await reaches('running');
    expect(pulled).toEqual(['secret']);
    expect(made).toEqual([{ container: 'c1' }, { container: 'c1' }]);
    expect(logins.of('w1')).toBeUndefined();
    expect((await workloads.find('web')).id).toBe('id-web');
  });

  test('one that ended by itself stays ended, also after the agent restarts', async () => {
    const { engine, workloads, reaches } = await scene();
    workloads.set(workload());
    await reaches('running');
    expect([...engine.ended]).toEqual([]);
    engine.become('id-web', 'exited', 3);
    workloads.onContainer('w1');
    await reaches('exited');
    expect([...engine.ended]).toEqual(['w1']);
    const again = await scene(engine);
    again.workloads.set(workload());
    await again.reaches('exited');
    expect(again.told.at(-1)).toMatchObject({ exitCode: 3 });
    expect(engine.calls.filter((call) => call.startsWith('start'))).toHaveLength(1);
  });

  test('one that should always run is started when the engine has given up on it', async () => {
    const { engine, workloads, reaches } = await scene();
    const { spec } = workload();
    workloads.set(workload({ spec: { ...spec, restart: 'always' } }));
    await reaches('running');
    engine.become('id-web', 'exited', 128);
    workloads.checkAll();
    await vi.waitFor(() => expect(engine.calls.filter((call) => call === 'start id-web')).toHaveLength(2));
    await reaches('running');
  });

  test('a new generation starts it again', async () => {
    const { engine, workloads, reaches } = await scene();
    workloads.set(workload());
    await reaches('running');
    workloads.set(workload({ desired: 'stopped', generation: 2 }));
    await reaches('exited');
    workloads.set(workload({ generation: 3 }));
    await reaches('running');
    expect(engine.calls.slice(3)).toEqual(['stop id-web', 'start id-web']);
  });

  test('one that somebody removed by hand is made again', async () => {
    const { engine, workloads, reaches, settles } = await scene();
    workloads.set(workload());
    await reaches('running');
    engine.containers.clear();
    workloads.onContainer('w1');
    await settles();
    expect(engine.calls.filter((call) => call === 'create web')).toHaveLength(2);
  });

  test('removal ends with the word that the server waits for', async () => {
    const { engine, workloads, told, reaches } = await scene();
    workloads.set(workload());
    await reaches('running');
    workloads.set(workload({ desired: 'removed', generation: 2 }));
    await reaches('removing');
    expect(told.at(-1)?.message).toBe('gone');
    expect(engine.calls.slice(-3)).toEqual(['remove id-web', 'release w1', 'told']);
    expect(engine.containers.size).toBe(0);
  });

  test('one that never started is removed although the engine is not there; one that did waits for it', async () => {
    const engine = new FakeEngine();
    engine.failImage = new Failure('unavailable', 'Docker is not running');
    const { workloads, told, reaches } = await scene(engine);
    workloads.set(workload());
    await reaches('failed');
    engine.failList = engine.failImage;
    workloads.set(workload({ desired: 'removed', generation: 2 }));
    await reaches('removing');
    engine.failList = engine.failImage = undefined;
    workloads.set(workload({ name: 'db', id: 'w2' }));
    await reaches('running');
    engine.failList = new Failure('unavailable', 'Docker is not running');
    workloads.set(workload({ name: 'db', id: 'w2', desired: 'removed', generation: 2 }));
    await reaches('failed');
    expect(told.at(-1)).toMatchObject({ name: 'db', generation: 2, message: 'Docker is not running' });
  });

  test('a failed start leaves no container, says why, and is not tried at every event', async () => {
    const engine = new FakeEngine();
    engine.failStart = new Failure('conflict', 'port 80 is taken');
    const { workloads, told, reaches, settles } = await scene(engine);
    workloads.set(workload());
    await reaches('failed');
    expect(told.at(-1)?.message).toBe('port 80 is taken');
    expect(engine.containers.size).toBe(0);
    workloads.onContainer('w1');
    await settles();
    expect(engine.calls.filter((call) => call === 'create web')).toHaveLength(1);
    engine.failStart = undefined;
    workloads.checkAll();
    await reaches('running');
  });

  test('the events of a try that fails, heard while it is tried, are no reason for another', async () => {
    const engine = new FakeEngine();
    engine.failStart = new Failure('invalid', 'the image has no executable x; check the command.');
    const { workloads, reaches, settles } = await scene(engine);
    const remove = engine.runtime.remove;
    engine.runtime.remove = async (id) => {
      await remove(id);
      workloads.onContainer('w1');
    };
    workloads.set(workload());
    await reaches('failed');
    await settles();
    expect(engine.calls.filter((call) => call === 'start id-web')).toHaveLength(1);
  });

  test('containers of workloads that the cluster does not know are swept, others are not', async () => {
    const { engine, workloads, reaches } = await scene();
    workloads.set(workload());
    await reaches('running');
    const container = (id: string, labels: Record<string, string>): ContainerInfo => ({
      id,
      name: id,
      image: 'i',
      state: 'running',
      labels,
      networks: [],
    });
    engine.containers.set('old', container('old', { [workloadLabel]: 'w0', 'trama.node': 'h1' }));
    engine.containers.set('foreign', container('foreign', {}));
    await workloads.sweep();
    expect([...engine.containers.keys()]).toEqual(['id-web', 'foreign']);
  });

  test('a container that is made while a sweep looks around is not swept', async () => {
    const { engine, workloads, reaches } = await scene();
    const list = engine.runtime.list;
    const look = Promise.withResolvers<void>();
    engine.runtime.list = async (labels) => {
      if ('trama.node' in labels) await look.promise;
      return list(labels);
    };
    const swept = workloads.sweep();
    workloads.set(workload());
    await reaches('running');
    look.resolve();
    await swept;
    expect([...engine.containers.keys()]).toEqual(['id-web']);
  });

  test('a container that cannot be removed keeps no other from being swept', async () => {
    const { engine, workloads } = await scene();
    const container = (id: string): ContainerInfo => ({
      id,
      name: id,
      image: 'i',
      state: 'running',
      labels: { [workloadLabel]: id, 'trama.node': 'h1' },
      networks: [],
    });
    for (const id of ['a', 'b', 'c']) engine.containers.set(id, container(id));
    const remove = engine.runtime.remove;
    engine.runtime.remove = async (id) => {
      if (id === 'a') throw new Failure('internal', 'a is stuck');
      await remove(id);
    };
    await expect(workloads.sweep()).rejects.toThrow('a is stuck');
    expect([...engine.containers.keys()]).toEqual(['a']);
  });

  test('a container asks for the address that is kept for it, until it is gone', async () => {
    const engine = new FakeEngine();
    const { workloads, reaches } = await scene(engine);
    const { spec } = workload();
    workloads.set(workload({ spec: { ...spec, networks: [{ network: 'app', aliases: [] }] } }));
    await reaches('running');
    expect(engine.calls).toContain('create web 10.42.0.9');
    workloads.unset('web');
    engine.failRemove = new Failure('internal', 'web is stuck');
    await expect(workloads.sweep()).rejects.toThrow('web is stuck');
    expect(engine.calls).not.toContain('release w1');
    engine.failRemove = undefined;
    await workloads.sweep();
    expect(engine.calls.slice(-2)).toEqual(['remove id-web', 'release w1']);
  });

  test('however often everything is looked at again, one failing workload has one next try', async () => {
    const engine = new FakeEngine();
    engine.failImage = new Failure('unavailable', 'the registry does not answer');
    let sleeping = 0;
    const { workloads, reaches, settles } = await scene(engine, () => {
      sleeping += 1;
      return new Promise<void>(() => {});
    });
    workloads.set(workload());
    await reaches('failed');
    for (let i = 0; i < 5; i++) {
      workloads.checkAll();
      await settles();
    }
    expect(engine.calls.filter((call) => call === 'image')).toHaveLength(6);
    expect(sleeping).toBe(1);
  });

  test('a workload in place of another of its name, whose removal was not heard of, is not hindered by it', async () => {
    const { engine, workloads, reaches } = await scene();
    workloads.set(workload());
    await reaches('running');
    workloads.set(workload({ id: 'w2' }));
    await vi.waitFor(() => expect(engine.calls).toHaveLength(8), { interval: 1 });
    expect(engine.calls.slice(3)).toEqual(['remove id-web', 'release w1', 'image', 'create web', 'start id-web']);
    expect(engine.containers.get('id-web')?.labels[workloadLabel]).toBe('w2');
  });

  test('one that ended by itself is not run again because somebody removed what was left of it', async () => {
    const { engine, workloads, reaches, settles } = await scene();
    workloads.set(workload());
    await reaches('running');
    engine.become('id-web', 'exited');
    workloads.onContainer('w1');
    await reaches('exited');
    engine.containers.clear();
    workloads.onContainer('w1');
    await settles();
    const again = await scene(engine);
    again.workloads.set(workload());
    await again.reaches('exited');
    expect(engine.calls.filter((call) => call === 'create web')).toHaveLength(1);
    again.workloads.set(workload({ generation: 2 }));
    await again.reaches('running');
  });

  test('one that cannot be started since somebody is just removing it is made again', async () => {
    const engine = new FakeEngine();
    const { workloads, told, reaches } = await scene(engine, () => new Promise((resolve) => setTimeout(resolve, 5)));
    const { spec } = workload();
    workloads.set(workload({ spec: { ...spec, restart: 'always' } }));
    await reaches('running');
    const start = engine.runtime.start;
    engine.become('id-web', 'exited');
    engine.runtime.start = async () => {
      engine.become('id-web', 'removing');
      throw new Failure('conflict', 'container is marked for removal and cannot be started');
    };
    workloads.check('web');
    await reaches('failed');
    expect(told.at(-1)?.message).toContain('being removed');
    engine.containers.delete('id-web');
    engine.runtime.start = start;
    await reaches('running');
  });

  test('a running one that is seen while somebody removes it is made again', async () => {
    const { engine, workloads, reaches, settles } = await scene();
    workloads.set(workload());
    await reaches('running');
    engine.become('id-web', 'removing');
    workloads.onContainer('w1');
    await settles();
    engine.containers.clear();
    workloads.onContainer('w1');
    await reaches('running');
    expect(engine.calls.filter((call) => call === 'create web')).toHaveLength(2);
  });
});
