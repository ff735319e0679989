/** The door of `doctor`: examines a host and says what is wrong with it. Changes nothing, and leaves nothing behind. */
import type { Clock, Reached, Space, Spawn } from '../platform/platform.ts';
import type { Api } from '../protocol/protocol.ts';
import type { Check, Finding } from './finding.ts';

export type { Check, Finding } from './finding.ts';

export interface ExamineOptions {
  /** Absent: every check. */
  readonly only?: ReadonlySet<Check>;
  /** What it was asked to look at. */
  readonly settings: {
    readonly state: string;
    readonly dockerSocket: string;
    /** As with the agent's --address. */
    readonly address?: string;
    /** That a server on this host takes, or would take; absent: they are not looked at. */
    readonly ports?: { readonly requests: number; readonly feed: number };
  };
  readonly host: ExaminedHost;
  /** Of this host's agent, or else its server. */
  readonly api: Pick<Api, 'call'>;
  /** Who this host is in the cluster, from its disk; undefined: it has never joined. @throws when it cannot be read */
  identity(): Promise<Joined | undefined>;
}

export interface Joined {
  readonly name: string;
  readonly servers: readonly {
    readonly host: string;
    readonly ports: { readonly requests: number; readonly feed: number };
  }[];
}

/** The operating system, as far as it is looked at. */
export interface ExaminedHost {
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly uid: number | undefined;
  readFile(path: string): Promise<string>;
  reachTcp(host: string, port: number, waitMs: number, from?: string): Promise<Reached>;
  freeSpace(path: string): Promise<Space>;
  /** Command lines of the processes that hold a socket. */
  holdersOf(inode: number): Promise<string[]>;
  docker(): Promise<{ readonly available: boolean; readonly message: string }>;
}

/** @returns findings in the order of `checks` */
export type Examine = (options: ExamineOptions) => Promise<Finding[]>;
