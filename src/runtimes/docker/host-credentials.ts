import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Log, readIfThere, spawn } from '../../platform/platform.ts';
import { type RegistryCredentials, registryCredentials } from './registry-credentials.ts';

/** What `docker login` left on this host for this user. */
export function hostCredentials(log: Log): RegistryCredentials {
  const directory = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker');
  return registryCredentials({ readConfig: () => readIfThere(join(directory, 'config.json')), spawn, log });
}
