/**
 * Published ports of this node's endpoints, held by bound sockets: what is published is nobody else's, and what is
 * somebody's is not published. Where they lead is the endpoints' affair (`record.ports`, the drivers' `published`).
 *
 * INVARIANTS
 *   - a port is held before it leads anywhere, and until it leads nowhere any more;
 *   - what an endpoint has on disk is held again after a restart; if somebody took it meanwhile, it still leads to the
 *     container, is no other's, the node is told, and it is tried again.
 */
import { type EndpointRecord, Failure, type PublishedPort } from '../domain/domain.ts';
import type { HeldPort, HoldPort } from '../platform/held-port.ts';
import type { Log } from '../platform/platform.ts';

export interface PortsOptions {
  readonly hold: HoldPort;
  /** How people know the container of an endpoint; undefined while nobody has said. */
  nameOf(endpoint: string): string | undefined;
  /** Something that a person should know. */
  report(message: string): void;
  readonly log: Log;
}

interface Held {
  readonly port: PublishedPort;
  readonly socket: HeldPort;
  /** Endpoint; undefined: it is about to be let go, and whoever wants it may have it. */
  owner: string | undefined;
  /** Resolves when it was let go or is somebody's again. */
  free: Promise<void>;
}

export class Ports {
  readonly #options: PortsOptions;
  readonly #byPort = new Map<string, Set<Held>>();
  readonly #byOwner = new Map<string, Set<Held>>();
  /** Published but not held: taken by somebody else since, or not to be had. */
  readonly #lost = new Map<string, readonly PublishedPort[]>();

  constructor(options: PortsOptions) {
    this.#options = options;
  }

