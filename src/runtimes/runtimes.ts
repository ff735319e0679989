/** The port of container runtimes: start, stop, look at containers. Docker is one; see `docker/`. */

import type { WorkloadSpec } from '../domain/domain.ts';
import type { ByteStream, LogPosition } from '../protocol/protocol.ts';

export interface ContainerSpec extends WorkloadSpec {
  /** Besides the engine's own, e.g. `NET_ADMIN`; see capabilities(7). */
  readonly capabilities?: readonly string[];
}

export interface ContainerInfo {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'removing';
  readonly exitCode?: number;
  readonly startedAt?: number;
  /** Of its main process, as the host counts; only `inspect` tells, while it runs. */
  readonly pid?: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Those it is configured for; what it has there is empty text while it does not run. */
  readonly networks: readonly {
    readonly name: string;
    readonly endpointId: string;
    readonly address: string;
    readonly mac: string;
    /** Names besides its own that it answers to there; only `inspect` tells. */
    readonly aliases?: readonly string[];
    /** Names that it alone, there, has for others (`--link CONTAINER:ALIAS`); only `inspect` tells. */
    readonly links?: readonly { readonly container: string; readonly alias: string }[];
  }[];
  /** Name servers that it was given instead of the host's; only `inspect` tells. */
  readonly dns?: readonly string[];
  /** That the engine is to start it again by itself, whatever its policy asks besides; only `inspect` tells. */
  readonly restarts?: true;
  /** What went wrong the last time that it was to be started, stopped or removed; only `inspect` tells. */
  readonly error?: string;
}

/** Counters since the container's start, and what it has now. Bytes. */
export interface ContainerUsage {
  /** When that was: milliseconds since the epoch. */
  readonly time: number;
  /** Of all cores together. */
  readonly cpuNanoseconds: number;
  /** `limit`: the host's memory if it has none of its own. */
  readonly memory: { readonly used: number; readonly limit: number };
  readonly network: { readonly received: number; readonly sent: number };
  readonly block: { readonly read: number; readonly written: number };
  readonly pids: number;
}

/** An image by one of its names. */
export interface LocalImage {
  readonly name: string;
  /** Twelve digits. */
  readonly id: string;
  /** Bytes. */
  readonly size: number;
  /** When it was built; milliseconds since the epoch. */
  readonly createdAt: number;
}

/** `more`: there are others that are not told of. */
export interface RegistryContents {
  readonly repositories: readonly { readonly name: string; readonly tags: readonly string[]; readonly more: boolean }[];
  readonly more: boolean;
}

export interface PathInContainer {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** Bytes. */
  readonly size: number;
  /** Of a link: where it leads, as the container sees it; else empty. */
  readonly linkTarget: string;
}

/** How a container is on a network. */
export interface NetworkJoin {
  readonly address?: string;
  readonly aliases: readonly string[];
  /** Told to the network's driver, as those of `create` are. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface RuntimeNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Containers that run in it. */
  readonly containers: number;
}

interface EngineEvent<T extends string> {
  readonly type: T;
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, and their parts. */
  readonly time: number;
}

export type RuntimeEvent =
  | EngineEvent<'container'>
  | EngineEvent<'network'>
  /** The event stream (re)connected: look at everything anew. */
  | { readonly type: 'connected' }
  /** It broke off: the engine ends, or has died. */
  | { readonly type: 'disconnected' };

/** As an engine's files tell of it. */
export interface RestartedContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it has no address that somebody chose. `id`: empty of one that has not been in the network yet. */
  readonly networks: readonly { readonly name: string; readonly id: string }[];
}

export interface RuntimeStatus {
  readonly available: boolean;
  /** e.g. `Docker 20.10.24, API 1.41`; or the sentence that says why not. */
  readonly message: string;
}

/**
 * Every call throws Failure: `unavailable` when the engine is not there or not running, `not-found`, `conflict`, `invalid`,
 * each with a sentence that says what to do.
 */
export interface ContainerRuntime extends AsyncDisposable {
  status(): Promise<RuntimeStatus>;

  /**
   * Makes the image present; reports progress as sentences.
   * @param registryAuth `X-Registry-Auth` for its registry; absent: what this host's engine was given by `docker login`
   */
  ensureImage(
    reference: string,
    onProgress: (message: string) => void,
    signal: AbortSignal,
    registryAuth?: string,
  ): Promise<void>;

