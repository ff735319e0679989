import type { BusServer, KeyPair, Peer } from '../bus/bus.ts';
import { Failure } from '../domain/domain.ts';
import type { Log, RequestMeter, SteadyClock } from '../platform/platform.ts';
import type { MethodName, ParsedParams, Result, ServedApi } from '../protocol/protocol.ts';
import type { Store } from '../store/store.ts';
import type { Audit } from './audit.ts';
import type { Turns } from './change.ts';
import type { Containers } from './containers.ts';
import type { Epoch } from './epoch.ts';
import type { Feed } from './feed.ts';
import type { Follow } from './follow.ts';
import type { Happenings } from './happenings.ts';
import type { Members } from './members.ts';
import type { Presence } from './presence.ts';
import type { Registry } from './registry.ts';
import type { Requests } from './requests.ts';
import type { Random } from './server.ts';
import type { Waiters } from './waiters.ts';
import type { Watching } from './watching.ts';

/** What the methods work with. */
export interface Context {
  readonly cluster: string;
  /** Trama's. */
  readonly version: string;
  readonly store: Store;
  readonly clock: SteadyClock;
  readonly random: Random;
  readonly log: Log;
  readonly keys: KeyPair;
  /** Key pair of a join token's secret. */
  readonly keysFromSecret: (secret: string) => KeyPair;
  /** The same of a user's. */
  readonly userKeysFromSecret: (secret: string) => KeyPair;
  readonly turns: Turns;
  readonly members: Members;
  readonly presence: Presence;
  readonly epoch: Epoch;
  readonly feed: Feed;
  readonly waiters: Waiters;
  readonly watching: Watching;
  readonly happenings: Happenings;
  readonly containers: Containers;
  readonly registry: Registry;
  readonly requests: Requests;
  /** What it serves besides the bus. */
  readonly served: { api?: ServedApi };
  /** Looks under way why nodes are silent. */
  readonly lookedInto: Set<Promise<void>>;
  readonly hostAnswers: (address: string) => Promise<boolean>;
  readonly isKnocking: (address: string) => Promise<boolean>;
  readonly follow: Pick<Follow, 'caughtUp' | 'reached' | 'revision'>;
  readonly bus: Pick<BusServer, 'toNode' | 'connectedNodes' | 'expel' | 'ports'>;
  /** Nodes that asked for their own removal and are to get an answer. */
  readonly leaving: Set<string>;
  readonly meter: RequestMeter;
  readonly audit: Audit;
  /** The server is shutting down. */
  readonly signal: AbortSignal;
}

/** Who asks. `root`: on the server's own host. */
export type Caller = { readonly kind: 'root' } | Peer;

export interface Call {
  readonly caller: Caller;
  /** Milliseconds since the epoch; nobody waits for an answer after it. */
  readonly deadline: number;
  /** Of the request, over all its tries; streams have none. */
  readonly id?: string;
}

/** What a server answers; the rest of the table is answered by agents. */
export type ServedMethod = Exclude<
  MethodName,
  `agent.${string}` | `container.${string}` | 'address.yield' | 'image.login' | 'network.ensure'
>;

export type Methods<M extends ServedMethod> = {
  readonly [Name in M]: (context: Context, params: ParsedParams<Name>, call: Call) => Promise<Result<Name>>;
};

/** The node that asks, for what only a node can ask about itself. @throws Failure `denied` */
export function callingNode({ caller }: Call): string {
  if (caller.kind === 'node' && caller.node !== undefined) return caller.node;
  throw new Failure('denied', 'only a node can ask this, about itself: use its agent');
}

/** A node speaks for itself only; root for all. @throws Failure `denied` */
export function speaksFor({ caller }: Call, node: string): void {
  if (caller.kind === 'root' || (caller.kind === 'node' && caller.node === node)) return;
  throw new Failure('denied', `${caller.kind} ${caller.node ?? caller.user ?? ''} cannot speak for node ${node}`);
}
