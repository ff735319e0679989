/** A host for agents of tests within the process: nothing in its kernel, an engine of networks only. */
import type { AgentOptions } from '../../src/agent/agent.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { type Running, type Spawn, type SteadyClock, silentLog, systemClock } from '../../src/platform/platform.ts';
import type { ContainerRuntime, RuntimeEvent, RuntimeNetwork } from '../../src/runtimes/runtimes.ts';

/** Waits pass twenty times as fast. */
const clock: SteadyClock = {
  now: systemClock.now,
  elapsed: systemClock.elapsed,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
};

/** A host without anything in its kernel, in which nothing can be made. */
const spawn: Spawn = async ({ argv }) => {
  const address = { family: 'inet', local: '10.0.0.1', scope: 'global' };
  const links = [{ ifname: 'eth0', mtu: 1500, addr_info: [address] }];
  return { code: 0, stdout: argv.includes('address') ? JSON.stringify(links) : '', stderr: '' };
};

const monitor = (): Running => ({
  pid: 1,
  ended: new Promise(() => {}),
  lines: (async function* () {
    await new Promise(() => {});
  })(),
  kill: () => {},
  [Symbol.asyncDispose]: async () => {},
});

/** An engine of networks only. */
export class FakeEngine {
  readonly networks = new Map<string, RuntimeNetwork>();
  status = async () => ({ available: true, message: 'Docker 1' });

  readonly runtime = {
    status: () => this.status(),
    list: async () => [],
    networks: async () => [...this.networks.values()],
    createNetwork: async ({ name, labels }: { name: string; labels: Record<string, string> }) => {
      const id = `docker-${name}`;
      await this.made(id, labels['trama.network'] ?? '');
      this.networks.set(id, { id, name, driver: 'trama', options: {}, labels, containers: 0 });
      return id;
    },
    removeNetwork: async (id: string) => void this.networks.delete(id),
    events: async function* (signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
      yield { type: 'connected' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  } as unknown as ContainerRuntime;

  /** The engine's call of its plugin. */
  made: (dockerNetworkId: string, network: string) => Promise<void> = async () => {};
}

/** Of the agent h1 at 10.0.0.1. */
export const agentOptions = (directory: string, bus: Bus, engine: FakeEngine) =>
  ({
    directory,
    name: 'h1',
    address: '10.0.0.1',
    hostname: 'h1',
    version: '0.1.0',
    bus,
    spawn,
    start: monitor,
    createNameServer: () => ({ listen: () => {}, [Symbol.asyncDispose]: async () => {} }),
    converse: () => {
      throw new Error('nothing is run here');
    },
    runtime: engine.runtime,
    clock,
    log: silentLog,
    readFile: async () => '',
    stop: () => {},
  }) satisfies AgentOptions;
