import type { Zone } from '../dns.ts';

export interface FakeZone extends Zone {
  version: number;
  /** By name; seen by every client. */
  readonly names: Map<string, readonly string[]>;
  servers: readonly string[];
  /** What `untilKnown` gives. */
  unknown: Promise<void> | undefined;
  /** Names that were looked for. */
  readonly found: string[];
}

/** Network 10.42.0.0/16 with `web` at 10.42.0.5, `db` at three addresses and a hundred `many`. Suffix `trama.test`. */
export function fakeZone(servers: readonly string[] = []): FakeZone {
  const names = new Map<string, readonly string[]>([
    ['web', ['10.42.0.5']],
    ['web.app.trama.test', ['10.42.0.5']],
    ['app.trama.test', []],
    ['db', ['10.42.0.7', '10.42.0.8', '10.42.0.9']],
    ['six', ['fd00::5']],
    ['many', Array.from({ length: 100 }, (_, i) => `10.42.1.${i}`)],
  ]);
  const found: string[] = [];
  return {
    names,
    found,
    servers,
    unknown: undefined,
    suffix: 'trama.test',
    version: 1,
    find(_client, name) {
      found.push(name);
      const addresses = names.get(name);
      return addresses === undefined ? undefined : { addresses };
    },
    reverse(_client, address) {
      if (address === '10.42.0.5') return ['web.app.trama.test', 'web'];
      return address.startsWith('10.42.') ? [] : undefined;
    },
    untilKnown() {
      return this.unknown;
    },
    upstreams() {
      return this.servers;
    },
  };
}
