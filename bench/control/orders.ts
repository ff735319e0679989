/** What the bench and its processes full of agents say to one another. */
import type { Layout } from './layout.ts';

export interface Crew {
  readonly layout: Layout;
  /** Numbers of the agents in the process: from `first`, as many. */
  readonly first: number;
  readonly count: number;
  /** `TOKEN@HOST,…` */
  readonly join: string;
  readonly networks: readonly { readonly id: string; readonly vni: number; readonly subnet: string }[];
  /** For what agents keep. */
  readonly directory: string;
}

export interface Orders {
  /** Joins, and stays connected. */
  readonly join: { readonly order: Crew; readonly result: null };
  /** Leases blocks, and tells of all endpoints. */
  readonly populate: { readonly order: null; readonly result: { readonly endpoints: number } };
  /** From now on all that concerns the agents is heard. */
  readonly follow: { readonly order: null; readonly result: null };
  /** Endpoints come and go, whether or not earlier ones have been answered. */
  readonly change: { readonly order: { readonly perSecond: number; readonly seconds: number }; readonly result: Asked };
  /** What has been heard of the changes asked for since this was asked last. */
  readonly heard: { readonly order: null; readonly result: Heard };
}

/** Moments are microseconds of the machine's monotonic clock, the same for all processes. A change: `+ADDRESS` or `-ADDRESS`. */
export interface Asked {
  readonly changes: readonly (readonly [change: string, at: number])[];
  /** Milliseconds until the servers answered. */
  readonly answered: readonly number[];
  readonly failures: readonly string[];
}

export interface Heard {
  readonly changes: readonly (readonly [change: string, at: readonly number[]])[];
  /** Deltas applied, seen already, and not fitting, and snapshots, of all agents. */
  readonly counts: Readonly<Record<string, number>>;
  readonly troubles: readonly string[];
}

export type Order = {
  readonly [K in keyof Orders]: { readonly kind: K; readonly order: Orders[K]['order'] };
}[keyof Orders];
export type Reply = { readonly result: unknown } | { readonly failed: string };

export const now = (): number => Number(process.hrtime.bigint() / 1000n);
