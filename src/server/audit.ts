/**
 * Who changed what, and when: one line for each request that changes the cluster on a person's behalf, done or not. Reads
 * leave none, nor does what agents do of themselves all day, like leasing addresses and reporting containers.
 *
 * A line names things, and holds nothing else of a request: no environment, no command, no login, no token. Of a failure
 * there is its code alone, since a sentence may quote what was asked for.
 */
import { isFailure } from '../domain/domain.ts';
import type { Clock, Log } from '../platform/platform.ts';
import type { Params, Result, StreamName } from '../protocol/protocol.ts';
import type { Call, Caller, ServedMethod } from './context.ts';

export interface AuditEntry {
  /** RFC 3339. */
  readonly time: string;
  /**
   * `node:NAME`: by way of the agent of that host, so by root there or by the agent itself; `local`: root on the server's
   * host, on its socket; `token`: a host that joins; `user:NAME`: by the key of a user.
   */
  readonly who: string;
  readonly method: string;
  /** What it was about, by name or id. */
  readonly subject: Readonly<Record<string, string | number | boolean>>;
  /** `ok` or the code of the failure. */
  readonly outcome: string;
  /** The same for all tries of one request. */
  readonly request?: string;
}

type Subject = AuditEntry['subject'];
type Told<P, R> = (params: P, result: R | undefined) => Readonly<Record<string, string | number | boolean | undefined>>;

/** For each method what is told of it; `read` changes nothing; `routine` is what agents do of themselves. */
const told: {
  readonly [M in ServedMethod]: 'read' | 'routine' | Told<Partial<Params<M>>, Result<M>>;
} & { readonly [S in StreamName]: 'read' | Told<{ readonly name?: string }, never> } = {
  'node.join': ({ name, address }, result) => ({ node: result?.node ?? name, address }),
  'node.register': 'routine',
  'node.heartbeat': 'routine',
  'node.return': 'routine',
  'node.claim': 'routine',
  'node.probe': 'read',
  'cluster.clock': 'read',
  'cluster.version': 'read',
  'cluster.servers': 'read',
  'node.event': 'routine',
  'node.happened': 'routine',
  'node.list': 'read',
  'node.inspect': 'read',
  'node.drain': ({ name, drained }) => ({ node: name, drained }),
  'node.leave': ({ name, force }) => ({ node: name, force }),
  'node.remove': ({ name, force }) => ({ node: name, force }),
  'token.create': ({ uses, ttlMs }) => ({ uses, ttlMs }),
  'token.list': 'read',
  'token.remove': ({ id }) => ({ token: id }),
  'user.create': ({ name, role, networks, ttlMs }) => ({
    user: name,
    role,
    ...(networks === undefined || networks.length === 0 ? {} : { networks: networks.join(',') }),
    ttlMs,
  }),
  'user.remove': ({ name }) => ({ user: name }),
  'user.list': 'read',
  'user.inspect': 'read',
  'network.create': ({ name, driver, subnet }, result) => ({
    network: result?.name ?? name,
    id: result?.id,
    driver: result?.driver ?? driver,
    subnet: result?.subnet ?? subnet,
  }),
  'network.list': 'read',
  'network.inspect': 'read',
  'network.remove': ({ name }) => ({ network: name }),
  'network.connect': ({ network, container, address }) => ({ network, container, address }),
  'network.disconnect': ({ network, container, force }) => ({ network, container, force }),
  'request.withdraw': 'routine',
  'feed.snapshot': 'read',
  'feed.missed': 'read',
  'block.lease': 'routine',
  'block.release': 'routine',
  'address.reserve': 'routine',
  'address.release': 'routine',
  'endpoint.put': 'routine',
  'endpoint.delete': 'routine',
  'endpoint.sync': 'routine',
  'workload.run': ({ name, node, spec }, result) => ({
    container: result?.name ?? name,
    id: result?.id,
    node: result?.node ?? node,
    image: spec?.image,
  }),
  'workload.list': 'read',
  'workload.inspect': 'read',
  'workload.start': ({ name }, result) => ({ container: result?.name ?? name, id: result?.id }),
  'workload.stop': ({ name, id }, result) => ({ container: result?.name ?? name, id: result?.id ?? id }),
  'workload.remove': ({ name, id, force }, result) => ({
    container: result?.removing?.name ?? name,
    id: result?.removing?.id ?? id,
    force,
  }),
  'workload.wait': 'read',
  'workload.stats': 'read',
  'image.list': 'read',
  'registry.list': 'read',
  'workload.path': 'read',
  'workload.report': 'routine',
  // With the servers' keys.
  'store.backup': () => ({}),
  'workload.exec': ({ name }) => ({ container: name }),
  'workload.attach': ({ name }) => ({ container: name }),
  'workload.debug': ({ name }) => ({ container: name }),
  'workload.logs': 'read',
  'workload.archive': ({ name }) => ({ container: name }),
  'workload.extract': ({ name }) => ({ container: name }),
  'cluster.watch': 'read',
  'cluster.events': 'read',
};

