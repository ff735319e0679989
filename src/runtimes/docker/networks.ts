/** Docker's networks. */
import { z } from 'zod';
import { isFailure } from '../../domain/domain.ts';
import type { ContainerRuntime } from '../runtimes.ts';
import { listAnswer, networksAnswer, runtimeNetworks } from './container-info.ts';
import type { Engine } from './engine.ts';
import type { EngineRequest } from './exchange.ts';

type Networks = Pick<ContainerRuntime, 'networks' | 'createNetwork' | 'removeNetwork'>;

const created = z.object({ Id: z.string() });

export function createNetworks(engine: Engine): Networks {
  return {
    async networks() {
      const [networks, containers] = await Promise.all([
        engine.ask({ method: 'GET', path: '/networks', doing: 'list networks' }, networksAnswer),
        engine.ask({ method: 'GET', path: '/containers/json', doing: 'list containers' }, listAnswer),
      ]);
      return runtimeNetworks(networks, containers);
    },

    async createNetwork({ name, driver, subnet, ipamDriver, internal, options, ipamOptions, labels }) {
      const request: EngineRequest = {
        method: 'POST',
        path: '/networks/create',
        body: {
          Name: name,
          // Without it, engines before API 1.44 make a second network of the same name.
          CheckDuplicate: true,
          Driver: driver,
          Internal: internal,
          Options: options,
          Labels: labels,
          IPAM: { Driver: ipamDriver, Options: ipamOptions, Config: [{ Subnet: subnet }] },
        },
        doing: `create the network ${name}`,
      };
      return (await engine.ask(request, created)).Id;
    },

    async removeNetwork(id) {
      const path = `/networks/${encodeURIComponent(id)}`;
      try {
        await engine.call({ method: 'DELETE', path, doing: `remove the network ${id}` });
      } catch (error) {
        if (!isFailure(error, 'not-found')) throw error;
      }
    },
  };
}
