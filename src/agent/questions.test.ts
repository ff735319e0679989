import { describe, expect, test } from 'vitest';
import type { EndpointRecord } from '../domain/domain.ts';
import { resolver } from '../drivers/resolver.ts';
import type { KernelObject } from '../kernel/objects.ts';
import { silentLog } from '../platform/platform.ts';
import type { LocalEndpoint } from './local-state.ts';
import { Questions } from './questions.ts';

const endpoint = (id: string, network: string, createdAt: number, path?: string): LocalEndpoint => ({
  record: { id, network, address: `10.${network}.0.5` } as EndpointRecord,
  createdAt,
  ...(path === undefined ? {} : { sandbox: { path, interface: 'eth0' } }),
});

function scene() {
  const desired = new Map<string, readonly KernelObject[]>();
  const there = new Set<string>();
  const fresh: string[] = [];
  const warnings: string[] = [];
  const inside = new Set<string>();
  let settled = 0;
  let elapsed = 0;
  let set = 0;
  const questions = new Questions({
    kernel: {
      desire: (owner, objects) => void desired.set(owner, objects),
      release: (owner) => void desired.delete(owner),
      fresh: (path) => void fresh.push(path),
    },
    gatewayOf: (network) => `10.${network}.0.2`,
    asksItself: (endpoint) => inside.has(endpoint),
    settleSoon: () => {
      settled += 1;
    },
    isNamespace: async (path) => there.has(path),
    log: { ...silentLog, warn: (message) => void warnings.push(message) },
    clock: {
      now: () => elapsed + set,
      elapsed: () => elapsed,
      sleep: async (ms) => {
        elapsed += ms;
        await new Promise(setImmediate);
      },
    },
  });
  const passed = async () => {
    for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
  };
  const setClock = (by: number) => {
    set += by;
  };
  return { questions, inside, desired, there, fresh, warnings, passed, setClock, settled: () => settled };
}

describe('questions of a container', () => {
  test('are brought to the node as soon as its namespace is there, which need not be read then', async () => {
    const { questions, desired, there, fresh, passed, settled } = scene();
    questions.local(endpoint('e1', '42', 1), endpoint('e1', '42', 1, '/s/1'));
    await passed();
    expect(desired.size).toBe(0);
    there.add('/s/1');
    await passed();
    expect(desired.get('names//s/1')).toEqual(resolver('/s/1', '10.42.0.5', '10.42.0.2'));
    expect([fresh, settled()]).toEqual([['/s/1'], 1]);
  });

  test('are brought there also when somebody sets the clock while the namespace is waited for', async () => {
    const { questions, desired, there, warnings, passed, setClock } = scene();
    questions.local(undefined, endpoint('e1', '42', 1, '/s/1'));
    await passed();
    setClock(3_600_000);
    await passed();
    there.add('/s/1');
    await passed();
    expect(desired.has('names//s/1')).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('go to the network that it joined first, then to the next, and when there is none to nobody', async () => {
    const { questions, desired, there, fresh, passed } = scene();
    there.add('/s/1');
    const [e1, e2] = [endpoint('e1', '42', 1, '/s/1'), endpoint('e2', '43', 2, '/s/1')];
    questions.local(undefined, e2);
    questions.local(undefined, e1);
    await passed();
    expect(desired.get('names//s/1')).toEqual(resolver('/s/1', '10.42.0.5', '10.42.0.2'));
    questions.local(e1, endpoint('e1', '42', 1));
    expect(desired.get('names//s/1')).toEqual(resolver('/s/1', '10.43.0.5', '10.43.0.2'));
    questions.local(e2, undefined);
    expect([...desired.keys()]).toEqual([]);
    expect(fresh).toEqual([]);
  });

  test('whose server is in itself are the engine’s, also after it joined another network', async () => {
    const { questions, inside, desired, there, passed, settled } = scene();
    for (const path of ['/s/1', '/s/2']) there.add(path);
    const e1 = endpoint('e1', '42', 1, '/s/1');
    questions.local(undefined, e1);
    questions.local(undefined, endpoint('e2', '42', 2, '/s/2'));
    await passed();
    const before = settled();
    inside.add('e1');
    questions.look(['e0', 'e1']);
    expect([...desired.keys()]).toEqual(['names//s/2']);
    expect(settled()).toBe(before + 1);
    questions.local(undefined, endpoint('e3', '43', 3, '/s/1'));
    expect([...desired.keys()]).toEqual(['names//s/2']);
    questions.local(e1, undefined);
    expect(desired.get('names//s/1')).toEqual(resolver('/s/1', '10.43.0.5', '10.43.0.2'));
  });

  test('of one that never comes to be are waited for no longer than its endpoint is there, nor for ever', async () => {
    const { questions, desired, there, passed, warnings } = scene();
    const e1 = endpoint('e1', '42', 1, '/s/1');
    questions.local(undefined, e1);
    questions.local(e1, undefined);
    questions.local(undefined, endpoint('e2', '42', 2, '/s/2'));
    for (let i = 0; i < 200; i += 1) await passed();
    expect(warnings).toEqual([expect.stringContaining('Docker alone')]);
    for (const path of ['/s/1', '/s/2']) there.add(path);
    await passed();
    expect(desired.size).toBe(0);
  });
});
