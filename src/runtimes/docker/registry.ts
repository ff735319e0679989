/**
 * What a registry has: repositories and their tags, as this host's engine would be let in. Paths and answers: OCI distribution
 * specification 1.1, "Listing Tags"; the catalogue is distribution's own, and other registries need not have it.
 */
import { z } from 'zod';
import { Failure, isFailure } from '../../domain/domain.ts';
import type { RegistryContents } from '../runtimes.ts';
import {
  jsonOf,
  type Login,
  type Place,
  type RegistryAnswer,
  RegistryExchange,
  type Trust,
} from './registry-exchange.ts';

export interface AskedRegistry {
  /** HOST[:PORT]; `docker.io` is Docker Hub. */
  readonly registry: string;
  /** That one alone; absent: all that it has. */
  readonly repository?: string;
}

export interface RegistrySources {
  readonly trust: (registry: string) => Promise<Trust>;
  /** `X-Registry-Auth`, as for the engine. */
  readonly credentials: (registry: string) => Promise<string | undefined>;
  readonly signal: AbortSignal;
}

/** What is shown of a registry; the rest has to be asked for by its repository. */
const most = { repositories: 200, tags: 200 } as const;
/** Asked at once. */
const atOnce = 8;

const hub = { registry: 'docker.io', host: 'registry-1.docker.io' } as const;

/** @throws Failure `unavailable`, `denied`, `not-found`, `invalid` */
export async function registryContents(
  { registry, repository }: AskedRegistry,
  sources: RegistrySources,
): Promise<RegistryContents> {
  if (registry === hub.registry && repository === undefined)
    throw new Failure('invalid', 'Docker Hub has no catalogue: name a repository, like library/nginx');
  const [trust, header] = await Promise.all([sources.trust(registry), sources.credentials(registry)]);
  const host = registry === hub.registry ? hub.host : registry;
  const place: Place = { host, trust, login: loginOf(header), signal: sources.signal };
  const asking = new Asking(registry, new RegistryExchange(place));
  if (repository !== undefined) {
    const tags = await asking.tags(repository);
    return { repositories: [{ name: repository, ...tags }], more: false };
  }
  const { names, more } = await asking.catalogue();
  const repositories: RegistryContents['repositories'][number][] = [];
  for (let from = 0; from < names.length; from += atOnce) {
    const some = names.slice(from, from + atOnce);
    // One that was removed is in the catalogue for as long as it lies on the registry's disk.
    const found = await Promise.all(
      some.map(async (name) => ({ name, ...(await asking.tags(name).catch(unlessGone)) })),
    );
    repositories.push(...found.filter(({ tags }) => tags.length > 0));
  }
  return { repositories, more };
}

const nothing = { tags: [] as string[], more: false };

function unlessGone(error: unknown): typeof nothing {
  if (isFailure(error, 'not-found') || isFailure(error, 'denied')) return nothing;
  throw error;
}

/** The other way round than `registryCredentials` writes it. */
function loginOf(header: string | undefined): Login | undefined {
  if (header === undefined) return undefined;
  return login.parse(JSON.parse(Buffer.from(header, 'base64url').toString()));
}

const login = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const catalogueAnswer = z.object({ repositories: z.array(z.string()).nullable() });
const tagsAnswer = z.object({ tags: z.array(z.string()).nullable() });

class Asking {
  readonly #registry: string;
  readonly #exchange: RegistryExchange;

  constructor(registry: string, exchange: RegistryExchange) {
    this.#registry = registry;
    this.#exchange = exchange;
  }

  async catalogue(): Promise<{ readonly names: readonly string[]; readonly more: boolean }> {
    const answer = await this.#get(`/v2/_catalog?n=${most.repositories}`);
    const parsed = catalogueAnswer.safeParse(jsonOf(answer));
    if (answer.status === 404 || answer.status === 405 || (answer.status === 200 && !parsed.success))
      throw new Failure('not-found', `registry ${this.#registry} has no catalogue: name a repository of it`);
    if (!parsed.success) throw this.#odd(answer);
    const names = parsed.data.repositories ?? [];
    return { names: names.slice(0, most.repositories), more: names.length > most.repositories || hasMore(answer) };
  }

  async tags(repository: string): Promise<{ readonly tags: readonly string[]; readonly more: boolean }> {
    const answer = await this.#get(`/v2/${repository}/tags/list?n=${most.tags}`);
    if (answer.status === 404)
      throw new Failure('not-found', `registry ${this.#registry} has no repository ${repository}: check its name`);
    const parsed = tagsAnswer.safeParse(jsonOf(answer));
    if (answer.status !== 200 || !parsed.success) throw this.#odd(answer);
    const tags = parsed.data.tags ?? [];
    return { tags: tags.slice(0, most.tags), more: tags.length > most.tags || hasMore(answer) };
  }

  async #get(path: string): Promise<RegistryAnswer> {
    const answer = await this.#exchange.get(path).catch((error: unknown) => {
      throw unreachable(this.#registry, error);
    });
    if (answer.status !== 401 && answer.status !== 403) return answer;
    throw new Failure(
      'denied',
      `registry ${this.#registry} asks for a login that lets this host see that: "docker login ${this.#registry}" on it first`,
    );
  }

  #odd({ status }: RegistryAnswer): Failure {
    const what = `registry ${this.#registry} answers with ${status} and in no form that registries do`;
    return new Failure('unavailable', `${what}: check its address, and that it is one`);
  }
}

/** RFC 8288; the next page is asked for by nobody. */
const hasMore = ({ headers }: RegistryAnswer): boolean => /rel="?next"?/.test(`${headers.link ?? ''}`);

const ofCertificates = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

function unreachable(registry: string, error: unknown): Failure {
  if (error instanceof Failure)
    return new Failure(error.code, `registry ${registry}: ${error.message}`, { cause: error });
  const { code = '', name = '', message } = error as NodeJS.ErrnoException;
  const options = { cause: error };
  if (ofCertificates.test(code)) {
    const what = `this host does not trust the certificate of registry ${registry} (${code})`;
    return new Failure('unavailable', `${what}: put its CA into /etc/docker/certs.d/${registry}`, options);
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    const what = `registry ${registry} does not speak TLS`;
    return new Failure('unavailable', `${what}: add it to "insecure-registries" in /etc/docker/daemon.json`, options);
  }
  const why = name === 'AbortError' || name === 'TimeoutError' ? 'no answer in time' : code || message;
  return new Failure(
    'unavailable',
    `registry ${registry} cannot be reached from this host (${why}): check its address, the network and DNS`,
    options,
  );
}
