/** Whether this node and another hear each other: in a network that both are in, when one of them is examined; or at all. */
import {
  canonicalAddress,
  contains,
  Failure,
  type NetworkRecord,
  parseAddress,
  parseSubnet,
} from '../domain/domain.ts';
import { heardPing, hostAnswers, ping, type Spawn } from '../platform/platform.ts';
import type { ParsedParams, Result } from '../protocol/protocol.ts';

export interface ProbeOptions {
  readonly spawn: Spawn;
  readonly view: { network(id: string): NetworkRecord | undefined };
  readonly wiring: { gatewayOf(network: string): { readonly address: string } | undefined };
}

/** @throws Failure */
export async function probe(
  { spawn, view, wiring }: ProbeOptions,
  { network, address, id }: ParsedParams<'agent.probe'>,
): Promise<Result<'agent.probe'>> {
  const found = view.network(network);
  const own = wiring.gatewayOf(network)?.address;
  if (found === undefined || own === undefined) throw new Failure('not-found', 'this node is not in that network');
  if (!contains(parseSubnet(found.subnet), parseAddress(address))) {
    throw new Failure('invalid', `${address} is not in network ${found.name} (${found.subnet})`);
  }
  // Before our own requests: what answers them passes, too.
  const heard = await heardPing(spawn, { from: address, to: own, id });
  const { received } = await ping(spawn, { from: own, to: address, id });
  return { heard: heard ?? null, answered: received > 0 };
}

/** The host of another node, which a server does not hear. @throws Failure `invalid` */
export async function reach({ address }: ParsedParams<'agent.reach'>): Promise<Result<'agent.reach'>> {
  return { answered: await hostAnswers(canonicalAddress(address)) };
}
