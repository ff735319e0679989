/** A console before a made-up cluster: keys in, screen out. */
import type { ContainerView, NetworkView, NodeView } from '../../../protocol/views.ts';
import { screenOf } from '../draw/screen.ts';
import { glyphsFor } from '../glyphs.ts';
import { KeyReader } from '../keys.ts';
import { textOf } from '../line.ts';
import type { Effect, Happening, State } from '../state.ts';
import { tellIn } from '../strings/sentences.ts';
import { catalogues, type Language, sayIn } from '../strings/strings.ts';
import { initial, update } from '../update.ts';

export const now = Date.UTC(2026, 0, 31, 12);

export const node = (name: string, more: Partial<NodeView> = {}): NodeView => ({
  ...{ name, address: '10.99.0.11', interface: 'eth0', underlayMtu: 1500, key: 'k'.repeat(40), status: 'ready' },
  ...{ reason: '', skew: '', cpu: 0.12, memory: { used: 2 * 2 ** 30, total: 8 * 2 ** 30 } },
  ...{ traffic: { received: 1_200_000, sent: 3000 }, engine: 'docker 20.10.24', version: '0.1.0', containers: 2 },
  ...{ joinedAt: now - 3 * 86_400_000, lastSeen: now - 2000, events: [] },
  ...more,
});

export const container = (name: string, on = 'h1', more: Partial<ContainerView> = {}): ContainerView => ({
  ...{ name, id: '0123456789ab', node: on, image: 'nginx:1.27', command: [], managed: true, status: 'running' },
  ...{ message: '', exitCode: null, containerId: 'f'.repeat(64), createdAt: now - 400_000, startedAt: now - 300_000 },
  ...{ restart: 'no', ports: [], networks: [{ network: 'app', address: '10.42.0.3', mac: '02:42:0a:2a:00:03' }] },
  ...{ labels: {} },
  ...more,
});

export const network = (name: string, more: Partial<NetworkView> = {}): NetworkView => ({
  ...{ id: 'a1b2c3d4e5f6', name, driver: 'overlay', subnet: '10.42.0.0/24', vni: 10_001, mtu: 1450, port: 4789 },
  ...{ discovery: 'registry', internal: false, options: {}, createdAt: now - 3_600_000 },
  ...{ nodes: [{ node: 'h1', gateway: '10.42.0.2', blocks: ['10.42.0.0/26'] }], containers: [] },
  ...more,
});

const at = (last: number) => [{ network: 'app', address: `10.42.0.${last}`, mac: `02:42:0a:2a:00:0${last % 10}` }];

export const cluster = {
  nodes: [
    node('h1', { events: [{ time: now - 60_000, kind: 'repair', message: 'put back a forwarding entry of app' }] }),
    node('h2', { address: '10.99.0.12', cpu: 0.93, containers: 1 }),
    node('h3', {
      address: '10.99.0.13',
      status: 'down',
      reason: 'host 10.99.0.13 does not answer',
      cpu: null,
      memory: null,
    }),
  ],
  networks: [
    network('app', { containers: [{ name: 'web', node: 'h1', address: '10.42.0.3', mac: '02:42:0a:2a:00:03' }] }),
    network('db', { id: 'b1b2c3d4e5f6', subnet: '10.43.0.0/16', vni: 10_002, nodes: [] }),
  ],
  containers: [
    container('web', 'h1', { ports: ['8080:80/tcp'], labels: { tier: 'web' } }),
    container('api', 'h2', { networks: at(12), labels: { tier: 'api' } }),
    container('db', 'h2', { networks: at(4), image: 'postgres:17', labels: { tier: 'db' } }),
    container('old', 'h1', { status: 'exited', exitCode: 0, networks: [] }),
    container('bad', 'h1', { status: 'failed', message: 'there is no image nginx:9', networks: [] }),
    container('mine', 'h1', { managed: false, createdAt: null, restart: null }),
  ],
};

export interface SceneOptions {
  readonly language?: Language;
  readonly columns?: number;
  readonly rows?: number;
  readonly readOnly?: boolean;
  readonly unicode?: boolean;
  /** Before anything is known. */
  readonly empty?: boolean;
}

export class Scene {
  state: State;
  readonly effects: Effect[] = [];
  readonly #keys = new KeyReader();

  constructor(options: SceneOptions = {}) {
    const { language = 'en', columns = 80, rows = 24, readOnly = false, unicode = true } = options;
    const say = sayIn(catalogues[language]);
    const tell = tellIn(language);
    const settings = { say, tell, glyphs: glyphsFor(unicode), readOnly, place: say('cluster.local') };
    this.state = initial(settings, { columns, rows }, now);
    if (options.empty) return;
    this.happen({ kind: 'data', data: { cluster: '3f2a9c0177aa', host: 'h1', complete: true, ...cluster } });
    this.happen({ kind: 'link', state: 'up', why: '' });
  }

  happen(happening: Happening): this {
    const { state, effects } = update(this.state, happening);
    this.state = state;
    this.effects.push(...effects);
    return this;
  }

  /** As a terminal sends them. */
  type(text: string): this {
    for (const key of [...this.#keys.push(Buffer.from(text)), ...this.#keys.flush()]) this.happen({ kind: 'key', key });
    return this;
  }

  lines(): string[] {
    return screenOf(this.state).map(textOf);
  }

  /** Without what is to the right of it. */
  screen(): string {
    return this.lines()
      .map((line) => `${line.trimEnd()}\n`)
      .join('');
  }

  /** Names in the first column of the list that one is in. */
  names(): string[] {
    return this.lines()
      .map((line) => /^[▸ ] (\S+) {2,}\S/.exec(line)?.[1] ?? '')
      .filter((name) => /^[a-z]+\d*$/.test(name));
  }
}

export const keys = {
  ...{ enter: '\r', escape: '\x1b', tab: '\t', up: '\x1b[A', down: '\x1b[B', right: '\x1b[C', left: '\x1b[D' },
  ...{ pageDown: '\x1b[6~', end: '\x1b[F', backspace: '\x7f' },
} as const;
