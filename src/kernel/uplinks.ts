/**
 * What stood on interfaces of the host's before bridges took their places, so that it can come back, also by another process and
 * after a crash between any two commands.
 *
 * INVARIANTS
 *   - it is written down before the first command of a move, either way, and until the last one has been done;
 *   - the bridge is there before anything moves, and goes after everything has come back: while there is none, nothing of ours stands
 *     between the host and its interface;
 *   - between moves what is written down follows what stands on the bridge, which is the host's own to change.
 */
import { bootId, type Clock, type Spawn } from '../platform/platform.ts';
import { apply, type Result } from './apply.ts';
import {
  aged,
  type Carried,
  type CarriedAddress,
  type CarriedRoute,
  carriedAddresses,
  carriedRoutes,
  isEmpty,
  isMovable,
  labelledAs,
  nothingCarried,
  sameCarried,
  united,
} from './carried.ts';
import type { KernelObject, Setting, UplinkObject } from './objects.ts';
import { readJson } from './observe.ts';
import { inside } from './print.ts';
import { type Step, subjectOf } from './steps.ts';

/** What is written down of an interface. */
export interface UplinkRecord {
  readonly device: string;
  readonly bridge: string;
  /** Of which start of the kernel's it tells; of another it tells nothing. */
  readonly boot: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** No move is under way: all of it stands on the bridge. */
  readonly settled: boolean;
  readonly things: Carried;
}

/** Where it is kept: interface → record. */
export interface UplinkStore {
  load(): Promise<ReadonlyMap<string, UplinkRecord>>;
  /** Resolved means durable. Undefined: nothing is to be remembered of the interface any more. */
  save(device: string, record: UplinkRecord | undefined): Promise<void>;
}

/** For those who need no memory beyond the process. */
export const noUplinks = (): UplinkStore => {
  const records = new Map<string, UplinkRecord>();
  return {
    load: async () => records,
    save: async (device, record) => void (record === undefined ? records.delete(device) : records.set(device, record)),
  };
};

interface Listed {
  readonly ifname: string;
  readonly master?: string;
  readonly addr_info?: readonly CarriedAddress[];
}

interface ListedNeighbour {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
}

/** What is in the kernel now. */
class Standing {
  readonly #links: ReadonlyMap<string, Listed>;
  readonly #routes: readonly CarriedRoute[];
  readonly #neighbours: readonly ListedNeighbour[];

  constructor(links: readonly unknown[], routes: readonly unknown[], neighbours: readonly unknown[]) {
    this.#links = new Map((links as readonly Listed[]).map((link) => [link.ifname, link]));
    this.#routes = routes as readonly CarriedRoute[];
    this.#neighbours = neighbours as readonly ListedNeighbour[];
  }

  static async read(spawn: Spawn): Promise<Standing> {
    const ip = (...args: string[]) => readJson(spawn, ['ip', '-j', '-d', ...args]);
    const [links, routes, neighbours] = await Promise.all([
      ip('addr', 'show'),
      ip('route', 'show', 'table', 'all'),
      ip('neigh', 'show', 'nud', 'permanent'),
    ]);
    return new Standing(links, routes, neighbours);
  }

  has(device: string): boolean {
    return this.#links.has(device);
  }

  masterOf(device: string): string | undefined {
    return this.#links.get(device)?.master;
  }

  /** @param as whose they are, if they stand in another's place */
  of(device: string, as = device): Carried {
    return {
      addresses: carriedAddresses(this.#links.get(device)?.addr_info ?? []),
      routes: carriedRoutes(this.#routes, device, as),
      neighbours: this.#neighbours.flatMap(({ dst, dev, lladdr }) =>
        dev === device && lladdr !== undefined ? [{ dst, lladdr }] : [],
      ),
    };
  }
}

export class Uplinks {
  readonly #store: UplinkStore;
  readonly #spawn: Spawn;
  readonly #clock: Clock;
  #records: Map<string, UplinkRecord> | undefined;
  /** Prepared steps whose beginning could not be written down, and why: nothing of them is done. */
  readonly #unwritten = new WeakMap<Step, string>();
  #boot: string | undefined;

  constructor(store: UplinkStore, spawn: Spawn, clock: Clock) {
    this.#store = store;
    this.#spawn = spawn;
    this.#clock = clock;
  }

