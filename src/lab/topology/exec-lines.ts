/**
 * What the `exec` lines of a containerlab file make of a network: addresses and routes, as `ip` is told them. They become the
 * file's own, so that they are checked, drawn and written out as all others. Nothing is executed: in a namespace without an
 * image, a line would change this machine's files.
 */
import { formatAddress, readAddress } from '../../domain/domain.ts';
import { formatSubnet, subnetOf } from '../../domain/subnet.ts';

export interface Told {
  /** By interface. A second one of the same is not understood. */
  readonly addresses: ReadonlyMap<string, { readonly address: string; readonly prefix: string; readonly line: number }>;
  /** By target: of several to one, the last counts. */
  readonly routes: ReadonlyMap<string, { readonly via: string; readonly line: number }>;
  /** It passes packets on. */
  readonly forwards: boolean;
  /** Positions of the lines that mean nothing here. */
  readonly unknown: readonly number[];
}

const address = /^ip (?:-4 )?a(?:ddr(?:ess)?)? (?:add|replace) (\S+)(?: (?:brd|broadcast) \S+)? dev (\S+)$/;
const route = /^ip (?:-4 )?r(?:oute)? (?:add|replace|change) (\S+) via (\S+)(?: dev \S+)?$/;
const forwarding = /^sysctl (?:-w )?net\.ipv4\.(?:ip_forward|conf\.all\.forwarding)=1$/;
/** What is so without being said: interfaces are up, and there is no default route of an engine's. */
const idle = [/^ip l(?:ink)? set (?:dev )?\S+ up$/, /^ip (?:-4 )?r(?:oute)? del(?:ete)? default(?: .*)?$/];

/** @param interfaces those that links end at */
export function readExec(lines: readonly unknown[], interfaces: ReadonlySet<string>): Told {
  const addresses = new Map<string, { address: string; prefix: string; line: number }>();
  const routes = new Map<string, { via: string; line: number }>();
  const unknown: number[] = [];
  let forwards = false;
  lines.forEach((given, line) => {
    const text = typeof given === 'string' ? given.trim().replace(/\s+/g, ' ') : '';
    const [, cidr = '', device = ''] = address.exec(text) ?? [];
    const own = interfaces.has(device) && !addresses.has(device) ? readCidr(cidr) : undefined;
    const [, to = '', via = ''] = route.exec(text) ?? [];
    const target = to === 'default' || to === '0.0.0.0/0' ? 'default' : readCidr(to)?.prefix;
    const hop = readAddress(via);
    if (own !== undefined) addresses.set(device, { ...own, line });
    else if (target !== undefined && hop?.family === 4) routes.set(target, { via, line });
    else if (forwarding.test(text)) forwards = true;
    else if (!idle.some((form) => form.test(text))) unknown.push(line);
  });
  return { addresses, routes, forwards: forwards || addresses.size > 1, unknown };
}

/** IPv4 only; without a length it is one address. */
function readCidr(text: string): { address: string; prefix: string } | undefined {
  const [host = '', bits = '32', ...rest] = text.split('/');
  const found = readAddress(host);
  if (found?.family !== 4 || rest.length > 0 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  return { address: formatAddress(found), prefix: formatSubnet(subnetOf(found, Number(bits))) };
}
