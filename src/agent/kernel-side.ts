/** The agent's reconciler: what it must remember, what it may not remove yet, and whom it tells. */
import { Failure } from '../domain/domain.ts';
import {
  commandsOf,
  createReconciler,
  explain,
  type FailedStep,
  type HandedLink,
  type KernelObject,
  type Outcome,
  type Pass,
  type Reconciler,
  type Replacement,
  sandboxOf,
  shellLine,
  subjectOf,
  type UplinkStore,
} from '../kernel/kernel.ts';
import { isNamespace } from '../platform/platform.ts';
import type { AgentOptions } from './agent.ts';
import type { LocalState } from './local-state.ts';
import type { Tidings } from './tidings.ts';

export interface KernelSideOptions {
  readonly agent: AgentOptions;
  readonly sysctls: LocalState['sysctls'];
  /** Absent: no bridge takes an interface's place beyond the process's life. */
  readonly uplinks?: LocalState['uplinks'];
  readonly tidings: Tidings;
  /** What stands in place of a pair that is gone although its container runs. */
  restored(link: HandedLink): Promise<Replacement>;
  /** VNIs of networks whose other nodes' endpoints no server has told of yet; `all`: of any network at all. */
  unknownPeers(): ReadonlySet<number> | 'all';
  /** Ends endpoints whose containers are gone. @returns whether there was any */
  endGone(): Promise<boolean>;
  /** Told of each pass. */
  onPass?(pass: Pass): void;
  /** The kernel has been brought nearer to what is desired. */
  settled(): void;
}

/** An engine that ends a sandbox has so long to end its processes, with which its interfaces go. */
const endingMs = 10_000;
const lookMs = 500;

export class KernelSide {
  readonly reconciler: Reconciler;
  readonly #options: KernelSideOptions;
  /** Not until everybody has said what they want: what nobody wants is deleted. */
  #begun = false;
  /** A pair is missing whose container may be gone as well. */
  #unused = false;
  /** Something was found that is spared until a server tells of its network. */
  #sparing = false;
  readonly #first = Promise.withResolvers<void>();

  constructor(options: KernelSideOptions) {
    const { agent, sysctls, uplinks, tidings } = options;
    this.#options = options;
    this.reconciler = createReconciler({
      spawn: agent.spawn,
      start: agent.start,
      clock: agent.clock,
      log: agent.log,
      remembered: {
        load: async () => Object.fromEntries(sysctls.entries()),
        save: (values) => saveAll(sysctls, values),
      },
      ...(uplinks === undefined ? {} : { uplinks: uplinkStore(uplinks) }),
      onMissing: (link) => this.#inPlaceOf(link),
      keep: (object) => {
        const spared = this.#notYetKnown(object);
        this.#sparing ||= spared;
        return spared;
      },
      onRepair: (sentences) => tidings.repairs(sentences),
      onPass: (pass) => options.onPass?.(pass),
    });
  }

  /** @throws Failure when something of this owner's could not be done */
  async settle(owner: string): Promise<void> {
    await this.reconciler.settle();
    this.#options.settled();
    const [failed] = this.reconciler.failuresOf(owner);
    if (failed !== undefined) throw new Failure('internal', `the kernel refused part of the wiring: ${failed.message}`);
  }

  /** Done when what is desired now is in the kernel, as far as it can be. Before the first look, nothing is done early. */
  async untilSettled(): Promise<void> {
    await this.#first.promise;
    await this.reconciler.settle();
  }