  /**
   * Before steps are done: writes down what they move, and gives them it.
   * @param dry only looks
   */
  async prepare(steps: readonly Step[], dry = false): Promise<Step[]> {
    if (!steps.some((step) => subjectOf(step).kind === 'uplink')) return [...steps];
    const standing = await Standing.read(this.#spawn);
    const prepared: Step[] = [];
    for (const step of steps) prepared.push(await this.#prepareOne(step, standing, dry));
    return prepared;
  }

  async #prepareOne(step: Step, standing: Standing, dry: boolean): Promise<Step> {
    const uplink = subjectOf(step);
    if (uplink.kind !== 'uplink') return step;
    const { device, bridge } = uplink;
    const record = await this.#recordOf(device, bridge);
    const [itself, inPlace] = [standing.of(device), standing.of(bridge, device)];
    const back = step.op === 'delete';
    const things = (back ? returning : leaving)(itself, inPlace, standing.has(bridge), record);
    // One that cannot be done at all must leave no move to be finished.
    const possible = back || itself.routes.every(isMovable);
    const settings = back ? [] : await this.#settings(device, bridge);
    const subject: UplinkObject = { ...uplink, carried: { things, there: back ? inPlace : itself, settings } };
    const prepared: Step =
      step.op === 'delete'
        ? { op: 'delete', before: subject }
        : step.op === 'create'
          ? { op: 'create', after: subject }
          : { ...step, after: subject };
    if (!dry && possible) {
      await this.#write({ device, bridge, settled: false, things }).catch((error: unknown) => {
        // What has to come back of a move that was broken off is written down already.
        if (back && record?.settled === false) return;
        this.#unwritten.set(prepared, error instanceof Error ? error.message : String(error));
      });
    }
    return prepared;
  }

