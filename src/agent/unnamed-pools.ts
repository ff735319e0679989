/**
 * Pools that Docker asks for without saying of which network. It says so later, when it creates the network that they are
 * for (`-o network=`), and then it repeats what it was told was the gateway: by that the two are brought together.
 */
import { randomInt } from 'node:crypto';

const prefix = 'unnamed-';
/** Addresses of 0.0.0.0/8: nobody's ("this network", RFC 1122 §3.2.1.3), and within the pool `0.0.0.0/0`. */
const least = 1;
const most = 0xff_ff_fe;

export const newUnnamedPool = (): string => `${prefix}${randomInt(least, most + 1)}`;

/** What Docker is told is the pool's gateway; undefined for a pool of a network. */
export function gatewayOfUnnamed(poolId: string): string | undefined {
  if (!poolId.startsWith(prefix)) return undefined;
  const number = Number(poolId.slice(prefix.length));
  return `0.${number >> 16}.${(number >> 8) & 0xff}.${number & 0xff}`;
}

/** The other way round. */
export function unnamedWithGateway(gateway: string | undefined): string | undefined {
  const [, high, middle, low] = /^0\.(\d+)\.(\d+)\.(\d+)$/.exec(gateway ?? '')?.map(Number) ?? [];
  if (high === undefined || middle === undefined || low === undefined) return undefined;
  return `${prefix}${(high << 16) | (middle << 8) | low}`;
}