  /** Nobody waits for it. */
  settleSoon(): void {
    if (this.#begun) this.#report(this.reconciler.settle());
  }

  /** A server has told of something: what was spared since nobody had told of it is looked at again. */
  told(): void {
    const again = this.#sparing;
    this.#sparing = false;
    if (again) this.lookSoon();
    else this.settleSoon();
  }

  lookSoon(): void {
    if (this.#begun) this.#report(this.reconciler.resync());
  }

  /** The first look after a start, once everybody has said what they want. */
  async look(): Promise<void> {
    await this.#options.endGone();
    this.#begun = true;
    this.#first.resolve();
    await this.#tell(await this.reconciler.resync());
  }

  /** Ends endpoints whose containers are gone. @returns whether there was any */
  async endGone(): Promise<boolean> {
    if (!this.#begun || !(await this.#options.endGone())) return false;
    this.settleSoon();
    return true;
  }

  /** Names of desired veth pairs that are not there. */
  async missingPairs(): Promise<ReadonlySet<string>> {
    const created = (await this.reconciler.plan()).flatMap((step) => (step.op === 'create' ? [step.after] : []));
    return new Set(created.flatMap((object) => (object.kind === 'link' ? [object.name] : [])));
  }

  /** What a pass would change, in sentences. What was found so is repaired soon after. */
  async differences(): Promise<string[]> {
    const steps = await this.reconciler.plan();
    if (steps.length > 0) this.lookSoon();
    return steps.map(explain);
  }

  /** What a clean uninstall would run. */
  async clearCommands(): Promise<string[]> {
    return (await this.reconciler.clearPlan()).flatMap((step) => commandsOf(step)).map(shellLine);
  }

  #report(pass: Promise<Outcome>): void {
    pass
      .then((outcome) => this.#tell(outcome))
      .catch((error: unknown) => this.#options.agent.log.debug('the kernel could not be settled', { error }));
  }

  async #inPlaceOf(link: HandedLink): Promise<Replacement> {
    const objects = await this.#options.restored(link);
    this.#unused ||= objects === 'later';
    return objects;
  }

  /** What could not be done for a container that is gone is no trouble. */
  async #tell({ failed }: Outcome): Promise<void> {
    this.#options.settled();
    if (failed.length === 0 && !this.#unused) return;
    this.#unused = false;
    await this.#options.endGone();
    if (failed.length === 0) return;
    // Perhaps just because its interface has gone with it, which a look shows.
    let left = (await this.reconciler.resync()).failed;
    for (let waited = 0; waited < endingMs && (await anyEnding(left)); waited += lookMs) {
      await this.#options.agent.clock.sleep(lookMs);
      await this.#options.endGone();
      left = (await this.reconciler.resync()).failed;
    }
    this.#options.tidings.troubles(left.map(({ message }) => message));
  }

  /**
   * Entries about other nodes' endpoints in a network of which no server has told yet: after a restart they are right until
   * somebody who knows says otherwise.
   */
  #notYetKnown(object: KernelObject): boolean {
    const unknown = this.#options.unknownPeers();
    if (unknown === 'all') return true;
    // Of which network a route to another host is, it does not say.
    if (object.kind === 'route' && object.via !== undefined && !object.ns.startsWith('/')) return unknown.size > 0;
    const vni = networkOf(object);
    return vni !== undefined && unknown.has(vni);
  }
}

/** Whether something could not be done in a sandbox that is none any more, though its interfaces are there. */
async function anyEnding(failed: readonly FailedStep[]): Promise<boolean> {
  const paths = new Set(failed.map(({ step }) => sandboxOf(subjectOf(step))));
  paths.delete(undefined);
  return (await Promise.all([...paths].map((path) => isNamespace(path ?? '')))).includes(false);
}

/** VNI of the network that an entry about a peer is for. */
function networkOf(object: KernelObject): number | undefined {
  if (object.kind === 'nft-element') return object.set === 'vteps' ? Number(object.key[1]) : undefined;
  const device = object.kind === 'fdb' || object.kind === 'neighbour' ? object.device : '';
  const vni = /^tr[bgx](\d+)$/.exec(device)?.[1];
  return vni === undefined ? undefined : Number(vni);
}

/** Makes the map hold exactly these. */
async function saveAll(map: LocalState['sysctls'], values: Readonly<Record<string, string>>): Promise<void> {
  for (const [key] of [...map.entries()]) if (!(key in values)) await map.delete(key);
  for (const [key, value] of Object.entries(values)) if (map.get(key) !== value) await map.set(key, value);
}

export function uplinkStore(map: LocalState['uplinks']): UplinkStore {
  return {
    load: async () => new Map(map.entries()),
    save: (device, record) => (record === undefined ? map.delete(device) : map.set(device, record)),
  };
}
