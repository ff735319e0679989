/** How this host's engine looks upon registries: its `insecure-registries`, and the authorities in /etc/docker/certs.d. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { contains, parseAddress, parseSubnet } from '../../domain/domain.ts';
import type { Engine } from './engine.ts';
import type { Trust } from './registry-exchange.ts';

const certificates = '/etc/docker/certs.d';

const info = z.object({
  RegistryConfig: z
    .object({
      InsecureRegistryCIDRs: z.array(z.string()).nullish(),
      IndexConfigs: z.record(z.string(), z.object({ Secure: z.boolean() })).nullish(),
    })
    .nullish(),
});

/** @throws Failure of the engine */
export const registryTrust =
  (engine: Engine) =>
  async (registry: string): Promise<Trust> => {
    const [{ RegistryConfig }, authorities] = await Promise.all([
      engine.ask({ method: 'GET', path: '/info', doing: 'tell which registries it trusts' }, info),
      authoritiesOf(registry),
    ]);
    const known = RegistryConfig?.IndexConfigs?.[registry];
    const insecure = known === undefined ? isIn(RegistryConfig?.InsecureRegistryCIDRs ?? [], registry) : !known.Secure;
    return { insecure, authorities };
  };

/** By its address; of names the engine's loopback is the one that counts. */
function isIn(cidrs: readonly string[], registry: string): boolean {
  const host = registry.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (host === 'localhost') return true;
  try {
    const address = parseAddress(host);
    return cidrs.some((cidr) => contains(parseSubnet(cidr), address));
  } catch {
    return false;
  }
}

async function authoritiesOf(registry: string): Promise<string[]> {
  const directory = join(certificates, registry);
  const files = await readdir(directory).catch(() => []);
  return Promise.all(
    files.filter((name) => name.endsWith('.crt')).map((name) => readFile(join(directory, name), 'utf8')),
  );
}