export interface AuditOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps one line, JSON. What it throws is logged. */
  keep?(line: string): void;
}

export class Audit {
  readonly #options: AuditOptions;

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** Does the work, and writes down that it was asked for, if that is to be. */
  async over<T>(method: string, params: unknown, call: Call, work: () => Promise<T>): Promise<T> {
    const tell = tellsOf(method, params);
    if (tell === undefined) return work();
    try {
      const result = await work();
      this.#write(method, call, tell(params, result), 'ok');
      return result;
    } catch (error) {
      this.#write(method, call, tell(params, undefined), isFailure(error) ? error.code : 'internal');
      throw error;
    }
  }

  #write(method: string, { caller, id }: Call, subject: Subject, outcome: string): void {
    const { clock, log, keep } = this.#options;
    const who = whoOf(caller);
    const request = id === undefined ? {} : { request: id };
    const entry: AuditEntry = {
      ...{ time: new Date(clock.now()).toISOString(), who, method, subject, outcome },
      ...request,
    };
    log.info('audit', { audit: true, who, method, ...prefixed(subject), outcome, ...request });
    try {
      keep?.(JSON.stringify(entry));
    } catch (error) {
      log.error('an audit line could not be kept: it stands only in this log', { error });
    }
  }
}

function whoOf(caller: Caller): string {
  if (caller.kind === 'root') return 'local';
  if (caller.kind === 'node') return `node:${caller.node ?? ''}`;
  return caller.kind === 'user' ? `user:${caller.user ?? ''}` : 'token';
}

/** How a call of the method is told; undefined when it is not. */
function tellsOf(method: string, params: unknown): ((params: unknown, result: unknown) => Subject) | undefined {
  const how = Object.hasOwn(told, method) ? (told[method as keyof typeof told] as string | Told<object, unknown>) : '';
  if (typeof how === 'string') return undefined;
  // The only one that can be asked what it would do; others do not know the word, and do it.
  if (method === 'network.create' && (params as { dryRun?: unknown } | null)?.dryRun === true) return undefined;
  return (params, result) => {
    const given = typeof params === 'object' && params !== null ? params : {};
    return Object.fromEntries(Object.entries(how(given, result)).flatMap(([key, value]) => plain(key, value)));
  };
}

const longest = 200;

/** Callers send what they like: nothing but short words and numbers is kept. */
function plain(key: string, value: unknown): [string, string | number | boolean][] {
  if (typeof value === 'string') return [[key, value.slice(0, longest)]];
  return typeof value === 'number' || typeof value === 'boolean' ? [[key, value]] : [];
}

const prefixed = (subject: Subject) =>
  Object.fromEntries(Object.entries(subject).map(([key, value]) => [`subject.${key}`, value]));
