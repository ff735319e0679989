/**
 * The feed's messages: [topic NUL, JSON {previous, revision}, data]. ZeroMQ matches topics by prefix; the NUL makes the
 * prefix the whole, so that `network/ab` does not bring `network/abc`.
 *
 * A subscription holds only some time after it was made. To know when, a client also subscribes to a topic nobody else
 * knows (`sync/…`); the server sees every subscription in its connection's order, and answers that one by a message on it.
 */
import type { Context } from 'zeromq';
import { XPublisher } from 'zeromq';
import { z } from 'zod';
import type { BusServerOptions, FeedMessage } from '../bus.ts';
import { common, curveServer, needsIpv6 } from './options.ts';

export const syncPrefix = 'sync/';

/** Deltas that wait for one slow subscriber; beyond, it misses some, and its mirror sees the gap. */
const feedHighWaterMark = 2000;

const subscribed = 1;
const head = z.object({ previous: z.number(), revision: z.number() });

export const topicFrame = (topic: string): string => `${topic}\0`;

export function feedFrames({ topic, previous, revision, data }: FeedMessage): [string, string, string] {
  return [topicFrame(topic), JSON.stringify({ previous, revision }), data];
}

/** @returns undefined for what is no delta. */
export function parseFeed(frames: readonly Buffer[]): FeedMessage | undefined {
  const [topic, numbers, data] = frames;
  if (topic === undefined || numbers === undefined || data === undefined || topic.at(-1) !== 0) return undefined;
  try {
    return {
      topic: topic.toString('utf8', 0, topic.length - 1),
      ...head.parse(JSON.parse(`${numbers}`)),
      data: `${data}`,
    };
  } catch {
    return undefined;
  }
}

export function feedSocket(context: Context, { keys, address }: BusServerOptions): XPublisher {
  return new XPublisher({
    ...common,
    ...curveServer(keys.secretKey, 'trama.feed'),
    context,
    ipv6: needsIpv6(address),
    sendHighWaterMark: feedHighWaterMark,
  });
}

/** Answers the sync topics until the socket is closed. */
export async function answerSyncs(socket: XPublisher): Promise<void> {
  for await (const [subscription] of socket) {
    if (subscription?.[0] !== subscribed) continue;
    const topic = subscription.subarray(1);
    if (topic.toString('utf8', 0, syncPrefix.length) === syncPrefix) await socket.send([topic]).catch(() => {});
  }
}
