/** The control channel of a stream, as it is checked where it arrives. */
import { z } from 'zod';
import { Failure } from '../domain/errors.ts';
import { type StreamControl, signals } from './api.ts';

const control = z.discriminatedUnion('type', [
  z.object({ type: z.literal('resize'), columns: z.number().int().min(1), rows: z.number().int().min(1) }),
  z.object({ type: z.literal('end-of-input') }),
  z.object({ type: z.literal('signal'), signal: z.enum(signals) }),
  z.object({ type: z.literal('progress'), message: z.string() }),
  z.object({ type: z.literal('position'), at: z.string(), count: z.number().int().min(1) }),
]);
const types: ReadonlySet<string> = new Set(control.options.map(({ shape }) => shape.type.value));

/** What came on the control channel; undefined for a kind that a newer peer knows. @throws Failure `invalid` */
export function readControl(data: Uint8Array): StreamControl | undefined {
  try {
    const message: unknown = JSON.parse(Buffer.from(data).toString());
    const { type } = message as { type: string };
    return typeof type === 'string' && !types.has(type) ? undefined : control.parse(message);
  } catch (error) {
    throw new Failure('invalid', 'The stream carried a control message of an unknown form.', { cause: error });
  }
}

export const writeControl = (message: StreamControl): Uint8Array => Buffer.from(JSON.stringify(message));
