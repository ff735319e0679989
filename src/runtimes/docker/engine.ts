/** The Engine's API over its unix socket: a bounded pool of connections, versioned paths, answers of a known form. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { Failure } from '../../domain/domain.ts';
import { HttpAgent } from '../../platform/http.ts';
import { type Begun, begin, checked, type EngineRequest, pathOf, WrongVersion, wholeAnswer } from './exchange.ts';
import { connectionFailure } from './failures.ts';
import { chooseApiVersion, type EngineVersion, engineVersion } from './version.ts';

export interface Engine extends Disposable {
  /** Asks the engine anew. @throws Failure */
  version(): Promise<{ readonly engine: EngineVersion; readonly api: string }>;
  /** @returns the JSON of the answer, undefined if it is empty. @throws Failure */
  call(request: EngineRequest): Promise<unknown>;
  /** `call` whose answer has a form. @throws Failure */
  ask<S extends z.ZodType>(request: EngineRequest, form: S): Promise<z.infer<S>>;
  /** A body to be read as it comes. The reader destroys what it does not read to its end. @throws Failure */
  open(request: EngineRequest): Promise<IncomingMessage>;
  /** The connection itself, as a raw stream in both directions. @throws Failure */
  hijack(request: EngineRequest): Promise<Duplex>;
}

const idleConnections = 2;
const connections = 32;

export function createEngine(socketPath: string): Engine {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: connections, maxFreeSockets: idleConnections });
  /** Connections that left HTTP's pool; ended on disposal. */
  const open = new Set<{ destroy(error?: Error): unknown }>();
  let negotiated: Promise<string> | undefined;
  let disposed = false;

  const exchange = async (request: EngineRequest, path: string, pooled: boolean, upgrade: boolean): Promise<Begun> => {
    if (disposed) throw new Failure('unavailable', 'The connection to Docker is closed: the daemon shuts down.');
    try {
      return await begin({ socketPath, path, request, agent: pooled ? agent : false, upgrade });
    } catch (error) {
      // The engine may come back as another version.
      negotiated = undefined;
      throw connectionFailure(error, socketPath);
    }
  };

  const askVersion = async () => {
    const request: EngineRequest = { method: 'GET', path: '/version', doing: 'say its version' };
    const begun = await checked(await exchange(request, request.path, true, false), request, socketPath);
    const parsed = engineVersion.safeParse(await wholeAnswer(begun, request, socketPath));
    if (!parsed.success) {
      throw new Failure(
        'unavailable',
        `What answers at ${socketPath} is not a Docker Engine; check the socket's path.`,
      );
    }
    const api = chooseApiVersion(parsed.data);
    negotiated = Promise.resolve(api);
    return { engine: parsed.data, api };
  };

  const negotiate = (): Promise<string> => {
    if (negotiated === undefined) {
      const asked = askVersion().then(({ api }) => api);
      negotiated = asked;
      asked.catch(() => {
        if (negotiated === asked) negotiated = undefined;
      });
    }
    return negotiated;
  };

  const versioned = async (request: EngineRequest, pooled: boolean, upgrade: boolean): Promise<Begun> => {
    const attempt = async () =>
      checked(
        await exchange(request, `/v${await negotiate()}${pathOf(request)}`, pooled, upgrade),
        request,
        socketPath,
      );
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof WrongVersion)) throw error;
      negotiated = undefined;
      return await attempt();
    }
  };

  const track = <T extends Duplex | IncomingMessage>(stream: T): T => {
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    // Whoever iterates hears of an error there; nobody may listen when it comes.
    stream.on('error', () => {});
    return stream;
  };

  const call = async (request: EngineRequest) =>
    wholeAnswer(await versioned(request, true, false), request, socketPath);

  return {
    version: askVersion,
    call,
    async ask(request, form) {
      const parsed = form.safeParse(await call(request));
      if (parsed.success) return parsed.data;
      const message = `Docker's answer to "${request.doing}" has an unknown form.`;
      throw new Failure('internal', message, { cause: parsed.error });
    },
    async open(request) {
      const begun = await versioned(request, false, false);
      begun.started();
      return track(begun.response);
    },
    async hijack(request) {
      const begun = await versioned(request, false, true);
      begun.started();
      if (begun.socket === undefined) {
        begun.response.destroy();
        throw new Failure('unavailable', `Docker could not ${request.doing}: it does not offer a raw stream.`);
      }
      return track(begun.socket);
    },
    [Symbol.dispose]() {
      disposed = true;
      agent.destroy();
      for (const stream of open) stream.destroy();
    },
  };
}
