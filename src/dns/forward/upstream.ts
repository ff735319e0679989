import { isIP } from 'node:net';

/** Another name server. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
}

/** @param text `ADDRESS`, `ADDRESS:PORT` or `[IPV6]:PORT` @returns undefined for anything else */
export function readUpstream(text: string): Upstream | undefined {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = Number(digits);
  const family = bracketed === undefined ? 4 : 6;
  return isIP(address) === family && port > 0 && port < 65_536 ? { address, port } : undefined;
}
