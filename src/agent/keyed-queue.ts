/** Work in order per key; different keys do not wait for one another. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(work);
    this.#last.set(key, mine);
    void mine
      .catch(() => {})
      .finally(() => {
        if (this.#last.get(key) === mine) this.#last.delete(key);
      });
    return mine;
  }

  /** Resolves when all that is in the queue at the call has ended, well or not. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }

  busy(key: string): boolean {
    return this.#last.has(key);
  }
}
