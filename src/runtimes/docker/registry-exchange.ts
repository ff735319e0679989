/**
 * One question to a registry: by TLS, or without where the engine is told to trust that; with a login, if it asks for one, in the ways
 * that registries do (RFC 7617; distribution's token authentication). Nothing else of HTTP: no redirects are followed.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { z } from 'zod';
import { Failure } from '../../domain/domain.ts';
import { request as plainRequest } from '../../platform/http.ts';

/** How the engine of this host looks upon a registry. */
export interface Trust {
  /** No certificate is asked for, and TLS itself only if it is there. */
  readonly insecure: boolean;
  /** Certificates of authorities, PEM, besides the system's. */
  readonly authorities: readonly string[];
}

export interface Login {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Instead of a password: for a token of the registry's. */
  readonly identitytoken?: string | undefined;
}

export interface Place {
  /** HOST[:PORT] that is connected to. */
  readonly host: string;
  readonly trust: Trust;
  readonly login: Login | undefined;
  readonly signal: AbortSignal;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A page of a thousand names of the longest kind is a quarter of that. */
const bodyLimit = 1024 * 1024;

/** Asks with what it has learned: the scheme, and the token for what is asked. */
export class RegistryExchange {
  readonly #place: Place;
  #scheme: 'https' | 'http' | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  /** @param path with its query, from the root. @throws a system error, or one of TLS */
  async get(path: string): Promise<RegistryAnswer> {
    const answer = await this.#send(path, {});
    if (answer.status !== 401) return answer;
    const authorization = await this.#authorization(answer.headers['www-authenticate'] ?? '');
    return authorization === undefined ? answer : this.#send(path, { authorization });
  }

  async #send(path: string, headers: Readonly<Record<string, string>>): Promise<RegistryAnswer> {
    const { host, trust, signal } = this.#place;
    const over = (scheme: 'https' | 'http') =>
      exchange(new URL(`${scheme}://${host}${path}`), { headers, trust, signal });
    if (this.#scheme !== undefined) return over(this.#scheme);
    try {
      const answer = await over('https');
      this.#scheme = 'https';
      return answer;
    } catch (error) {
      if (!trust.insecure || signal.aborted) throw error;
      const answer = await over('http');
      this.#scheme = 'http';
      return answer;
    }
  }

  /** @returns undefined when we have nothing to show it */
  async #authorization(challenge: string): Promise<string | undefined> {
    const { login } = this.#place;
    const [, scheme = '', rest = ''] = /^(\w+)\s*(.*)$/s.exec(challenge) ?? [];
    const basic = basicOf(login);
    if (scheme.toLowerCase() === 'basic') return basic;
    if (scheme.toLowerCase() !== 'bearer') return undefined;
    const {
      realm = '',
      service = '',
      scope = '',
    } = Object.fromEntries([...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
    const answer = await this.#askForToken(realm, { service, scope }, basic);
    const parsed = tokenAnswer.safeParse(jsonOf(answer));
    const token = parsed.success ? (parsed.data.token ?? parsed.data.access_token) : undefined;
    return token === undefined ? undefined : `Bearer ${token}`;
  }

  async #askForToken(
    realm: string,
    about: { readonly service: string; readonly scope: string },
    basic: string | undefined,
  ): Promise<RegistryAnswer> {
    const { login, trust, signal } = this.#place;
    const url = URL.parse(realm);
    // A login is not shown to whoever the registry names without TLS, unless the registry itself is without.
    if (url === null || (url.protocol !== 'https:' && this.#scheme !== 'http'))
      throw new Failure('denied', `it names ${JSON.stringify(realm.slice(0, 80))} for a login, which is no safe place`);
    if (login?.identitytoken !== undefined && login.identitytoken !== '') {
      const fields = { grant_type: 'refresh_token', refresh_token: login.identitytoken, client_id: 'trama', ...about };
      return exchange(url, { trust, signal, form: new URLSearchParams(fields).toString() });
    }
    for (const [name, value] of Object.entries(about)) if (value !== '') url.searchParams.set(name, value);
    return exchange(url, { trust, signal, headers: basic === undefined ? {} : { authorization: basic } });
  }
}

const tokenAnswer = z.object({ token: z.string().optional(), access_token: z.string().optional() });

function basicOf({ username, password }: Login = {}): string | undefined {
  if (username === undefined || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** @returns undefined when it is none */
export function jsonOf({ text }: RegistryAnswer): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Sent {
  readonly trust: Trust;
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** POSTed. */
  readonly form?: string;
}

async function exchange(url: URL, { trust, signal, headers = {}, form }: Sent): Promise<RegistryAnswer> {
  const options = {
    method: form === undefined ? 'GET' : 'POST',
    headers: {
      accept: 'application/json',
      ...headers,
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    signal,
    agent: false as const,
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request =
      url.protocol === 'https:' ? secureRequest(url, { ...options, ...tlsOf(trust) }) : plainRequest(url, options);
    request.on('response', resolve);
    request.on('error', reject);
    request.end(form);
  });
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk;
    if (text.length > bodyLimit) throw new Failure('invalid', `it answers with more than ${bodyLimit} bytes`);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

/** Not loaded by an agent that is never asked. */
const secureRequest = (url: URL, options: RequestOptions) =>
  process.getBuiltinModule('node:https').request(url, options);

function tlsOf({ insecure, authorities }: Trust) {
  if (insecure) return { rejectUnauthorized: false };
  if (authorities.length === 0) return {};
  const { rootCertificates } = process.getBuiltinModule('node:tls');
  return { ca: [...rootCertificates, ...authorities] };
}
