/** One `--network` of `run`, in docker's forms: `app`, `name=app,ip=10.42.0.9,alias=www`, `host`, `none`, `container:web`. */
import { canonicalAddress } from '../../domain/address.ts';
import { Failure } from '../../domain/errors.ts';
import { checkAlias, checkNetworkName } from '../../domain/names.ts';
import { readNetworkMode } from '../../domain/network-mode.ts';
import { quoted } from '../../domain/quoted.ts';
import type { NetworkMode } from '../../domain/records.ts';

export type NetworkFlag =
  | { readonly mode: NetworkMode }
  | { readonly mode?: never; readonly network: string; readonly address?: string; readonly aliases: readonly string[] };

/** @throws Failure `invalid` */
export function parseNetworkFlag(text: string): NetworkFlag {
  const mode = readNetworkMode(text);
  if (mode !== undefined) return { mode };
  if (!text.includes('=')) return { network: checkNetworkName(text), aliases: [] };
  let network: string | undefined;
  let address: string | undefined;
  const aliases: string[] = [];
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const [key, value] = [part.slice(0, Math.max(at, 0)), part.slice(at + 1)];
    if (key === 'name') network = checkNetworkName(value);
    else if (key === 'ip') address = canonicalAddress(value);
    else if (key === 'alias') aliases.push(checkAlias(value));
    else throw new Failure('invalid', `${quoted(part)} says nothing of a network: there are name=, ip= and alias=`);
  }
  if (network === undefined) throw new Failure('invalid', `${quoted(text)} names no network: write name=NETWORK`);
  return { network, aliases, ...(address === undefined ? {} : { address }) };
}
