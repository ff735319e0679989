/**
 * What `docker login` on this host left for registries: `auths` in ~/.docker/config.json, or a credential helper
 * (docker-credential-NAME, which answers `{Username, Secret}` to the registry's name on its input).
 */
import { z } from 'zod';
import type { Log, Spawn } from '../../platform/platform.ts';

/** @returns the value of `X-Registry-Auth`, undefined when there is none for the registry. Never rejects. */
export type RegistryCredentials = (registry: string) => Promise<string | undefined>;

const config = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});

const helped = z.object({ Username: z.string(), Secret: z.string() });

/** Docker Hub is kept under this name. */
const hub = 'https://index.docker.io/v1/';

interface Sources {
  /** Text of the configuration, undefined if there is none. */
  readonly readConfig: () => Promise<string | undefined>;
  readonly spawn: Spawn;
  readonly log: Log;
}

export function registryCredentials({ readConfig, spawn, log }: Sources): RegistryCredentials {
  return async (registry) => {
    try {
      const text = await readConfig();
      if (text === undefined) return undefined;
      const { auths = {}, credsStore, credHelpers = {} } = config.parse(JSON.parse(text));
      const name = registry === 'docker.io' ? hub : registry;
      const helper = credHelpers[name] ?? credHelpers[registry] ?? credsStore;
      if (helper !== undefined) return await fromHelper(spawn, helper, name);
      const entry = auths[name] ?? auths[`https://${name}`];
      return entry && header({ ...decoded(entry.auth), identitytoken: entry.identitytoken, serveraddress: name });
    } catch (error) {
      log.warn("Docker's stored logins cannot be read; images are pulled without one", { error });
      return undefined;
    }
  };
}

async function fromHelper(spawn: Spawn, helper: string, name: string): Promise<string | undefined> {
  if (!/^[\w.-]+$/.test(helper)) throw new Error(`"${helper}" is not the name of a credential helper`);
  const { code, stdout } = await spawn({ argv: [`docker-credential-${helper}`, 'get'], input: name });
  // It has none for this registry.
  if (code !== 0) return undefined;
  const { Username, Secret } = helped.parse(JSON.parse(stdout));
  if (Username === '<token>') return header({ identitytoken: Secret, serveraddress: name });
  return header({ username: Username, password: Secret, serveraddress: name });
}

function decoded(auth: string | undefined): { username?: string; password?: string } {
  const [, username, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(auth ?? '', 'base64').toString()) ?? [];
  return username === undefined || password === undefined ? {} : { username, password };
}

/** URL-safe base64 with its padding: without, the engine ignores it silently. */
const header = (fields: Readonly<Record<string, string | undefined>>): string =>
  Buffer.from(JSON.stringify(fields)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
