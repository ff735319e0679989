/** The agent's reconciler: what it must remember, what it may not remove yet, and whom it tells. */
import { Failure } from '../domain/domain.ts';
import {
  commandsOf,
  createReconciler,
  type KernelObject,
  type Outcome,
  type Reconciler,
  shellLine,
  type VethLink,
} from '../kernel/kernel.ts';
import type { AgentOptions } from './agent.ts';
import type { LocalState } from './local-state.ts';
import type { Tidings } from './tidings.ts';

export interface KernelSideOptions {
  readonly agent: AgentOptions;
  readonly sysctls: LocalState['sysctls'];
  readonly tidings: Tidings;
  /** What stands in place of a pair that is gone although its container runs. */
  restored(link: VethLink): readonly KernelObject[] | undefined;
  /** VNIs of networks whose other nodes' endpoints no server has told of yet; `all`: of any network at all. */
  unknownPeers(): ReadonlySet<number> | 'all';
  /** The kernel has been brought nearer to what is desired. */
  settled(): void;
}

export class KernelSide {
  readonly reconciler: Reconciler;
  readonly #options: KernelSideOptions;

  constructor(options: KernelSideOptions) {
    const { agent, sysctls, tidings } = options;
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
      onMissing: (link) => options.restored(link),
      keep: (object) => this.#notYetKnown(object),
      onRepair: (sentences) => tidings.repairs(sentences),
    });
  }

  /** @throws Failure when something of this owner's could not be done */
  async settle(owner: string): Promise<void> {
    await this.reconciler.settle();
    this.#options.settled();
    const [failed] = this.reconciler.failuresOf(owner);
    if (failed !== undefined) throw new Failure('internal', `the kernel refused part of the wiring: ${failed.message}`);
  }

  /** Nobody waits for it. */
  settleSoon(): void {
    this.#report(this.reconciler.settle());
  }

  lookSoon(): void {
    this.#report(this.reconciler.resync());
  }

  /** The first look after a start. */
  async look(): Promise<void> {
    this.#tell(await this.reconciler.resync());
  }

  /** What a clean uninstall would run. */
  async clearCommands(): Promise<string[]> {
    return (await this.reconciler.clearPlan()).flatMap((step) => commandsOf(step)).map(shellLine);
  }

  #report(pass: Promise<Outcome>): void {
    pass.then(
      (outcome) => this.#tell(outcome),
      (error: unknown) => this.#options.agent.log.debug('the kernel could not be settled', { error }),
    );
  }

  #tell(outcome: Outcome): void {
    this.#options.settled();
    this.#options.tidings.troubles(outcome.failed.map(({ message }) => message));
  }

  /**
   * Entries about other nodes' endpoints in a network of which no server has told yet: after a restart they are right until
   * somebody who knows says otherwise.
   */
  #notYetKnown(object: KernelObject): boolean {
    const unknown = this.#options.unknownPeers();
    if (unknown === 'all') return true;
    const vni = networkOf(object);
    return vni !== undefined && unknown.has(vni);
  }
}

/** VNI of the network that an entry about a peer is for. */
function networkOf(object: KernelObject): number | undefined {
  if (object.kind === 'nft-element') return object.set === 'vteps' ? Number(object.key[1]) : undefined;
  const device = object.kind === 'fdb' || object.kind === 'neighbour' ? object.device : '';
  const vni = /^tr[bx](\d+)$/.exec(device)?.[1];
  return vni === undefined ? undefined : Number(vni);
}

/** Makes the map hold exactly these. */
async function saveAll(map: LocalState['sysctls'], values: Readonly<Record<string, string>>): Promise<void> {
  for (const [key] of [...map.entries()]) if (!(key in values)) await map.delete(key);
  for (const [key, value] of Object.entries(values)) if (map.get(key) !== value) await map.set(key, value);
}
