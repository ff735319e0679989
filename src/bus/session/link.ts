import type { Failure } from '../../domain/domain.ts';
import type { FeedMessage } from '../bus.ts';
import type { Header, Line } from './wire.ts';

/** What a link tells its client, in order. Nothing after `onLost`. */
export interface LinkEvents {
  onMessage(header: Header, payload: Uint8Array): void;
  onFeed(message: FeedMessage): void;
  /** `denied`: the server ended it and will not take this key again. Anything else: worth another try at once. */
  onLost(failure: Failure): void;
}

/** A live connection on which the server has accepted the client's identity. */
export interface Link extends Line {
  /** Begins to deliver events; what came before waits until then. */
  start(events: LinkEvents): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** While set: resolves once all subscriptions asked for so far hold at the server. Bounded in time, never rejects. */
  readonly syncing: Promise<void> | undefined;
  /** Tells the server, if it can. */
  close(): Promise<void>;
}

/** Makes connections to one server, one at a time. */
export interface Dialer {
  /** As a sentence has it: `the server at 10.0.0.1:4701`. */
  readonly target: string;
  /**
   * One attempt, bounded to some seconds. The topics are subscribed to when it resolves.
   * @throws Failure `denied` (the server refuses, or is not the one) or `unavailable`; the sentence is for a person.
   */
  dial(topics: ReadonlySet<string>, signal: AbortSignal): Promise<Link>;
}
