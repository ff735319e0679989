/** Docker's networks. */
import { z } from 'zod';
import { Failure, isFailure } from '../../domain/domain.ts';
import type { ContainerInfo, ContainerRuntime } from '../runtimes.ts';
import {
  inspectAnswer,
  inspectedContainer,
  listAnswer,
  networksAnswer,
  runtimeNetworks,
  shortId,
} from './container-info.ts';
import { endpointConfig, noNetwork } from './create-body.ts';
import type { Engine } from './engine.ts';
import type { EngineRequest } from './exchange.ts';
import { joinRefusal } from './failures.ts';

type Networks = Pick<ContainerRuntime, 'networks' | 'createNetwork' | 'removeNetwork' | 'connect' | 'disconnect'>;

const created = z.object({ Id: z.string() });

/** The network plugin takes part, and the engine tries it for 15 s per call. */
const slowMs = 120_000;

const pathOf = (network: string): string => `/networks/${encodeURIComponent(network)}`;

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
      const path = pathOf(id);
      try {
        await engine.call({ method: 'DELETE', path, doing: `remove the network ${id}` });
      } catch (error) {
        if (!isFailure(error, 'not-found')) throw error;
      }
    },

    async connect(id, network, as) {
      const doing = `connect the container ${shortId(id)} to the network ${network}`;
      const container = await inspected(engine, id, doing);
      if (isOn(container, network)) {
        throw new Failure('conflict', `Docker could not ${doing}: the container is on that network already.`);
      }
      if (isOn(container, noNetwork)) await disconnect(engine, id, noNetwork, false);
      const body = { Container: id, EndpointConfig: endpointConfig(as) };
      const explain = (status: number, text: string) => joinRefusal(status, text, doing);
      await engine.call({
        method: 'POST',
        path: `${pathOf(network)}/connect`,
        body,
        timeoutMs: slowMs,
        doing,
        explain,
      });
    },

    disconnect: (id, network, force) => disconnect(engine, id, network, force),
  };
}

async function disconnect(engine: Engine, id: string, network: string, force: boolean): Promise<void> {
  const doing = `disconnect the container ${shortId(id)} from the network ${network}`;
  const body = { Container: id, Force: force };
  const explain = (status: number, text: string) => joinRefusal(status, text, doing);
  await engine.call({ method: 'POST', path: `${pathOf(network)}/disconnect`, body, timeoutMs: slowMs, doing, explain });
}

async function inspected(engine: Engine, id: string, doing: string): Promise<ContainerInfo> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  return inspectedContainer(await engine.ask({ method: 'GET', path, doing }, inspectAnswer));
}

/** A running container may be configured for a network that it is not on: one that the engine once could not connect it to. */
function isOn({ state, networks }: ContainerInfo, network: string): boolean {
  const found = networks.find(({ name }) => name === network);
  return found !== undefined && (found.endpointId !== '' || (state !== 'running' && state !== 'paused'));
}
