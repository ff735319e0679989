/** The life of containers. */
import { z } from 'zod';
import { isFailure } from '../../domain/domain.ts';
import type { Log } from '../../platform/platform.ts';
import type { ContainerRuntime } from '../runtimes.ts';
import { inspectAnswer, inspectedContainer, listAnswer, listedContainer, shortId } from './container-info.ts';
import { createBodies } from './create-body.ts';
import type { Engine } from './engine.ts';

type Containers = Pick<ContainerRuntime, 'create' | 'start' | 'stop' | 'remove' | 'inspect' | 'list'>;

const created = z.object({ Id: z.string(), Warnings: z.array(z.string()).nullish() });

/** The network plugin may take part in these, and the engine tries it for 15 s per call. */
const slowMs = 120_000;
const defaultGraceSeconds = 10;

export function createContainers(engine: Engine, log: Log): Containers {
  const pathOf = (id: string) => `/containers/${encodeURIComponent(id)}`;

  const remove = async (id: string, { keepVolumes } = { keepVolumes: false }) => {
    const doing = `remove the container ${shortId(id)}`;
    try {
      const query = { force: true, v: !keepVolumes };
      await engine.call({ method: 'DELETE', path: pathOf(id), query, timeoutMs: slowMs, doing });
    } catch (error) {
      if (isFailure(error, 'not-found')) return;
      if (!isFailure(error, 'conflict') || !/already in progress/.test(error.message)) throw error;
      await removed(engine, pathOf(id), doing);
    }
  };

  return {
    async create(name, spec, labels, networkName) {
      const { container, further } = createBodies(spec, labels, networkName);
      const doing = `create the container ${name}`;
      const request = { method: 'POST', path: '/containers/create', query: { name } } as const;
      const answer = await engine.ask({ ...request, body: container, timeoutMs: slowMs, doing }, created);
      for (const warning of answer.Warnings ?? []) log.warn('Docker warns of a container', { name, warning });
      try {
        for (const { network, endpoint } of further) {
          await engine.call({
            method: 'POST',
            path: `/networks/${encodeURIComponent(network)}/connect`,
            body: { Container: answer.Id, EndpointConfig: endpoint },
            doing: `connect the container ${name} to the network ${network}`,
          });
        }
      } catch (error) {
        await remove(answer.Id).catch((failed) => log.warn('a container was left half-made', { name, error: failed }));
        throw error;
      }
      return answer.Id;
    },

    async start(id) {
      const doing = `start the container ${shortId(id)}`;
      // While a daemon shuts down, containers stop that are wanted. What is started then is left half-made, and later starts of it
      // are refused: "task … already exists" (Docker 20.10).
      const request = { method: 'POST', path: `${pathOf(id)}/start`, fresh: true } as const;
      await engine.call({ ...request, timeoutMs: slowMs, doing });
    },

    async stop(id, graceSeconds = defaultGraceSeconds) {
      const doing = `stop the container ${shortId(id)}`;
      const timeoutMs = slowMs + graceSeconds * 1000;
      await engine.call({ method: 'POST', path: `${pathOf(id)}/stop`, query: { t: graceSeconds }, timeoutMs, doing });
    },

    remove,

    async inspect(id) {
      const doing = `look at the container ${shortId(id)}`;
      return inspectedContainer(await engine.ask({ method: 'GET', path: `${pathOf(id)}/json`, doing }, inspectAnswer));
    },

    async list(labels) {
      const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      const query = { all: true, filters: JSON.stringify({ label }) };
      const doing = 'list containers';
      const request = { method: 'GET', path: '/containers/json', query, doing } as const;
      return (await engine.ask(request, listAnswer)).map(listedContainer);
    },
  };
}

/** Waits until a removal that somebody else began is over. */
async function removed(engine: Engine, path: string, doing: string): Promise<void> {
  try {
    const query = { condition: 'removed' };
    await engine.call({ method: 'POST', path: `${path}/wait`, query, timeoutMs: slowMs, doing });
  } catch (error) {
    if (!isFailure(error, 'not-found')) throw error;
  }
}
