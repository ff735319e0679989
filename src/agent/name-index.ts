/** Names of one network: who answers to a name, and what an address is called. A change costs its own names, however many there are. */

export interface Named {
  readonly id: string;
  readonly address: string;
  /** In any case, the first first; several may have the same. */
  readonly names: readonly string[];
}

export class NameIndex {
  readonly #entries = new Map<string, Named>();
  readonly #byName = new Map<string, Map<string, Named>>();
  readonly #byAddress = new Map<string, Map<string, Named>>();

  /** @returns whether an answer may be another now */
  put({ id, address, names }: Named): boolean {
    const entry = { id, address, names: [...new Set(names.map((name) => name.toLowerCase()))] };
    if (JSON.stringify(this.#entries.get(id)) === JSON.stringify(entry)) return false;
    this.delete(id);
    this.#entries.set(id, entry);
    for (const name of entry.names) add(this.#byName, name, entry);
    add(this.#byAddress, address, entry);
    return true;
  }

  /** @returns whether it was there */
  delete(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    this.#entries.delete(id);
    for (const name of entry.names) remove(this.#byName, name, id);
    remove(this.#byAddress, entry.address, id);
    return true;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param name in lower case */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** @param name in lower case */
  addresses(name: string): string[] {
    return [...new Set([...(this.#byName.get(name)?.values() ?? [])].map((entry) => entry.address))];
  }

  namesOf(address: string): string[] {
    return [...(this.#byAddress.get(address)?.values() ?? [])].flatMap((entry) => entry.names);
  }
}

function add(index: Map<string, Map<string, Named>>, key: string, entry: Named): void {
  const entries = index.get(key) ?? new Map<string, Named>();
  index.set(key, entries.set(entry.id, entry));
}

function remove(index: Map<string, Map<string, Named>>, key: string, id: string): void {
  const entries = index.get(key);
  if (entries?.delete(id) && entries.size === 0) index.delete(key);
}
