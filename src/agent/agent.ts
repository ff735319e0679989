/** The door of `agent`: what others may know of it. */
import type { Bus } from '../bus/bus.ts';
import type { NameServer, NameServerOptions } from '../dns/dns.ts';
import type { Check, Finding } from '../doctor/doctor.ts';
import type { JoinTarget } from '../domain/domain.ts';
import type { Log, Metrics, Piped, Running, Spawn, SteadyClock } from '../platform/platform.ts';
import type { Api, Readiness } from '../protocol/protocol.ts';
import type { ContainerRuntime } from '../runtimes/runtimes.ts';
import type { NetworkPlugin } from './plugin-port.ts';

export type * from './plugin-port.ts';

export interface AgentOptions {
  /** Where it keeps what it must know again after a restart. */
  readonly directory: string;
  /** Needed only the first time. */
  readonly join?: JoinTarget;
  /** Name to join under; the host's name when absent. */
  readonly name?: string;
  /** Underlay address; when absent, that of the interface with the default route. */
  readonly address?: string;
  readonly hostname: string;
  readonly version: string;
  readonly bus: Bus;
  readonly spawn: Spawn;
  /** Starts a process that goes on: the monitors of the kernel. */
  start(argv: [string, ...string[]], onError: (line: string) => void): Running;
  /** Starts a process that somebody converses with: the host's tools in a container's namespaces. */
  converse(argv: [string, ...string[]], env: Readonly<Record<string, string>>): Piped;
  createNameServer(options: NameServerOptions): NameServer;
  readonly runtime: ContainerRuntime;
  readonly clock: SteadyClock;
  readonly log: Log;
  /** Where its figures go. */
  readonly metrics?: Metrics;
  /** Reads a file of the host, e.g. /proc/stat. */
  readFile(path: string): Promise<string>;
  /** Looks at this host, soon after its start; absent: nobody does. See `Examine`. */
  examine?(only: ReadonlySet<Check>): Promise<readonly Finding[]>;
  /** Ends the daemon; asked for after the host has left the cluster. */
  stop(): void;
}

/** `call` and `open` are for root on this host: the agent's own methods here, all others at a server. */
export interface Agent extends Api, AsyncDisposable {
  readonly node: string;
  readonly plugin: NetworkPlugin;
  /** Not ready: it wires nothing new, or does not know what it should; what runs goes on. */
  readiness(): Promise<Readiness>;
  /** Engines can be served now: serve the plugin, then call this. Reconciles until disposed. */
  run(): void;
}
