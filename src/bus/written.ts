/** Values as JSON that was written before: by whoever made them out of text, or when they were sent first. */

const written = new WeakMap<object, Uint8Array>();

/** `value` is sent as these bytes, whoever sends it. It is frozen, since what it says is settled by them. */
export function writtenAs<T extends object>(value: T, json: Uint8Array): T {
  const frozen = Object.freeze(value);
  written.set(frozen, json);
  return frozen;
}

/** @returns undefined for what has not been written, or can change */
export function writingOf(value: unknown): Uint8Array | undefined {
  return typeof value === 'object' && value !== null ? written.get(value) : undefined;
}