  /**
   * Does prepared steps. A bridge goes only once everything has come back from it; an interface whose place could not be taken
   * whole is given back what was taken.
   */
  async apply(steps: readonly Step[], run: (steps: readonly Step[]) => Promise<Result[]>): Promise<Result[]> {
    const uplinks = steps.filter((step) => subjectOf(step).kind === 'uplink');
    if (uplinks.length === 0) return run(steps);
    const given = new Map(uplinks.filter(({ op }) => op === 'delete').map((step) => [bridgeOf(step), step]));
    const bridges = steps.filter((step) => step.op === 'delete' && given.has(nameOf(step)));
    const done = await run(steps.filter((step) => !bridges.includes(step) && !this.#unwritten.has(step)));
    await this.#done(done);
    for (const { step, outcome } of done)
      if (outcome === 'failed' && step.op !== 'delete' && (await this.#isMoving(step))) await this.#undo(step, run);
    const results = [...done, ...uplinks.flatMap((step) => this.#refused(step))];
    const kept = results.filter(({ outcome }) => outcome === 'failed').map(({ step }) => bridgeOf(step));
    const empty = bridges.filter((step) => !kept.includes(nameOf(step)));
    const held = bridges.filter((step) => !empty.includes(step));
    return [
      ...results,
      ...(empty.length === 0 ? [] : await run(empty)),
      ...held.map((step) => ({ step, outcome: 'failed', message: notYet(nameOf(step)) }) as const),
    ];
  }

  #refused(step: Step): Result[] {
    const message = this.#unwritten.get(step);
    return message === undefined ? [] : [{ step, outcome: 'failed', message }];
  }

  /** One that was refused before it began leaves a place that is taken as it is, and an interface that is itself untouched. */
  async #isMoving(step: Step): Promise<boolean> {
    const uplink = subjectOf(step);
    return uplink.kind === 'uplink' && (await this.#recordOf(uplink.device, uplink.bridge))?.settled === false;
  }

  async #undo(step: Step, run: (steps: readonly Step[]) => Promise<Result[]>): Promise<void> {
    const uplink = subjectOf(step);
    if (uplink.kind !== 'uplink') return;
    const { carried: _, ...before } = uplink;
    const steps = await this.prepare([{ op: 'delete', before }]);
    await this.#done(await run(steps.filter((each) => !this.#unwritten.has(each))));
  }

  /** No move is under way any more, of those that were done; one of which that cannot be written down is done again. */
  async #done(results: readonly Result[]): Promise<void> {
    for (const { step, outcome } of results) {
      const uplink = subjectOf(step);
      if (uplink.kind !== 'uplink' || outcome !== 'done') continue;
      const { device, bridge, carried } = uplink;
      const things = carried?.things ?? nothingCarried;
      const written =
        step.op === 'delete' ? this.#forget(device) : this.#write({ device, bridge, settled: true, things });
      await written.catch(() => {});
    }
  }

  /**
   * Of what was read from the kernel: whether something stands on an interface whose place is taken. What stands on the bridge instead
   * is written down as it is now, unless a move was broken off.
   */
  async observed(found: readonly KernelObject[]): Promise<KernelObject[]> {
    const objects = [...found, ...(await this.#forgotten(found))];
    const uplinks = objects.filter((object) => object.kind === 'uplink');
    if (uplinks.length === 0) return objects;
    const standing = await Standing.read(this.#spawn);
    const astray = new Set<KernelObject>();
    for (const uplink of uplinks) {
      const { device, bridge } = uplink;
      const record = await this.#recordOf(device, bridge);
      const attached = standing.masterOf(device) === bridge;
      if (!attached || !isEmpty(standing.of(device)) || record?.settled === false) {
        astray.add(uplink);
        continue;
      }
      const things = labelledAs(standing.of(bridge, device), record?.things ?? nothingCarried);
      if (record !== undefined && sameCarried(things, this.#now(record))) continue;
      // A disk that is full has what stood there before, and is tried again at the next look.
      await this.#write({ device, bridge, settled: true, things }).catch(() => {});
    }
    return objects.map((object) => (astray.has(object) ? ({ ...object, astray: true } as UplinkObject) : object));
  }

  /** Bridges that do not tell any more whose place they have. */
  async #forgotten(found: readonly KernelObject[]): Promise<UplinkObject[]> {
    const told = new Set(found.flatMap((object) => (object.kind === 'uplink' ? [object.bridge] : [])));
    const there = new Set(found.flatMap((object) => (object.kind === 'link' && object.ns === '' ? [object.name] : [])));
    const records = [...(await this.#loaded()).values()];
    return records
      .filter(({ bridge }) => there.has(bridge) && !told.has(bridge))
      .map(({ device, bridge }) => ({ kind: 'uplink', ns: '', device, bridge }));
  }

  /** Steps that give an interface back what a crash, or somebody else, has left it without. */
  async lost(): Promise<Step[]> {
    const records = [...(await this.#loaded()).values()];
    if (records.length === 0) return [];
    const standing = await Standing.read(this.#spawn);
    const steps: Step[] = [];
    for (const { device, bridge, settled } of records) {
      const record = await this.#recordOf(device, bridge);
      if (record === undefined || !standing.has(device)) continue;
      const stands = standing.has(bridge);
      const robbed = settled && !stands && isEmpty(standing.of(device));
      if (robbed) {
        const carried = { things: this.#now(record), there: nothingCarried, settings: [] };
        steps.push({ op: 'delete', before: { kind: 'uplink', ns: '', device, bridge, carried } });
      } else if (stands && !settled) {
        const before: UplinkObject = { kind: 'uplink', ns: '', device, bridge };
        steps.push(await this.#prepareOne({ op: 'delete', before }, standing, true));
      }
    }
    return steps;
  }

  /** Where a setting of the interface differs from the bridge's, which may not be there yet: then from that of a new one. */
  async #settings(device: string, bridge: string): Promise<Setting[]> {
    const read = async (name: string) => {
      const roots = ['ipv4', 'ipv6'].map((family) => `/proc/sys/net/${family}/conf/${name}`);
      const paths = roots.flatMap((root) => settingNames.map((each) => `${root}/${each}`));
      const { stdout } = await this.#spawn({ argv: inside('', ['grep', '-Hs', '', ...paths]) });
      return new Map(
        stdout.split('\n').flatMap((line): [string, string][] => {
          const at = line.indexOf(':');
          const key = line.slice('/proc/sys/'.length, at).split('/');
          return at < 0 ? [] : [[`${key[1]} ${key[4]}`, line.slice(at + 1).trim()]];
        }),
      );
    };
    const [own, others] = [await read(device), await read(bridge)];
    const missing = others.size === 0 ? await read('default') : others;
    return [...own].flatMap(([name, value]) => {
      if (missing.get(name) === undefined || missing.get(name) === value) return [];
      const [family = '', setting = ''] = name.split(' ');
      return [{ key: `net/${family}/conf/${bridge}/${setting}`, value }];
    });
  }

  #now({ things, at }: UplinkRecord): Carried {
    return aged(things, (this.#clock.now() - at) / 1000);
  }

  /** As of now. Undefined: there is none, or it is of another start of the kernel's or of another bridge. */
  async #recordOf(device: string, bridge: string): Promise<UplinkRecord | undefined> {
    const record = (await this.#loaded()).get(device);
    if (record === undefined || record.bridge !== bridge || record.boot !== (await this.#bootId())) return undefined;
    return { ...record, things: this.#now(record) };
  }

  async #write(what: Omit<UplinkRecord, 'boot' | 'at'>): Promise<void> {
    const record = { ...what, boot: await this.#bootId(), at: this.#clock.now() };
    await this.#store.save(what.device, record);
    (await this.#loaded()).set(what.device, record);
  }

  async #forget(device: string): Promise<void> {
    if (!(await this.#loaded()).has(device)) return;
    await this.#store.save(device, undefined);
    (await this.#loaded()).delete(device);
  }

  async #loaded(): Promise<Map<string, UplinkRecord>> {
    this.#records ??= new Map(await this.#store.load());
    return this.#records;
  }

  async #bootId(): Promise<string> {
    this.#boot ??= await bootId();
    return this.#boot;
  }
}

/**
 * Before anything else is asked of the host: gives interfaces back what a move that was broken off, or somebody who took a bridge
 * away, has left them without. Cheap when there is nothing to do.
 * @returns what was done, and what could not be
 */
export async function recoverUplinks(store: UplinkStore, spawn: Spawn, clock: Clock): Promise<readonly Result[]> {
  const uplinks = new Uplinks(store, spawn, clock);
  const steps = await uplinks.lost();
  return steps.length === 0 ? [] : await uplinks.apply(steps, (each) => apply(each, spawn, '1'));
}

const bridgeOf = (step: Step): string => {
  const subject = subjectOf(step);
  return subject.kind === 'uplink' ? subject.bridge : '';
};

/** Of a link of the host's own. */
const nameOf = (step: Step): string => {
  const subject = subjectOf(step);
  return subject.kind === 'link' && subject.ns === '' ? subject.name : '-';
};

const notYet = (bridge: string) => `Delete the bridge ${bridge} on the host: what stands on it has not come back yet`;

/** What is to stand in the interface's place. */
function leaving(itself: Carried, inPlace: Carried, stands: boolean, record: UplinkRecord | undefined): Carried {
  if (stands && record?.settled === false) return united(record.things, inPlace, itself);
  if (stands) return labelledAs(united(inPlace, itself), united(record?.things ?? nothingCarried, itself));
  // Somebody took the bridge away, and with it all that stood on it.
  return record?.settled ? united(itself, record.things) : itself;
}

/** What is to stand on the interface again. */
function returning(itself: Carried, inPlace: Carried, stands: boolean, record: UplinkRecord | undefined): Carried {
  if (!stands) return itself;
  if (record?.settled === false) return united(record.things, inPlace, itself);
  return labelledAs(united(inPlace, itself), record?.things ?? nothingCarried);
}

/** Of `net/ipv4/conf` and `net/ipv6/conf`: what decides which packets and announcements are taken, sent and passed on. */
const settingNames = [
  ...['rp_filter', 'forwarding', 'arp_ignore', 'arp_announce', 'arp_filter', 'arp_accept', 'arp_notify', 'proxy_arp'],
  ...['accept_redirects', 'send_redirects', 'secure_redirects', 'accept_source_route', 'accept_local', 'log_martians'],
  ...['src_valid_mark', 'route_localnet', 'promote_secondaries', 'shared_media', 'ignore_routes_with_linkdown'],
  ...['disable_ipv6', 'accept_ra', 'accept_ra_defrtr', 'accept_ra_pinfo', 'accept_ra_rt_info_max_plen', 'autoconf'],
  ...['use_tempaddr', 'addr_gen_mode', 'proxy_ndp', 'router_solicitations', 'accept_ra_mtu', 'hop_limit'],
];
