/**
 * Why a node is silent, as far as it can be told from a server and from its peers: a sentence for a person. Nothing is decided by
 * it (docs/adr/0012-silent-nodes.md).
 */
import { ask } from '../protocol/protocol.ts';
import type { Context } from './context.ts';
import { named } from './sentences.ts';

/** Of the server's own host one may run an agent, whose paths are the server's. */
const askedAtMost = 3;
const askedMs = 1500;

export async function whySilent(context: Context, node: string, address: string): Promise<string> {
  const [answers, peers, connected] = await Promise.all([
    answersHere(context, address),
    askPeers(context, node, address),
    isConnected(context, node, address),
  ]);
  if (answers) {
    return connected
      ? `its host ${address} answers, and its agent is connected and says nothing: it is paused, or hangs`
      : `its host ${address} answers, its agent is not connected: it has been stopped, or cannot reach this server`;
  }
  const reached = peers.filter((peer) => peer.reaches).map((peer) => peer.name);
  const byPeers = reached.length === 0 ? '' : `; ${named(reached)} ${reached.length === 1 ? 'reaches' : 'reach'} it`;
  // Its agent tries to connect, and does not hear this server's answers.
  if (await context.isKnocking(address))
    return `its host ${address} is heard here and does not hear this server: the path from this server to it is broken${byPeers}`;
  if (reached.length > 0)
    return `its host ${address} is not heard here, though ${named(reached)} can reach it: the path from it to this server is broken, maybe both ways`;
  if (peers.length > 0)
    return `its host ${address} answers neither this server nor ${named(peers.map(({ name }) => name))}: it is off, or its link is cut`;
  return `its host ${address} does not answer: it is off, or a link between it and this server is cut`;
}

async function answersHere({ hostAnswers, log }: Context, address: string): Promise<boolean> {
  return hostAnswers(address).catch((error: unknown) => {
    log.debug('a silent host could not be asked', { address, error });
    return false;
  });
}

/**
 * An agent that was killed has said nothing of its end: that its connection is gone, is found by sending. One that is paused has its
 * kernel take what it is sent.
 */
async function isConnected({ bus }: Context, node: string, address: string): Promise<boolean> {
  if (!bus.connectedNodes().includes(node)) return false;
  await ask(bus.toNode(node), 'agent.reach', { address }, { deadlineMs: askedMs }).catch(() => {});
  return bus.connectedNodes().includes(node);
}

/** Those who could say something. */
async function askPeers(
  context: Context,
  node: string,
  address: string,
): Promise<{ name: string; reaches: boolean }[]> {
  const { bus, presence, random, log } = context;
  const others = bus.connectedNodes().filter((name) => name !== node && presence.isReady(name));
  const [start = 0] = others.length === 0 ? [] : random.bytes(1);
  // Not always the same ones.
  const turned = others.map((_, at) => others[(at + start) % others.length] ?? '');
  const answers = await Promise.all(
    turned.slice(0, askedAtMost).map(async (name) => {
      try {
        const { answered } = await ask(bus.toNode(name), 'agent.reach', { address }, { deadlineMs: askedMs });
        return [{ name, reaches: answered }];
      } catch (error) {
        log.debug('a node could not say whether it reaches another', { node: name, error });
        return [];
      }
    }),
  );
  return answers.flat().sort((one, other) => (one.name < other.name ? -1 : 1));
}