  /** Images of the host that have a name. */
  images(): Promise<LocalImage[]>;
  /**
   * What a registry has, as the engine would be let in there.
   * @param asked without a repository: all of them. @param registryAuth as of `ensureImage`
   */
  registry(
    asked: { readonly registry: string; readonly repository?: string },
    signal: AbortSignal,
    registryAuth?: string,
  ): Promise<RegistryContents>;

  /** Creates without starting. Containers that the spec joins are named by id. @returns the container's id. */
  create(
    name: string,
    spec: ContainerSpec,
    labels: Readonly<Record<string, string>>,
    networkName: (network: string) => string,
  ): Promise<string>;
  start(id: string): Promise<void>;
  /** @param graceSeconds before SIGKILL; default 10. */
  stop(id: string, graceSeconds?: number): Promise<void>;
  /** Kills if running; anonymous volumes go too, unless they are kept. No error when it is gone already. */
  remove(id: string, options?: { readonly keepVolumes: boolean }): Promise<void>;
  inspect(id: string): Promise<ContainerInfo>;
  /** Containers that carry all `labels`, whatever their state; without `startedAt`. */
  list(labels: Readonly<Record<string, string>>): Promise<ContainerInfo[]>;
  /** @returns undefined when it does not run, or is not there. */
  usage(id: string): Promise<ContainerUsage | undefined>;

  /**
   * Ends with result undefined. `stdout`/`stderr` channels. `since`, `until`: milliseconds since the epoch. With `positions`,
   * `position` controls tell where one is; `after` one of those the log goes on, which is confirmed by that position first.
   */
  logs(
    id: string,
    options: {
      readonly follow: boolean;
      readonly tail?: number;
      readonly since?: number;
      readonly until?: number;
      readonly timestamps: boolean;
      readonly positions?: boolean;
      readonly after?: LogPosition;
    },
  ): Promise<ByteStream>;
  /** Ends with result `{exitCode}`; of a command that could not be started 126 or 127 and an `error`, a sentence. */
  exec(
    id: string,
    options: {
      readonly command: readonly string[];
      readonly tty: boolean;
      readonly stdin: boolean;
      readonly env: readonly string[];
      readonly user?: string;
      readonly workdir?: string;
    },
  ): Promise<ByteStream>;
  /** @returns undefined when it is not there. A last link is not followed, unless the path ends with a slash. */
  pathIn(id: string, path: string): Promise<PathInContainer | undefined>;
  /** A file or directory as an archive in the format of tar, on `stdout`; ends with `{}`. */
  archive(id: string, path: string): Promise<ByteStream>;
  /**
   * Takes an archive on `stdin` apart in a directory; ends with `{}` when all of it is there. A directory is not replaced by
   * what is none, nor the other way round. @param options `toUser`: its files become the user's that the container runs as; else they keep their numbers
   */
  extract(id: string, path: string, options: { readonly toUser: boolean }): Promise<ByteStream>;
  /**
   * Streams of the container's own main process, ends with `{exitCode}`; call before `start` to miss nothing. Of a
   * terminal that the user left by its keys (ctrl-p ctrl-q): `{exitCode: 0, detached: true}`; so for `exec`.
   */
  attach(id: string, options: { readonly stdin: boolean; readonly tty?: boolean }): Promise<ByteStream>;

  networks(): Promise<RuntimeNetwork[]>;
  createNetwork(options: {
    readonly name: string;
    readonly driver: string;
    readonly subnet: string;
    readonly ipamDriver: string;
    readonly internal: boolean;
    readonly options: Readonly<Record<string, string>>;
    readonly ipamOptions: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  }): Promise<string>;
  /** No error when it is gone already; `conflict` while containers are in it. */
  removeNetwork(id: string): Promise<void>;

  /**
   * Whether or not the container runs: one that does not is on the network from its next start on.
   * @param network its name. @throws Failure `conflict` when it is on the network already, or the address is taken
   */
  connect(id: string, network: string, as: NetworkJoin): Promise<void>;
  /** @param force also when the network's driver does not answer. @throws Failure `not-found` when it is not on the network */
  disconnect(id: string, network: string, force: boolean): Promise<void>;

  /** Where the engine keeps its files. */
  home(): Promise<string>;
  /**
   * Those that the engine may start by itself when it comes up; told without the engine, which answers nobody then.
   * @param home what `home` told before. @throws what goes wrong with a file
   */
  startedByItself(home: string): Promise<RestartedContainer[]>;

  /** Reconnects by itself until `signal` aborts. Some events may come twice. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}
