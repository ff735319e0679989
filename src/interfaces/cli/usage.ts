/** What is wrong with the words of a command: exit code 2. */
import { isFailure } from '../../domain/errors.ts';

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Turns a rule of `domain` into one that refuses as bad usage. */
export function usage<A extends unknown[], T>(rule: (...args: A) => T): (...args: A) => T {
  return (...args) => {
    try {
      return rule(...args);
    } catch (error) {
      if (isFailure(error, 'invalid')) throw new UsageError(error.message, { cause: error });
      throw error;
    }
  };
}

/** For commander: collects what a rule gives for each of several words. */
export function each<T>(rule: (text: string) => T): (text: string, sofar: T[] | undefined) => T[] {
  const check = usage(rule);
  return (text, sofar = []) => [...sofar, check(text)];
}
