/**
 * Endpoints whose containers ended without a word: the host was rebooted, or nobody listened when Docker told. Nothing of
 * theirs can be wired again, and that is no trouble.
 */
import { endpointLinkName, endpointMacvlanName, endpointPeerName, endpointPortName } from '../domain/domain.ts';
import { type Clock, isNamespace } from '../platform/platform.ts';
import type { Addresses } from './addresses.ts';
import type { FormerAddresses } from './former-addresses.ts';
import type { KernelSide } from './kernel-side.ts';
import type { LocalState } from './local-state.ts';
import type { Wiring } from './wiring.ts';

export interface GoneSandboxesOptions {
  readonly state: Pick<LocalState, 'endpoints'>;
  readonly kernel: Pick<KernelSide, 'missingPairs'>;
  /** Of files under /proc. */
  readFile(path: string): Promise<string>;
  /** Its container may be started again. */
  readonly former: Pick<FormerAddresses, 'ended'>;
  readonly wiring: Pick<Wiring, 'removeEndpoint'>;
  readonly addresses: Pick<Addresses, 'releaseUnused'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** No engine takes so long from an endpoint's creation until it stands in its sandbox. */
export const startMs = 30_000;

/**
 * A sandbox that cannot be seen is not yet a sandbox that is gone (it may be out of this process's sight): its veth pair must
 * have gone with it, or the container's end must be back with the host, where an engine puts it that could not tell of the
 * end. There it is, too, until a start has come to the sandbox.
 * @returns whether there was any
 */
export async function endGoneEndpoints(options: GoneSandboxesOptions): Promise<boolean> {
  const { state, kernel, former, wiring, addresses, clock } = options;
  const seen = await Promise.all(
    [...state.endpoints.values()].map(async (each) => {
      const there = each.sandbox === undefined || (await isNamespace(each.sandbox.path));
      return { record: each.record, createdAt: each.createdAt, path: each.sandbox?.path, there };
    }),
  );
  const unseen = seen.filter(({ there }) => !there);
  if (unseen.length === 0) return false;
  const missing = await kernel.missingPairs();
  const atHost = namesOf(await options.readFile('/proc/net/dev').catch(() => ''));
  const gone = unseen.filter(
    ({ record: { id }, createdAt }) =>
      missing.has(endpointPortName(id)) ||
      missing.has(endpointLinkName(id)) ||
      missing.has(endpointMacvlanName(id)) ||
      (atHost.has(endpointPeerName(id)) && clock.now() - createdAt >= startMs),
  );
  // It may have been joined to another meanwhile.
  const ended = gone.filter(({ record, path }) => state.endpoints.get(record.id)?.sandbox?.path === path);
  for (const { record } of ended) {
    former.ended(record);
    await wiring.removeEndpoint(record.id);
    addresses.releaseUnused(record.network, record.address);
  }
  return ended.length > 0;
}

const namesOf = (table: string): ReadonlySet<string> =>
  new Set([...table.matchAll(/^ *([^ :]+):/gm)].map(([, name = '']) => name));
