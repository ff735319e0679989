/** The world as the command line sees it; injected, so that tests can be it. */
import type { JoinTarget, ServerAddress } from '../../domain/token.ts';
import type { Api } from '../../protocol/api.ts';

export interface Output {
  /** Resolves when more can be taken. @throws OutputClosed when nobody reads any more (`trama ps | head -1`); Failure */
  write(data: string | Uint8Array): Promise<void>;
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
}

export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

export interface Input {
  readonly isTTY: boolean;
  /** Keys as they are pressed, unechoed, Ctrl-C too. Only with a TTY. */
  setRaw(on: boolean): void;
  /** Ends at the end of input or when the signal aborts. Iterate once. */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Undoes a registration. */
export type Undo = () => void;

export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdin: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(ms: number): Promise<void>;
  onResize(handler: () => void): Undo;
  onSignal(signal: 'SIGINT' | 'SIGTERM', handler: () => void): Undo;
  /** @returns undefined when there is no such file. */
  readFile(path: string): Promise<string | undefined>;
  /** What docker's login on this host shows the registry (`X-Registry-Auth`); undefined when there is none for it. */
  registryAuth(registry: string): Promise<string | undefined>;
  /** The daemon of this host. Called at most once, and only by commands that need it. */
  api(): Api;
  readonly daemons: Daemons;
}

/** Daemons run until a signal ends them. Each resolves with the exit code; throws a Failure when it cannot start. */
export interface Daemons {
  up(options: UpOptions): Promise<number>;
  server(options: ServerOptions): Promise<number>;
  agent(options: AgentOptions): Promise<number>;
}

/** An etcd that several servers may stand over. Files are named by absolute paths. */
export interface EtcdOptions {
  /** At least one; none twice. */
  readonly hosts: readonly ServerAddress[];
  /** Before all keys. */
  readonly prefix: string;
  /** PEM. With any of these three it is reached by TLS. */
  readonly ca?: string;
  /** With `key`, or neither. */
  readonly certificate?: string;
  readonly key?: string;
  readonly user?: { readonly name: string; readonly passwordFile: string };
}

export interface ServerOptions {
  readonly store: 'sqlite' | 'memory' | EtcdOptions;
  /** Address to listen on. */
  readonly listen: string;
  /** Absolute directory. */
  readonly state: string;
  readonly requestsPort: number;
  readonly feedPort: number;
  readonly metricsPort: number;
}

export interface AgentOptions {
  /** Absent: comes back as the node it joined as. */
  readonly join?: JoinTarget;
  /** Absent: the host's name. */
  readonly name?: string;
  /** Absent: the address of the interface that has the default route. */
  readonly address?: string;
  /** Absolute directory. */
  readonly state: string;
  /** Absolute path of the Docker Engine's socket. */
  readonly dockerSocket: string;
}

export type UpOptions = ServerOptions & Omit<AgentOptions, 'join'>;
