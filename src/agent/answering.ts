/** What an agent answers when a server asks: streams into its containers, and addresses that another node wants. */
import type { RequestHandler } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import type { ContainerRuntime } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import type { Debug, Debugged } from './debug.ts';
import type { Answers } from './engine-containers.ts';
import type { RegistryLogins } from './registry-logins.ts';
import type { Workloads } from './workloads.ts';

export interface AnsweringParts {
  readonly runtime: ContainerRuntime;
  addresses(): Addresses;
  workloads(): Workloads;
  debug(): Debug;
  readonly logins: RegistryLogins;
  containers(): Answers;
  /** Resolves when the engine has them. @throws Failure */
  ensureNetworks(networks: readonly string[]): Promise<void>;
}

export function createHandler(parts: AnsweringParts): RequestHandler {
  const { runtime, addresses, workloads, debug, logins, containers, ensureNetworks } = parts;
  return {
    async call(method, params) {
      if (method === 'image.login') {
        const { workload, registryAuth } = params as { workload: string; registryAuth: string };
        logins.put(workload, registryAuth);
        return {};
      }
      if (method === 'network.ensure') {
        await ensureNetworks([(params as { network: string }).network]);
        return {};
      }
      const answers = containers();
      if (Object.hasOwn(answers, method)) return answers[method as keyof Answers](params as never);
      if (method !== 'address.yield') throw new Failure('invalid', `an agent does not answer ${method}`);
      const { network, address } = params as { network: string; address: string };
      await addresses().yield(network, address);
      return {};
    },

    async open(method, params) {
      const { name } = params as { name: string };
      if (method === 'workload.attach') return workloads().attachTo(name, (params as { stdin: boolean }).stdin);
      if (method === 'workload.debug') return debug().open(params as Debugged);
      const { id } = await workloads().find(name);
      if (method === 'workload.logs') return runtime.logs(id, params as Parameters<typeof runtime.logs>[1]);
      if (method === 'workload.exec') return runtime.exec(id, params as Parameters<typeof runtime.exec>[1]);
      throw new Failure('invalid', `an agent does not open ${method}`);
    },
  };
}
