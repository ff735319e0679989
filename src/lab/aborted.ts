/** Who looks again after an error must not when somebody wants no more of it: see `AbortSignal.throwIfAborted`. @throws that */
export function unlessAborted(error: unknown): false {
  if (error instanceof Error && error.name === 'AbortError') throw error;
  return false;
}