  /**
   * Takes ports for an endpoint, in place of any that it has. Asking again for the same gives the same.
   * @returns them as they are: never 0, never a range.
   * @throws Failure `conflict` when one is somebody else's; the endpoint has none then
   */
  async hold(endpoint: string, asked: readonly PublishedPort[]): Promise<readonly PublishedPort[]> {
    const former = this.#of(endpoint);
    const kept = new Set<Held>();
    try {
      for (const port of asked) {
        const same = former.find((each) => !kept.has(each) && satisfies(each.port, port));
        kept.add(same ?? (await this.#take(endpoint, port)));
      }
    } catch (error) {
      for (const each of [...former, ...kept]) this.#letGo(each, Promise.resolve());
      throw error;
    }
    for (const each of former) if (!kept.has(each)) this.#letGo(each, Promise.resolve());
    return [...kept].map(({ port }) => port);
  }

  /** @param gone resolves when they lead nowhere any more. */
  release(endpoint: string, gone: Promise<unknown>): void {
    this.#lost.delete(endpoint);
    for (const each of this.#of(endpoint)) this.#letGo(each, gone);
  }

  /** After a restart: what is published. Nothing of it is left out because it cannot be held. */
  async restore(endpoints: Iterable<{ readonly record: Pick<EndpointRecord, 'id' | 'ports'> }>): Promise<void> {
    for (const { record } of endpoints) if (record.ports !== undefined) this.#lost.set(record.id, record.ports);
    await this.retry();
  }

  /** Now and then: what could not be held. */
  async retry(): Promise<void> {
    for (const [endpoint, ports] of [...this.#lost]) {
      const missing: PublishedPort[] = [];
      for (const port of ports) {
        if (this.#lost.get(endpoint) !== ports) break;
        await this.#take(endpoint, port).catch((error: unknown) => {
          missing.push(port);
          this.#options.log.debug('a published port is not held', { endpoint, port, error });
          const why = whyNotHeld(port, error);
          this.#options.report(`host port ${textOf(port)} leads to ${this.#nameOf(endpoint)}, but ${why}`);
        });
      }
      if (this.#lost.get(endpoint) !== ports)
        for (const each of this.#of(endpoint)) this.#letGo(each, Promise.resolve());
      else if (missing.length === 0) this.#lost.delete(endpoint);
      else this.#lost.set(endpoint, missing);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lost.clear();
    const all = [...this.#byPort.values()].flatMap((each) => [...each]);
    this.#byPort.clear();
    this.#byOwner.clear();
    await Promise.all(all.map(({ socket }) => socket[Symbol.asyncDispose]()));
  }

  #of(endpoint: string): Held[] {
    return [...(this.#byOwner.get(endpoint) ?? [])];
  }

  async #take(endpoint: string, asked: PublishedPort): Promise<Held> {
    const { hostPort, hostPortEnd = hostPort, ...rest } = asked;
    for (let port = hostPort; port <= hostPortEnd; port += 1) {
      const found = await this.#tryOne(endpoint, { ...rest, hostPort: port }, port < hostPortEnd);
      if (found !== undefined) return found;
    }
    throw new Failure('conflict', `none of the host ports ${textOf(asked)} is free: publish another range`);
  }

  /** @param more there are others to try. @returns undefined: it is taken, and there are others. */
  async #tryOne(endpoint: string, port: PublishedPort, more: boolean): Promise<Held | undefined> {
    for (;;) {
      const loser = this.#loserOf(endpoint, port);
      if (loser !== undefined) {
        if (more) return undefined;
        throw this.#conflict(port, loser, endpoint);
      }
      const rivals = [...(this.#byPort.get(placeOf(port)) ?? [])].filter((each) => sameAddress(each.port, port));
      const left = rivals.find((each) => each.owner === undefined && each.port.hostAddress === port.hostAddress);
      if (left !== undefined) {
        remove(this.#byPort, placeOf(port), left);
        return this.#add(endpoint, port, left.socket);
      }
      const owned = rivals.find((each) => each.owner !== undefined);
      if (owned?.owner !== undefined) {
        if (more) return undefined;
        throw this.#conflict(port, owned.owner, endpoint);
      }
      // About to be let go, but at another address.
      if (rivals[0] !== undefined) {
        await rivals[0].free;
        continue;
      }
      try {
        const socket = await this.#options.hold(port.protocol, port.hostAddress ?? everywhere, port.hostPort);
        const real = { ...port, hostPort: socket.port };
        const chosen = port.hostPort === 0;
        if (!chosen || this.#loserOf(endpoint, real) === undefined) return this.#add(endpoint, real, socket);
        await socket[Symbol.asyncDispose]();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !more) throw explained(port, error);
        return undefined;
      }
    }
  }

  /** Who has published it and does not hold it; undefined also when that is the endpoint itself. */
  #loserOf(endpoint: string, port: PublishedPort): string | undefined {
    const lost = (ports: readonly PublishedPort[] = []) => ports.some((each) => samePlace(each, port));
    if (this.#lost.size === 0 || lost(this.#lost.get(endpoint))) return undefined;
    return [...this.#lost].find(([, ports]) => lost(ports))?.[0];
  }

  #add(endpoint: string, port: PublishedPort, socket: HeldPort): Held {
    const held: Held = { port, socket, owner: endpoint, free: never };
    add(this.#byPort, placeOf(port), held);
    add(this.#byOwner, endpoint, held);
    return held;
  }

  #letGo(held: Held, gone: Promise<unknown>): void {
    if (held.owner === undefined) return;
    remove(this.#byOwner, held.owner, held);
    held.owner = undefined;
    held.free = gone
      .catch(() => {})
      .then(async () => {
        // Taken over meanwhile: the socket is another's.
        if (!remove(this.#byPort, placeOf(held.port), held)) return;
        await held.socket[Symbol.asyncDispose]();
      });
  }

  #conflict(port: PublishedPort, owner: string, endpoint: string): Failure {
    const whose = owner === endpoint ? 'published twice' : `published by ${this.#nameOf(owner)} already`;
    const what = owner === endpoint ? 'publish it once' : 'publish another port, or remove that container first';
    return new Failure('conflict', `host port ${textOf(port)} of this node is ${whose}: ${what}`);
  }

  #nameOf(endpoint: string): string {
    const name = this.#options.nameOf(endpoint);
    return name === undefined ? 'another container' : `the container ${name}`;
  }
}

const everywhere = '0.0.0.0';
const never = new Promise<void>(() => {});

const placeOf = ({ protocol, hostPort }: PublishedPort): string => `${protocol} ${hostPort}`;

function add<T>(index: Map<string, Set<T>>, key: string, value: T): void {
  index.set(key, (index.get(key) ?? new Set()).add(value));
}

/** @returns whether it was there. */
function remove<T>(index: Map<string, Set<T>>, key: string, value: T): boolean {
  const values = index.get(key);
  const there = values?.delete(value) ?? false;
  if (values?.size === 0) index.delete(key);
  return there;
}

/** Whether one address is the other's, or one of all. */
function sameAddress(a: PublishedPort, b: PublishedPort): boolean {
  return a.hostAddress === undefined || b.hostAddress === undefined || a.hostAddress === b.hostAddress;
}

function samePlace(a: PublishedPort, b: PublishedPort): boolean {
  return a.hostPort === b.hostPort && a.protocol === b.protocol && sameAddress(a, b);
}

/** Whether a port that is held is what is asked for. */
function satisfies(held: PublishedPort, asked: PublishedPort): boolean {
  if (held.protocol !== asked.protocol || held.containerPort !== asked.containerPort) return false;
  if (held.hostAddress !== asked.hostAddress) return false;
  const { hostPort, hostPortEnd = hostPort } = asked;
  return hostPort === 0 || (held.hostPort >= hostPort && held.hostPort <= hostPortEnd);
}

/** `8080/tcp`, `10.0.0.1:53/udp`, `8000-8010/tcp`. */
function textOf({ hostAddress, hostPort, hostPortEnd, protocol }: PublishedPort): string {
  const address = hostAddress === undefined ? '' : `${hostAddress}:`;
  return `${address}${hostPort}${hostPortEnd === undefined ? '' : `-${hostPortEnd}`}/${protocol}`;
}

const whoHas = ({ hostPort, protocol }: PublishedPort): string =>
  `ss -Hln${protocol[0]}p sport = :${hostPort} shows it`;

/** @param failure of an attempt to hold a port that was held before. */
function whyNotHeld(port: PublishedPort, failure: unknown): string {
  const { message, cause } = failure instanceof Error ? failure : new Error(String(failure));
  if ((cause as NodeJS.ErrnoException | undefined)?.code !== 'EADDRINUSE') return `is not held: ${message}`;
  return `another program took it while the agent was down: stop that program (${whoHas(port)})`;
}

function explained(port: PublishedPort, cause: unknown): Failure {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new Failure(
        'conflict',
        `host port ${textOf(port)} of this node is in use by another program (${whoHas(port)}): publish another port, or stop that program`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
      return new Failure(
        'invalid',
        `${port.hostAddress} is no address of this node, so that port ${port.hostPort} cannot be published there: give one of its own, or none`,
        { cause },
      );
    case 'EMFILE':
    case 'ENFILE':
      return new Failure(
        'exhausted',
        `host port ${textOf(port)} cannot be held, since the agent has as many files open as it may: raise its limit (LimitNOFILE)`,
        { cause },
      );
    default:
      return new Failure(
        'internal',
        `host port ${textOf(port)} cannot be held: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
  }
}
