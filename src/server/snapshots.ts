import { Failure } from '../domain/domain.ts';
import { nodeTopic } from '../protocol/protocol.ts';
import type { Call, Methods } from './context.ts';

export const snapshotMethods: Methods<'feed.snapshot' | 'feed.missed'> = {
  'feed.snapshot': async ({ feed }, { topic }, call) => {
    checkIsFor(topic, call);
    return feed.snapshot(topic);
  },

  'feed.missed': async ({ feed }, { topic, since }, call) => {
    checkIsFor(topic, call);
    const missed = feed.missed(topic, since);
    if (missed === undefined) return {};
    return { deltas: missed.map(({ previous, revision, data }) => ({ previous, revision, data })) };
  },
};

/** A node hears of its own workloads only: their environment may hold secrets. @throws Failure `denied` */
function checkIsFor(topic: string, { caller }: Call): void {
  const others = topic.startsWith(nodeTopic('')) && caller.kind === 'node' && topic !== nodeTopic(caller.node ?? '');
  if (others) throw new Failure('denied', `topic ${topic} is for that node only`);
}
