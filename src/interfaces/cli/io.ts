/** The world as the command line sees it; injected, so that tests can be it. */
import type { ExamineOptions, Finding } from '../../doctor/doctor.ts';
import type { JoinTarget, ServerAddress } from '../../domain/token.ts';
import type { LogFormat } from '../../platform/log.ts';
import type { Api } from '../../protocol/api.ts';
import type { ConsoleOptions } from '../console/console.ts';
import type { LabTools } from './lab-tools.ts';

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
  /** The daemon of this host, or servers elsewhere. Called at most once, and only by commands that need it. */
  api(context?: StoredContext): Api;
  readonly contexts: ContextStore;
  /** What a user's key is made of. */
  newUserKey(): Promise<NewUserKey>;
  readonly daemons: Daemons;
  /** Examines this host. */
  doctor(settings: ExamineOptions['settings']): Promise<readonly Finding[]>;
  readonly store: StoreTools;
  readonly lab: LabTools;
  /** On this terminal, until it is closed. @returns the exit code. @throws Failure `invalid` without a terminal */
  console(options: ConsoleOptions, context?: StoredContext): Promise<number>;
}

export interface ContextServer {
  readonly host: string;
  readonly ports: { readonly requests: number; readonly feed: number };
  /** By which the cluster lists it, once it has said. */
  readonly id?: string | undefined;
  /** Since when it is listed no more, milliseconds since the epoch. */
  readonly goneSince?: number | undefined;
}

/** A cluster that is controlled from here, under a name of this user's own. */
export interface StoredContext {
  readonly name: string;
  /** `tramauser1.…`: a secret. */
  readonly key: string;
  /** At least one. */
  readonly servers: readonly ContextServer[];
}

/** Where contexts are kept. Each throws Failure for what cannot be read. */
export interface ContextStore {
  names(): Promise<readonly string[]>;
  read(name: string): Promise<StoredContext | undefined>;
  write(context: StoredContext): Promise<void>;
  remove(name: string): Promise<void>;
  /** Name of the one that is used; undefined: this host. */
  current(): Promise<string | undefined>;
  use(name: string | undefined): Promise<void>;
}

export interface NewUserKey {
  /** 32 random bytes. */
  readonly secret: Uint8Array;
  /** Z85, of the key pair that follows from the secret. */
  readonly publicKey: string;
}

/** Where a cluster is kept, and the state directory of a server of it. */
export interface StorePlace {
  readonly store: ServerOptions['store'];
  /** Absolute directory. */
  readonly state: string;
}

export interface StoreTools {
  /** `note` is told of progress now and then. Each throws Failure. @returns a sentence that says what was done */
  backup(from: StorePlace, file: string, force: boolean, note: Note): Promise<string>;
  restore(file: string, to: StorePlace, force: boolean, note: Note): Promise<string>;
  migrate(from: StorePlace, to: StorePlace, force: boolean, note: Note): Promise<string>;
}

export type Note = (text: string) => void;

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

/** Of every daemon. */
interface DaemonOptions {
  /** Absolute directory. */
  readonly state: string;
  /** Address at which figures and health are served. */
  readonly httpListen: string;
  readonly logFormat: LogFormat;
}

export interface ServerOptions extends DaemonOptions {
  readonly store: 'sqlite' | 'memory' | EtcdOptions;
  /** Address to listen on. */
  readonly listen: string;
  /** Where agents reach it. Absent: `listen`, if that is one address, else that of the interface that has the default route. */
  readonly advertise?: string;
  readonly requestsPort: number;
  readonly feedPort: number;
  /** Milliseconds of a node's silence. */
  readonly health: { readonly suspectMs: number; readonly downMs: number; readonly evictMs: number };
  /** Absent: no figures and no health over HTTP. */
  readonly httpPort?: number;
  /** Where the HTTP API is served over TLS; absent: nowhere. */
  readonly api?: ApiPlace;
}

export interface ApiPlace {
  readonly address: string;
  readonly port: number;
  /** PEM, by absolute paths; absent: a certificate of its own. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

export interface AgentOptions extends DaemonOptions {
  /** Absent: comes back as the node it joined as. */
  readonly join?: JoinTarget;
  /** Absent: the host's name. */
  readonly name?: string;
  /** Absent: the address of the interface that has the default route. */
  readonly address?: string;
  /** Absolute path of the Docker Engine's socket. */
  readonly dockerSocket: string;
  /** Absent: no figures and no health over HTTP. */
  readonly agentHttpPort?: number;
}

export type UpOptions = ServerOptions & Omit<AgentOptions, 'join'>;
