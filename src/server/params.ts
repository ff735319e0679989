import type { z } from 'zod';
import { Failure } from '../domain/domain.ts';

/** What a method was called with, as its schema has it. @throws Failure `invalid` that names the first wrong parameter */
export function parseParams<S extends z.ZodType>(method: string, schema: S, params: unknown): z.output<S> {
  const parsed = schema.safeParse(params ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `parameter ${issue.path.join('.')}` : 'its parameters';
  const why = (issue?.message ?? 'not understood').replace(/^Invalid input: /, '');
  throw new Failure('invalid', `${method} cannot be asked like this: ${where}: ${why}`);
}
