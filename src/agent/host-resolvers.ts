/** The name servers that this host itself asks: resolv.conf(5). */
import { isAddress } from '../domain/domain.ts';
import type { Clock } from '../platform/platform.ts';

export interface HostResolversOptions {
  readFile(path: string): Promise<string>;
  /** They are others than before. */
  onChange(): void;
  readonly clock: Clock;
}

const path = '/etc/resolv.conf';
/** The file may change at any time; what was read is used for so long. */
const freshMs = 1000;
/** As resolvers do: MAXNS. */
const most = 3;

export class HostResolvers {
  readonly #options: HostResolversOptions;
  #servers: readonly string[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(options: HostResolversOptions) {
    this.#options = options;
  }

  /** As last read; reads again, for the next who asks, when that was a while ago. */
  servers(): readonly string[] {
    if (this.#options.clock.now() - this.#readAt >= freshMs) void this.read();
    return this.#servers;
  }

  async read(): Promise<void> {
    this.#readAt = this.#options.clock.now();
    // Without the file a host's resolver asks itself.
    const text = await this.#options.readFile(path).catch(() => 'nameserver 127.0.0.1');
    const servers = readResolvConf(text);
    if (servers.join() === this.#servers.join()) return;
    this.#servers = servers;
    this.#options.onChange();
  }
}

/** Addresses with a zone (`fe80::1%eth0`) are left out. */
export function readResolvConf(text: string): string[] {
  const servers = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map((match) => match[1] ?? '');
  return servers.filter(isAddress).slice(0, most);
}
