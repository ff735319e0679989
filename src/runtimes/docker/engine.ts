/** The Engine's API over its unix socket: a bounded pool of connections, versioned paths, answers of a known form. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { Failure } from '../../domain/domain.ts';
import { HttpAgent } from '../../platform/http.ts';
import {
  type Begun,
  begin,
  checked,
  defaultTimeoutMs,
  type EngineRequest,
  pathOf,
  refused,
  WrongVersion,
  wholeAnswer,
} from './exchange.ts';
import { connectionFailure } from './failures.ts';
import { type RawAnswer, rawAnswer } from './raw-answer.ts';
import { beginUpload } from './upload.ts';
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
  /** The same for much, at the least cost. @throws Failure */
  read(request: EngineRequest & { readonly method: 'GET' | 'HEAD' }): Promise<RawAnswer>;
  /** A PUT whose body is written as it comes; `taken` rejects with a Failure. @throws Failure */
  upload(request: EngineRequest): Promise<{ readonly outgoing: ClientRequest; readonly taken: Promise<void> }>;
  /** The connection itself, as a raw stream in both directions. @throws Failure */
  hijack(request: EngineRequest): Promise<Duplex>;
}

const closed = 'The connection to Docker is closed: the daemon shuts down.';
const idleConnections = 2;
const connections = 32;

export function createEngine(socketPath: string): Engine {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: connections, maxFreeSockets: idleConnections });
  /** Connections that left HTTP's pool; ended on disposal. */
  const open = new Set<{ destroy(error?: Error): unknown }>();
  let negotiated: Promise<string> | undefined;
  let disposed = false;

  const exchange = async (request: EngineRequest, path: string, pooled: boolean, upgrade: boolean): Promise<Begun> => {
    if (disposed) throw new Failure('unavailable', closed);
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

  /** @param attempt is given the path with the version that the engine speaks; made again when it speaks another by now. */
  const versioned = async <T>(request: EngineRequest, attempt: (path: string) => Promise<T>): Promise<T> => {
    const path = pathOf(request);
    try {
      return await attempt(`/v${await negotiate()}${path}`);
    } catch (error) {
      if (!(error instanceof WrongVersion)) throw error;
      negotiated = undefined;
      return await attempt(`/v${await negotiate()}${path}`);
    }
  };

  const begun = (request: EngineRequest, pooled: boolean, upgrade: boolean): Promise<Begun> =>
    versioned(request, async (path) => checked(await exchange(request, path, pooled, upgrade), request, socketPath));

  const read = async (request: EngineRequest, path: string): Promise<RawAnswer> => {
    if (disposed) throw new Failure('unavailable', closed);
    let answer: RawAnswer;
    try {
      const { method, timeoutMs = defaultTimeoutMs, doing } = request;
      answer = await rawAnswer({ socketPath, path, method: method === 'HEAD' ? method : 'GET', timeoutMs, doing });
    } catch (error) {
      negotiated = undefined;
      throw connectionFailure(error, socketPath);
    }
    if (answer.status >= 400) throw await refused(answer.status, answer.body, request, socketPath);
    open.add(answer.body);
    void answer.closed.then(() => open.delete(answer.body));
    return answer;
  };

  const track = <T extends Duplex | IncomingMessage>(stream: T): T => {
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    // Whoever iterates hears of an error there; nobody may listen when it comes.
    stream.on('error', () => {});
    return stream;
  };

  const call = async (request: EngineRequest) =>
    wholeAnswer(await begun(request, request.fresh !== true, false), request, socketPath);

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
      const { response, started } = await begun(request, false, false);
      started();
      return track(response);
    },
    read: (request) => versioned(request, (path) => read(request, path)),
    async upload(request) {
      const { outgoing, answered } = await versioned(request, async (path) => beginUpload(socketPath, path));
      const taken = (async () => {
        const response = await answered.catch((error: unknown) => {
          throw connectionFailure(error, socketPath);
        });
        if ((response.statusCode ?? 0) >= 400) {
          throw await refused(response.statusCode ?? 0, response, request, socketPath);
        }
        response.resume();
      })();
      taken.catch(() => {});
      open.add(outgoing);
      outgoing.once('close', () => open.delete(outgoing));
      return { outgoing, taken };
    },
    async hijack(request) {
      const { response, socket, started } = await begun(request, false, true);
      started();
      if (socket === undefined) {
        response.destroy();
        throw new Failure('unavailable', `Docker could not ${request.doing}: it does not offer a raw stream.`);
      }
      return track(socket);
    },
    [Symbol.dispose]() {
      disposed = true;
      agent.destroy();
      for (const stream of open) stream.destroy();
    },
  };
}
