import type { AddressPool, PoolState } from '../domain/domain.ts';
import type { LocalState } from './local-state.ts';

/**
 * A network's pool as the disk has it. What was in use and is no more begins its rest now: the moment of its release was not seen.
 * @param now ms
 */
export function rememberedPool(
  state: Pick<LocalState, 'pools' | 'endpoints' | 'kept'>,
  networkId: string,
  now: number,
): PoolState {
  const saved = state.pools.get(networkId) as PoolState | undefined;
  const taken = [...[...state.endpoints.values()].map(({ record }) => record), ...state.kept.values()];
  const here = taken.filter((each) => each.network === networkId);
  const addresses = new Set(here.map((each) => each.address));
  if (saved === undefined) return { blocks: [], taken: [...addresses], resting: [], yielded: [] };
  const lost = saved.taken.filter((address) => !addresses.has(address));
  return {
    ...saved,
    taken: [...addresses],
    resting: [
      ...saved.resting.filter(([address]) => !addresses.has(address)),
      ...lost.map((address) => [address, now] as const),
    ],
  };
}

/** All that may be assigned from them, or was. */
export function heldIn(pools: readonly { readonly network: string; readonly pool: AddressPool }[]) {
  return {
    blocks: pools.flatMap(({ network, pool }) => pool.blocks.map((cidr) => ({ network, cidr }))),
    reservations: pools.flatMap(({ network, pool }) =>
      [...pool.taken].filter((address) => !pool.holds(address)).map((address) => ({ network, address })),
    ),
  };
}
