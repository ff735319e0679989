/** What a failure means to the person or program that asked. The codes travel between processes. */
export const failureCodes = [
  /** The request itself is wrong; asking again the same way fails again. */
  'invalid',
  'not-found',
  /** Clashes with something that exists; the message says what with what. */
  'conflict',
  /** Nothing left to give: addresses, blocks, VNIs, disk. */
  'exhausted',
  /** Who asks may not. */
  'denied',
  /** Nobody who could answer is there now; trying later can help. */
  'unavailable',
  'deadline',
  'overloaded',
  'internal',
] as const;

export type FailureCode = (typeof failureCodes)[number];

/**
 * A failure with a meaning. The message is one sentence for a person: what happened, to what, what to do next.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function isFailure(error: unknown, code?: FailureCode): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code);
}

/** Any thrown thing as a Failure; what was none becomes `internal` with the original as cause. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('internal', error instanceof Error ? error.message : String(error), { cause: error });
}

/** At the end of what a plugin tells an engine where the same may go well later: engines keep the sentence. */
export const forNow = '(for now)';

/** Whether the same may go well later without anything else being done. */
export const isForNow = (error: unknown): boolean => isFailure(error, 'unavailable') || isFailure(error, 'deadline');
