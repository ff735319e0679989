import { Failure } from '../domain/domain.ts';
import { nodeTopic } from '../protocol/protocol.ts';
import type { Methods } from './context.ts';

/** A node hears of its own workloads only: their environment may hold secrets. */
export const snapshotMethods: Methods<'feed.snapshot'> = {
  'feed.snapshot': async ({ feed }, { topic }, { caller }) => {
    const others = topic.startsWith(nodeTopic('')) && caller.kind === 'node' && topic !== nodeTopic(caller.node ?? '');
    if (others) throw new Failure('denied', `topic ${topic} is for that node only`);
    return feed.snapshot(topic);
  },
};
