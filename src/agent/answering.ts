/** What an agent answers when a server asks: streams into its containers, addresses that another node wants, that it leaves. */
import type { RequestHandler } from '../bus/bus.ts';
import { Failure, isFailure, quoted } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';
import type { ParsedParams } from '../protocol/protocol.ts';
import type { ContainerRuntime } from '../runtimes/runtimes.ts';
import type { Addresses } from './addresses.ts';
import { AskedOnce } from './asked-once.ts';
import type { Debug, Debugged } from './debug.ts';
import type { Answers } from './engine-containers.ts';
import type { Figures } from './figures.ts';
import { reach } from './probe.ts';
import type { RegistryLogins } from './registry-logins.ts';
import type { Workloads } from './workloads.ts';

export interface AnsweringParts {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  addresses(): Addresses;
  workloads(): Workloads;
  debug(): Debug;
  readonly logins: RegistryLogins;
  readonly figures: Pick<Figures, 'over'>;
  leave(options: ParsedParams<'agent.leave'>): Promise<unknown>;
  /** @throws Failure */
  probe(asked: ParsedParams<'agent.probe'>): Promise<unknown>;
  containers(): Answers;
  /** Resolves when the engine has them. @throws Failure */
  ensureNetworks(networks: readonly string[]): Promise<void>;
}

export function createHandler(parts: AnsweringParts): RequestHandler {
  const { runtime, addresses, workloads, debug, logins, figures, containers, ensureNetworks, probe, clock } = parts;
  const asked = new AskedOnce(clock);
  return figures.over({
    async call(method, params, { id, deadline }) {
      if (method === 'image.login') {
        const { workload, registryAuth } = params as { workload: string; registryAuth: string };
        logins.put(workload, registryAuth);
        return {};
      }
      if (method === 'network.ensure') {
        await ensureNetworks([(params as { network: string }).network]);
        return {};
      }
      if (method === 'agent.reach') return reach(params as ParsedParams<'agent.reach'>);
      if (method === 'agent.images') return runtime.images();
      if (method === 'agent.registry') return contentsOf(parts, params as ParsedParams<'agent.registry'>, deadline);
      if (method === 'agent.leave') return parts.leave(params as ParsedParams<'agent.leave'>);
      if (method === 'agent.probe') return probe(params as ParsedParams<'agent.probe'>);
      const answers = containers();
      if (Object.hasOwn(answers, method))
        return asked.once(id, () => answers[method as keyof Answers](params as never) as Promise<unknown>);
      if (method !== 'address.yield') throw notAnswered(method);
      const { network, address } = params as { network: string; address: string };
      await addresses().yield(network, address);
      return {};
    },

    async open(method, params) {
      const { name } = params as { name: string };
      if (method === 'workload.attach') return workloads().attachTo(name, (params as { stdin: boolean }).stdin);
      if (method === 'workload.debug') return debug().open(params as Debugged);
      return within(workloads(), name, async (id) => {
        if (method === 'workload.logs') return runtime.logs(id, params as Parameters<typeof runtime.logs>[1]);
        if (method === 'workload.exec') return runtime.exec(id, params as Parameters<typeof runtime.exec>[1]);
        const { path } = params as { path: string };
        if (method === 'workload.archive') return runtime.archive(id, path);
        if (method === 'workload.extract') return runtime.extract(id, path, params as { toUser: boolean });
        throw notAnswered(method);
      });
    },
  });
}

/** Does something in a container by the engine's id, which is not asked for if it is known. @throws Failure */
async function within<T>(
  workloads: Pick<Workloads, 'knownId' | 'find'>,
  name: string,
  act: (id: string) => Promise<T>,
): Promise<T> {
  const known = workloads.knownId(name);
  if (known !== undefined) {
    try {
      return await act(known);
    } catch (error) {
      if (!isFailure(error, 'not-found')) throw error;
    }
  }
  return act((await workloads.find(name)).id);
}

/** @param deadline of who asks: a registry that hangs is given up before */
function contentsOf(
  { runtime, clock }: Pick<AnsweringParts, 'runtime' | 'clock'>,
  { registry, repository, registryAuth }: ParsedParams<'agent.registry'>,
  deadline: number,
): Promise<unknown> {
  const signal = AbortSignal.timeout(Math.max(1, Math.floor(deadline - clock.now() - registryAnswerMs)));
  return runtime.registry({ registry, ...(repository === undefined ? {} : { repository }) }, signal, registryAuth);
}

/** What is left of its deadline for the way back. Milliseconds. */
const registryAnswerMs = 500;

const notAnswered = (method: string): Failure =>
  new Failure('not-found', `an agent does not know ${quoted(method)}: is it of another version?`);
