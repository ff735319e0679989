/** Where agents are told that they reach this server. */
import { findUnderlay } from '../agent/underlay.ts';
import type { ServerOptions } from '../interfaces/interfaces.ts';
import { type Log, spawn } from '../platform/platform.ts';

const everywhere: readonly string[] = ['0.0.0.0', '::'];

/** @returns undefined when there is no address to tell: it goes on for agents that were told of it when they joined */
export async function advertised(
  { advertise, listen, address }: Pick<ServerOptions, 'advertise' | 'listen'> & { readonly address?: string },
  log: Log,
): Promise<string | undefined> {
  if (advertise !== undefined) return advertise;
  if (!everywhere.includes(listen)) return listen;
  try {
    return (await findUnderlay(spawn, address)).address;
  } catch (error) {
    log.warn('this server cannot tell agents where it is: say it with --advertise IP', { error });
    return undefined;
  }
}
