/** Docker Engine 20.10 and newer as a ContainerRuntime, through the socket of the host's engine. */
import { isFailure, toFailure } from '../../domain/domain.ts';
import { type Clock, type Log, systemClock } from '../../platform/platform.ts';
import type { ContainerRuntime } from '../runtimes.ts';
import { createArchives } from './archives.ts';
import { createContainers } from './containers.ts';
import { createEngine } from './engine.ts';
import { watchEvents } from './events.ts';
import { connectionFailure } from './failures.ts';
import { createFiles } from './files.ts';
import { hostCredentials } from './host-credentials.ts';
import { ensureImage } from './images.ts';
import { localImages } from './local-images.ts';
import { createNetworks } from './networks.ts';
import { registryContents } from './registry.ts';
import type { RegistryCredentials } from './registry-credentials.ts';
import { registryTrust } from './registry-trust.ts';
import { createSessions } from './sessions.ts';
import { usageOf } from './usage.ts';
import { describeEngine } from './version.ts';

export interface DockerOptions {
  /** Default `/var/run/docker.sock`. */
  readonly socketPath?: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** Logins for registries; default: those that `docker login` left on this host for this user. */
  readonly credentials?: RegistryCredentials;
}

/** Does not need the engine to be there: every call connects anew if it has to. */
export function createDockerRuntime(options: DockerOptions): ContainerRuntime {
  const { socketPath = '/var/run/docker.sock', log, clock = systemClock } = options;
  const engine = createEngine(socketPath);
  const credentials = options.credentials ?? hostCredentials(log);
  const explain = (error: unknown) => connectionFailure(error, socketPath);

  return {
    async status() {
      try {
        const version = await engine.version();
        return { available: true, message: describeEngine(version.engine, version.api) };
      } catch (error) {
        return { available: false, message: toFailure(error).message };
      }
    },
    ensureImage: (reference, onProgress, signal, registryAuth) => {
      const given: RegistryCredentials = async () => registryAuth;
      const context = { engine, clock, credentials: registryAuth === undefined ? credentials : given };
      return ensureImage(context, reference, onProgress, signal).catch((error) => {
        throw explain(error);
      });
    },
    images: () => localImages(engine),
    registry: (asked, signal, registryAuth) => {
      const given: RegistryCredentials = async () => registryAuth;
      const shown = registryAuth === undefined ? credentials : given;
      return registryContents(asked, { trust: registryTrust(engine), credentials: shown, signal });
    },
    ...createContainers(engine, log),
    ...createSessions({ engine, log, explain }),
    ...createNetworks(engine),
    ...createArchives({ engine, explain }),
    ...createFiles(engine),
    usage: (id) =>
      usageOf(engine, id).catch((error) => {
        if (isFailure(error, 'not-found')) return undefined;
        throw error;
      }),
    events: (signal) => watchEvents({ engine, clock, log }, signal),
    async [Symbol.asyncDispose]() {
      engine[Symbol.dispose]();
    },
  };
}
