/** What sysctls were before Trama set them, so that they can be put back, also by another process. */
import { containerOf, keyOf } from './identity.ts';
import type { KernelObject, SysctlObject } from './objects.ts';
import type { Step } from './steps.ts';
import type { DeltaTracker } from './tracker.ts';

/** Where it is kept: `"NAMESPACE KEY"` → value. */
export interface Remembered {
  load(): Promise<Record<string, string>>;
  /** Resolved means durable: the sysctl is written after it. */
  save(values: Record<string, string>): Promise<void>;
}

/** For those who need no memory beyond the process. */
export const rememberNothing: Remembered = { load: async () => ({}), save: async () => {} };

export class SysctlMemory {
  readonly #port: Remembered;
  #values: Map<string, string> | undefined;

  constructor(port: Remembered) {
    this.#port = port;
  }

  async #loaded(): Promise<Map<string, string>> {
    this.#values ??= new Map(Object.entries(await this.#port.load()));
    return this.#values;
  }

  /** Sysctls that Trama set, in this life or an earlier one. */
  async known(): Promise<{ ns: string; key: string }[]> {
    return [...(await this.#loaded()).keys()].map((text) => {
      const at = text.indexOf(' ');
      return { ns: text.slice(0, at), key: text.slice(at + 1) };
    });
  }

  /**
   * Before steps are done: keeps the values that are about to be overwritten, and gives deletions theirs.
   * @param read what the sysctls are now.
   */
  async prepare(
    steps: readonly Step[],
    tracker: DeltaTracker,
    read: (sysctls: readonly SysctlObject[]) => Promise<readonly KernelObject[]>,
  ): Promise<Step[]> {
    const values = await this.#loaded();
    const written = steps.flatMap((step) => (step.op !== 'delete' && isLasting(step.after) ? [step.after] : []));
    const unknown = written.filter((sysctl) => !values.has(memoryKey(sysctl)));
    if (unknown.length > 0) {
      const unseen = unknown.filter((sysctl) => tracker.believed(keyOf(sysctl)) === undefined);
      const now = [
        ...unknown.map((sysctl) => tracker.believed(keyOf(sysctl))),
        ...(unseen.length ? await read(unseen) : []),
      ];
      await this.remember(now.filter((object) => object !== undefined));
    }
    return steps.map((step) => {
      if (step.op !== 'delete' || step.before.kind !== 'sysctl') return step;
      const previous = step.before.previous ?? values.get(memoryKey(step.before));
      return previous === undefined ? step : { op: 'delete', before: { ...step.before, previous } };
    });
  }

  /** Keeps values as the original ones, unless some are kept already. */
  async remember(objects: readonly KernelObject[]): Promise<void> {
    const values = await this.#loaded();
    const fresh = objects.filter((object) => isLasting(object)).filter((object) => !values.has(memoryKey(object)));
    if (fresh.length === 0) return;
    for (const object of fresh) values.set(memoryKey(object), object.value);
    try {
      await this.#port.save(Object.fromEntries(values));
    } catch (error) {
      // Not on disk: they are to be kept anew before anything is overwritten.
      for (const object of fresh) values.delete(memoryKey(object));
      throw error;
    }
  }

  /** Nothing that is remembered counts any more. */
  async forgetAll(): Promise<void> {
    const values = await this.#loaded();
    if (values.size === 0) return;
    values.clear();
    await this.#port.save({});
  }

  /** They are as they were before Trama. */
  async forget(objects: readonly KernelObject[]): Promise<void> {
    const values = await this.#loaded();
    const gone = objects.filter((object) => object.kind === 'sysctl').map(memoryKey);
    if (gone.filter((key) => values.delete(key)).length > 0) await this.#port.save(Object.fromEntries(values));
  }
}

const memoryKey = (sysctl: SysctlObject) => `${sysctl.ns} ${sysctl.key}`;

/** Those of our own interfaces and namespaces go away with them. */
function isLasting(object: KernelObject): object is SysctlObject {
  if (object.kind !== 'sysctl' || object.ns !== '') return false;
  return containerOf(object) === undefined && object.previous === undefined;
}
