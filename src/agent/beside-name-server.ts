/**
 * Port 53 of all of the host's addresses, for a container that serves names to others: the agent's own name server has that
 * port at the node's addresses in networks, where it stays (`drivers/segment/published.ts` leads nothing away from there).
 */
import { networkInterfaces } from 'node:os';
import type { HeldPort, HoldPort } from '../platform/held-port.ts';

export interface BesideNameServerOptions {
  readonly hold: HoldPort;
  /** Addresses of this host at which the agent's name server is, or will be in a moment. */
  servers(): ReadonlySet<string>;
  readFile(path: string): Promise<string>;
  /** The host's IPv4 addresses; what the system says when absent. */
  addresses?(): readonly string[];
}

const namePort = 53;
const everywhere = '0.0.0.0';

/** `hold`, but 53 of all addresses is that of each, except the name server's. */
export function besideNameServer(options: BesideNameServerOptions): HoldPort {
  const { hold, servers, addresses = ownAddresses } = options;
  return async (protocol, address, port) => {
    if (port !== namePort || address !== everywhere) return hold(protocol, address, port);
    const held: HeldPort[] = [];
    const letGo = async () => void (await Promise.all(held.map((each) => each[Symbol.asyncDispose]())));
    try {
      await refuseOthers(protocol, options);
      for (const each of addresses()) if (!servers().has(each)) held.push(await hold(protocol, each, port));
    } catch (error) {
      await letGo();
      throw error;
    }
    return { port, [Symbol.asyncDispose]: letGo };
  };
}

/** A resolver of the host's may listen at an address that no interface bears, such as 127.0.0.53: it would be cut off. */
async function refuseOthers(protocol: 'tcp' | 'udp', { servers, readFile }: BesideNameServerOptions): Promise<void> {
  const ours = servers();
  const table = await readFile(`/proc/net/${protocol}`);
  const open = protocol === 'tcp' ? listening : unconnected;
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    if (state !== open || Number.parseInt(port, 16) !== namePort || ours.has(plain(address))) continue;
    throw Object.assign(new Error(`${plain(address)} has port ${namePort}`), { code: 'EADDRINUSE' });
  }
}

/** States in /proc/net/tcp and udp. */
const listening = '0A';
const unconnected = '07';

/** `3500007F` is 127.0.0.53: the kernel writes what it has in memory as a number of the host's (little-endian) order. */
const plain = (hex: string): string => [...Buffer.from(hex, 'hex').reverse()].join('.');

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((each = []) =>
    each.filter(({ family }) => family === 'IPv4').map(({ address }) => address),
  );
