/**
 * Endpoints whose containers ended without a word: the host was rebooted, or nobody listened when Docker told. Nothing of
 * theirs can be wired again, and that is no trouble.
 */
import { endpointPortName } from '../domain/domain.ts';
import { isNamespace } from '../platform/platform.ts';
import type { LocalState } from './local-state.ts';

export interface GoneSandboxesOptions {
  readonly state: Pick<LocalState, 'endpoints'>;
  /** Names of desired veth pairs that are not there. */
  missingPairs(): Promise<ReadonlySet<string>>;
  removeEndpoint(id: string): Promise<void>;
  releaseAddress(network: string, address: string): void;
}

/**
 * A sandbox that cannot be seen is not yet a sandbox that is gone (it may be out of this process's sight): its veth pair must
 * have gone with it.
 * @returns whether there was any
 */
export async function endGoneEndpoints(options: GoneSandboxesOptions): Promise<boolean> {
  const { state, missingPairs, removeEndpoint, releaseAddress } = options;
  const seen = await Promise.all(
    [...state.endpoints.values()].map(async (each) => {
      const there = each.sandbox === undefined || (await isNamespace(each.sandbox.path));
      return { record: each.record, path: each.sandbox?.path, there };
    }),
  );
  const unseen = seen.filter(({ there }) => !there);
  if (unseen.length === 0) return false;
  const missing = await missingPairs();
  const gone = unseen.filter(({ record }) => missing.has(endpointPortName(record.id)));
  // It may have been joined to another meanwhile.
  const ended = gone.filter(({ record, path }) => state.endpoints.get(record.id)?.sandbox?.path === path);
  for (const { record } of ended) {
    await removeEndpoint(record.id);
    releaseAddress(record.network, record.address);
  }
  return ended.length > 0;
}
